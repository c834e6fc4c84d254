"""XLA compilation, several programs at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

Program = tuple[Callable[..., Any], tuple[Any, ...]]
"""A JAX function and example arguments (arrays or their shapes)."""
_OPTIONS = {"xla_cpu_multi_thread_eigen": False}
"""Chains already use the cores; splitting small products over threads as well made gradients slower."""


def compile_together(programs: Sequence[Program]) -> list[Callable[..., Any]]:
    """Compile for the default device.  Tracing is serial, XLA's part (most of the time) is not."""
    lowered = [jax.jit(function).lower(*arguments) for function, arguments in programs]
    with ThreadPoolExecutor(len(lowered), thread_name_prefix="compile") as pool:
        return list(pool.map(lambda program: program.compile(compiler_options=_OPTIONS), lowered))
