"""Stored values: where, in which form, atomically, and one rule for one geo and for many."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from upath import UPath

from mmm_assets.io_managers import (
    JsonIOManager,
    ModelDataIOManager,
    ParquetIOManager,
    PosteriorIOManager,
    StoredFit,
    every_geo,
    geo_folder,
    publish,
)
from mmm_core.errors import StorageError
from mmm_core.evaluation.convergence import diagnose
from tests.factories import made_up_posterior, tiny_model_data


def _frame(value: float) -> pd.DataFrame:
    frame = pd.DataFrame({"date": pd.to_datetime(["2024-01-01"]), "kpi": [value], "note": ["ä"]})
    frame.attrs = {"fit": "v1"}
    return frame


def test_a_table_comes_back_with_its_types_and_marks(tmp_path: Path) -> None:
    manager = ParquetIOManager(UPath(tmp_path))
    path = manager.path_of("features", "Geo0")
    publish(path, lambda local: manager.write(_frame(1.5), local))
    stored = manager.stored(path, "features")
    pd.testing.assert_frame_equal(stored, _frame(1.5))
    assert stored.attrs == {"fit": "v1"}


def test_records_come_back(tmp_path: Path) -> None:
    manager = JsonIOManager(UPath(tmp_path))
    record = {"geos": {"Île / 1": "x"}, "truth": None, "values": [1, 2.5]}
    publish(manager.path_of("source_snapshot"), lambda local: manager.write(record, local))
    assert manager.stored(manager.path_of("source_snapshot"), "source_snapshot") == record


def test_a_cube_comes_back(tmp_path: Path) -> None:
    manager, data = ModelDataIOManager(UPath(tmp_path)), tiny_model_data()
    publish(manager.path_of("model_data"), lambda local: manager.write(data, local))
    stored = manager.stored(manager.path_of("model_data"), "model_data")
    np.testing.assert_array_equal(stored.media, data.media)
    assert (stored.geos, stored.control_roles) == (data.geos, data.control_roles)


def test_a_posterior_comes_back_with_its_diagnostics(tmp_path: Path) -> None:
    manager, posterior = PosteriorIOManager(UPath(tmp_path)), made_up_posterior(tiny_model_data())
    fit = StoredFit(posterior, diagnose(posterior), "version", "run")
    publish(manager.path_of("posterior"), lambda local: manager.write(fit, local))
    stored = manager.stored(manager.path_of("posterior"), "posterior")
    np.testing.assert_array_equal(stored.posterior.stacked("roi_m"), posterior.stacked("roi_m"))
    pd.testing.assert_frame_equal(stored.diagnostics.parameters, fit.diagnostics.parameters, check_exact=False)
    assert (stored.version, stored.mlflow_run_id) == ("version", "run")


def test_a_write_that_breaks_leaves_the_old_value_and_no_rubbish(tmp_path: Path) -> None:
    path = UPath(tmp_path / "table.parquet")
    publish(path, lambda local: _frame(1.0).to_parquet(local))

    def half(local: Path) -> None:
        local.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        publish(path, half)
    assert pd.read_parquet(path)["kpi"].tolist() == [1.0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.parquet"]


def test_values_may_live_on_any_file_system(tmp_path: Path) -> None:
    manager = ParquetIOManager(UPath("memory://mmm-test"))
    path = manager.path_of("features", "A / B")
    publish(path, lambda local: manager.write(_frame(2.0), local))
    assert manager.stored(path, "features")["kpi"].tolist() == [2.0]


def test_a_missing_value_says_what_to_materialize(tmp_path: Path) -> None:
    manager = ParquetIOManager(UPath(tmp_path))
    with pytest.raises(StorageError, match="materialize clean_panel first"):
        manager.stored(manager.path_of("clean_panel", "Geo0"), "clean_panel")


@pytest.mark.parametrize("geo", ["A/B", "..", "Île", "東京", "100%", "a=b", "..\\x", "C:"])
def test_no_name_of_a_geo_leaves_its_folder_or_meets_another(tmp_path: Path, geo: str) -> None:
    base = ParquetIOManager(UPath(tmp_path)).path_of("features", geo)
    assert Path(str(base)).resolve().parent.parent == (tmp_path / "features").resolve()
    assert geo_folder(geo) != geo_folder(geo + "/")


@pytest.mark.parametrize("stored", [("only",), ("one", "two"), ("with/slash", "東京")])
def test_a_pooled_asset_gets_a_dict_of_stored_geos_even_of_one(tmp_path: Path, stored: tuple[str, ...]) -> None:
    geos = dg.DynamicPartitionsDefinition(name="geos")
    received: dict[str, Any] = {}

    @dg.asset(partitions_def=geos, io_manager_key="parquet")
    def table(context: dg.AssetExecutionContext) -> pd.DataFrame:
        return pd.DataFrame({"geo": [context.partition_key]})

    @dg.asset(partitions_def=geos, io_manager_key="parquet")
    def same_geo(table: pd.DataFrame) -> pd.DataFrame:
        return table

    @dg.asset(ins={"table": every_geo("table")}, io_manager_key="json")
    def pooled(table: dict[str, pd.DataFrame]) -> list[str]:
        received.update(table)
        return sorted(table)

    managers = {"parquet": ParquetIOManager(UPath(tmp_path)), "json": JsonIOManager(UPath(tmp_path))}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("geos", [*stored, "registered but never stored"])
        for geo in stored:
            dg.materialize([table, same_geo], partition_key=geo, instance=instance, resources=managers)
        dg.materialize([table, same_geo, pooled], selection=[pooled], instance=instance, resources=managers)
    assert {geo: frame["geo"].tolist() for geo, frame in received.items()} == {geo: [geo] for geo in stored}
