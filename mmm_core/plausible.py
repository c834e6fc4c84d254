"""A look at what a file claims to hold, before it is read: a small one can ask for more memory than there is.

Neither format can carry code: netCDF is HDF5 with numbers and text, Parquet has columns of plain types.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmm_core.errors import StorageError

_ALWAYS_ALLOWED = 2**30
_TIMES_FILE = 2000
"""More than zlib or run lengths make of real data."""
_NUMBERS_AND_TEXT = frozenset("biufSU")
"""Kinds of NumPy types; text of any length is a type of HDF5."""


def require_plausible(path: Path) -> None:
    """Refuse a Parquet or netCDF file that claims far more than it can hold, or holds other things than data.

    Other files pass, and files that their own reader refuses pass here.

    Raises:
        StorageError: more than 1 GiB and 2000 times the size of the file, or values that are no numbers or text.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PAR1"):
        claimed = _claimed_by_parquet(path)
    elif start.startswith(b"\x89HDF\r\n\x1a\n"):
        claimed = _claimed_by_netcdf(path)
    else:
        return
    size = path.stat().st_size
    if claimed > max(_ALWAYS_ALLOWED, _TIMES_FILE * size):
        raise StorageError(
            f"{path.name} claims {claimed / 2**30:,.0f} GiB in a file of {size:,} bytes; it is damaged, or "
            "was made to exhaust memory. Take it away and make it again from its source."
        )


def _claimed_by_parquet(path: Path) -> int:
    import pyarrow
    import pyarrow.parquet

    try:
        about = pyarrow.parquet.read_metadata(path)
    except (pyarrow.ArrowException, OSError):
        return 0
    return int(about.num_rows) * max(int(about.num_columns), 1) * 8


def _claimed_by_netcdf(path: Path) -> int:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            variables = list(_variables(file))
            strange = [name for name, _, is_data in variables if not is_data]
            claimed = sum(size for _, size, _ in variables)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return 0
    if strange:
        raise StorageError(
            f"{path.name} holds {', '.join(sorted(strange)[:3])}, which is neither numbers nor text; this program "
            "did not write it. Take it away and make it again."
        )
    return claimed


def _variables(group: Any) -> Iterator[tuple[str, int, bool]]:
    """Name and bytes of each variable, and whether it is numbers or text; nothing outside the file is opened."""
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            yield f"{group.name.rstrip('/')}/{name} (a link)", 0, False
        elif isinstance(child := group[name], h5py.Group):
            yield from _variables(child)
        elif isinstance(child, h5py.Dataset):
            is_data = child.dtype.kind in _NUMBERS_AND_TEXT or h5py.check_string_dtype(child.dtype) is not None
            inside = child.external is None and not child.is_virtual
            yield child.name, int(child.size or 0) * child.dtype.itemsize, is_data and inside
