"""Whether a stored file is whole, seen without reading all of it; and a clear word for one that is not."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from upath import UPath

from mmm_core.errors import MMMError, StorageError

_PARQUET, _HDF5 = b"PAR1", b"\x89HDF\r\n\x1a\n"
_SHORTEST_PARQUET = 12
_END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}
"""Version of HDF5's superblock -> where it says how long the file is (addresses of 8 bytes; section II.A of the
HDF5 file format specification)."""
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError)
"""What readers of Parquet, HDF5 and JSON raise at a damaged file."""
_LONGEST = 160


def is_whole(path: UPath) -> bool:
    """Whether a stored file has its end, as one that was cut off has not; true of an object store's, put whole."""
    if not isinstance(path, Path):
        return True
    look = {".parquet": _whole_parquet, ".nc": _whole_hdf5, ".json": _whole_json}.get(path.suffix)
    return look is None or look(Path(str(path)))


def _whole_parquet(path: Path) -> bool:
    """Both ends carry the mark, and between them is room for the footer."""
    size = path.stat().st_size
    if size < _SHORTEST_PARQUET:
        return False
    with path.open("rb") as file:
        begins = file.read(4)
        file.seek(-8, 2)
        footer, ends = int.from_bytes(file.read(4), "little"), file.read(4)
    return begins == ends == _PARQUET and footer + _SHORTEST_PARQUET <= size


def _whole_hdf5(path: Path) -> bool:
    """As long as its superblock says."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(_HDF5) or len(head) < len(_HDF5) + 1:
        return False
    place = _END_OF_FILE.get(head[len(_HDF5)])
    return place is None or 0 < int.from_bytes(head[place : place + 8], "little") <= path.stat().st_size


def _whole_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


@contextmanager
def readable(path: UPath, remedy: str) -> Iterator[None]:
    """One clear sentence where the block cannot read a file.

    Args:
        path: the file.
        remedy: what to do, for the end of the sentence.

    Raises:
        StorageError: the file is damaged.
    """
    try:
        yield
    except MMMError:
        raise
    except _UNREADABLE as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise StorageError(f"{path} is damaged ({words[0][:_LONGEST]}); {remedy}.") from error
