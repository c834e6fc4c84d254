"""Files that are written once and never changed."""

import errno
import filecmp
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import xarray as xr

from mmm_core.storage import room_for, temporary_beside

_NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems without hard links answer."""


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files have the same content."""
    return filecmp.cmp(one, other, shallow=False)


def same_datasets(one: Path, other: Path) -> bool:
    """Whether two netCDF-4 files have the same groups, whose bytes differ from one time to the next."""
    try:
        return _groups(one) == _groups(other) and all(
            xr.load_dataset(one, group=group, engine="h5netcdf").identical(
                xr.load_dataset(other, group=group, engine="h5netcdf")
            )
            for group in _groups(one)
        )
    except (OSError, ValueError):
        return False


def there(path: Path) -> None:
    """Nothing: a file of this machine has its content."""


def keep(
    target: Path,
    write: Callable[[Path], object],
    same: Callable[[Path, Path], bool] = same_bytes,
    fetch: Callable[[Path], object] = there,
) -> Path:
    """Write a file unless it is there with the same content; what is there is never changed.

    Args:
        target: wished path; if that is taken by something else, `_2`, `_3`, ... is put behind its name.
        write: writes to the path that it gets.
        same: whether two files have the same content.
        fetch: called before the content of a file that is there is read; its size is known before.

    Returns:
        Where the content is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target, target.suffix)
    try:
        with room_for(target):
            write(temporary)
            return next(
                path
                for path in _candidates(target)
                if _created(temporary, path) or (path.is_file() and _holds(path, temporary, same, fetch))
            )
    finally:
        temporary.unlink(missing_ok=True)


def _holds(path: Path, other: Path, same: Callable[[Path, Path], bool], fetch: Callable[[Path], object]) -> bool:
    """Whether a file that is there has the content of the other; it is fetched only if it may."""
    if same is same_bytes and path.stat().st_size != other.stat().st_size:
        return False
    fetch(path)
    return same(path, other)


def _candidates(target: Path) -> Iterator[Path]:
    yield target
    for number in count(2):
        yield target.with_name(f"{target.stem}_{number}{target.suffix}")


def _created(temporary: Path, path: Path) -> bool:
    """Give the finished file its name, unless something has it; a hard link never replaces anything."""
    if os.path.lexists(path):
        return False
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        temporary.replace(path)
    return True


def _groups(path: Path) -> list[str]:
    import h5netcdf

    with h5netcdf.File(path, "r") as file:
        return sorted(file.groups)
