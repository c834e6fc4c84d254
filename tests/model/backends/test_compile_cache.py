"""Compiled programs on disk."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import jax
import jax.numpy as jnp
import pytest

from mmm_core.model.backends.compile_cache import compile_cache


@pytest.fixture(autouse=True)
def _no_folder_of_jaxs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")


def compiled(number: float) -> None:
    """A program of its own for each number."""
    jax.jit(lambda x: jnp.sin(x) * number + 1).lower(jnp.ones(3)).compile()


def programs(folder: Path) -> int:
    return len(list(folder.glob("*-cache"))) if folder.exists() else 0


def test_programs_are_kept_inside_the_block_only(tmp_path: Path) -> None:
    jnp.ones(3)
    before = jax.config.jax_compilation_cache_dir
    folder = tmp_path / "compiled"
    with compile_cache(folder):
        compiled(2.5)
    assert programs(folder) >= 1
    kept = programs(folder)
    compiled(3.5)
    with compile_cache(None):
        compiled(4.5)
    assert programs(folder) == kept
    assert jax.config.jax_compilation_cache_dir == before


def test_a_folder_that_jax_has_of_its_own_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "jaxs"))
    before = jax.config.jax_compilation_cache_dir
    with compile_cache(tmp_path / "ours"):
        assert jax.config.jax_compilation_cache_dir == before
        compiled(7.5)
    assert not (tmp_path / "ours").exists()


def test_threads_of_one_folder_share_it_and_others_wait(tmp_path: Path) -> None:
    together = Barrier(2, timeout=120)

    def share(number: float) -> str:
        with compile_cache(tmp_path / "a"):
            together.wait()
            compiled(number)
            return str(jax.config.jax_compilation_cache_dir)

    def other() -> str:
        with compile_cache(tmp_path / "b"):
            return str(jax.config.jax_compilation_cache_dir)

    with ThreadPoolExecutor(3) as pool:
        shared = [pool.submit(share, 5.5), pool.submit(share, 6.5)]
        alone = pool.submit(other)
        assert {future.result(60) for future in shared} == {str((tmp_path / "a").resolve())}
        assert alone.result(60) == str((tmp_path / "b").resolve())


def test_the_oldest_programs_go_when_the_folder_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from mmm_core.model.backends import compile_cache as module

    monkeypatch.setattr(module, "_LARGEST", 250)
    for age, name in enumerate(["new-cache", "older-cache", "oldest-cache"]):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    with compile_cache(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.glob("*-cache")) == ["new-cache", "older-cache"]
