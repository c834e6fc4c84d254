"""XLA compilation, several programs at a time, kept between runs."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax

from mmm_core.model.backends.compile_cache import compile_cache

Program = tuple[Callable[..., Any], tuple[Any, ...]]
"""A JAX function and example arguments (arrays or their shapes)."""
_CPU_OPTIONS = {"xla_cpu_multi_thread_eigen": False}
"""Chains already use the cores; splitting small products over threads as well made gradients slower."""


def compile_together(
    programs: Sequence[Program], cache: Path | None = None, platform: str = "cpu"
) -> list[Callable[..., Any]]:
    """Compile for the default device.  Tracing is serial, XLA's part (most of the time) is not.

    Args:
        programs: what to compile.
        cache: folder of programs that were compiled before; None: there is none.
        platform: `cpu` or `gpu`, of the default device.
    """
    options = _CPU_OPTIONS if platform == "cpu" else {}
    lowered = [jax.jit(function).lower(*arguments) for function, arguments in programs]
    with compile_cache(cache), ThreadPoolExecutor(len(lowered), thread_name_prefix="compile") as pool:
        return list(pool.map(lambda program: program.compile(compiler_options=options), lowered))
