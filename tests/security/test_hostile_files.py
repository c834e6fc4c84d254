"""Files from outside are data or refused, in one sentence; a small one cannot ask for all memory."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
from upath import UPath

from mmm_assets.io_managers import io_managers
from mmm_core.data.sources.parquet import read_parquet
from mmm_core.errors import MMMError, StorageError
from mmm_core.model.posterior import Posterior
from mmm_core.plausible import require_plausible
from tests.factories import made_up_posterior, tiny_model_data

FRAME = pd.DataFrame({"date": ["2024-01-01"], "geo": ["A"], "spend": [1.5]})


class Harmful:
    """Would leave a file where it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def of_1e12_draws(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("posterior/roi", shape=(4, 10**12, 8), chunks=(1, 1000, 1), dtype="f8")


def with_references(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("posterior/roi", (3,), dtype=h5py.ref_dtype)


def linked_elsewhere(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["posterior"] = h5py.ExternalLink("/etc/hostname", "/")


def stored_elsewhere(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("posterior/roi", (8,), dtype="u1", external=[("/etc/hostname", 0, 8)])


def truncated(path: Path) -> None:
    made_up_posterior(tiny_model_data()).save(path)
    path.write_bytes(path.read_bytes()[:-2000])


def of_other_variables(path: Path) -> None:
    for group in ("posterior", "sample_stats", "constant_data", "scaling"):
        mode = "a" if path.exists() else "w"
        xr.Dataset({"x": ("draw", np.arange(3.0))}).to_netcdf(path, group=group, mode=mode, engine="h5netcdf")  # type: ignore[call-overload]


def text_file(path: Path) -> None:
    path.write_text("date,geo\n")


def parquet_file(path: Path) -> None:
    FRAME.to_parquet(path)


def empty_file(path: Path) -> None:
    path.touch()


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Harmful(path.with_name("harmed"))))


def of_140_million_rows(path: Path) -> None:
    """A few kilobytes for 1.1 GB: one column without any value, row group by row group."""
    table = pa.table({"spend": pa.nulls(2 * 10**6, pa.int8())})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(70):
            writer.write_table(table)


FITS = [
    of_1e12_draws,
    with_references,
    linked_elsewhere,
    stored_elsewhere,
    truncated,
    of_other_variables,
    text_file,
    parquet_file,
    empty_file,
    pickled,
]


def refused(read: Callable[[], Any]) -> str:
    with pytest.raises(MMMError) as error:
        read()
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 900
    return text


@pytest.mark.parametrize("make", FITS, ids=lambda make: make.__name__)
def test_a_fit_that_is_none_is_refused_in_one_sentence(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    make(path)
    assert "posterior.nc" in refused(lambda: Posterior.load(path))
    manager = io_managers(UPath(tmp_path))["posterior_io"]
    assert "posterior.nc" in refused(lambda: manager.stored(UPath(path), "posterior"))
    assert not (tmp_path / "harmed").exists()


def test_a_real_fit_is_plausible(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    made_up_posterior(tiny_model_data()).save(path)
    require_plausible(path)
    assert Posterior.load(path).info.backend


TABLES = [of_140_million_rows, text_file, empty_file, pickled]


@pytest.mark.parametrize("make", TABLES, ids=lambda make: make.__name__)
def test_a_table_that_is_none_is_refused_in_one_sentence(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    make(path)
    assert "plan.parquet" in refused(lambda: read_parquet(path, "plan.parquet"))
    manager = io_managers(UPath(tmp_path))["parquet"]
    assert "plan.parquet" in refused(lambda: manager.stored(UPath(path), "plan"))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("column", [[{"a": 1}], [[1, 2]], [b"\x80\x04"]], ids=["structure", "list", "bytes"])
def test_columns_of_objects_are_refused(column: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    pq.write_table(pa.table({"geo": ["A"], "odd": column}), path)
    assert "odd" in refused(lambda: read_parquet(path, "plan.parquet"))


def test_pickled_bytes_in_a_column_stay_bytes(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    pq.write_table(pa.table({"odd": [pickle.dumps(Harmful(tmp_path / "harmed"))]}), path)
    refused(lambda: read_parquet(path, "plan.parquet"))
    assert not (tmp_path / "harmed").exists()


def test_pandas_metadata_of_a_file_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    pq.write_table(pa.table({"geo": ["A"]}).replace_schema_metadata({"pandas": "{not json", "x": "y"}), path)
    assert list(read_parquet(path, "plan.parquet")["geo"]) == ["A"]


def test_a_plausible_file_of_another_kind_passes(tmp_path: Path) -> None:
    text_file(tmp_path / "x.csv")
    require_plausible(tmp_path / "x.csv")
    of_1e12_draws(tmp_path / "x.nc")
    with pytest.raises(StorageError, match="claims"):
        require_plausible(tmp_path / "x.nc")
