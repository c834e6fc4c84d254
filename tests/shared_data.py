"""Public data sets that are not part of the repository."""

import os
from pathlib import Path

import pytest

ROOT_VARIABLE = "MMM_SHARED_DATA"
REQUIRE_VARIABLE = "MMM_REQUIRE_SHARED_DATA"


def shared_data(name: str) -> Path:
    """Path of a shared file or folder, such as `meridian/geo_media.csv`.

    The root is MMM_SHARED_DATA, or shared/data beside the repository.  Where the root is missing, the
    test is skipped, or fails if MMM_REQUIRE_SHARED_DATA is 1.  A name that the root does not have fails.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get(ROOT_VARIABLE) or beside)
    if not root.is_dir():
        message = f"shared data folder {root} is missing; set {ROOT_VARIABLE} to where it is"
        if os.environ.get(REQUIRE_VARIABLE) == "1":
            pytest.fail(message)
        pytest.skip(message)
    path = root / name
    if not path.exists():
        pytest.fail(f"{path} is missing")
    return path
