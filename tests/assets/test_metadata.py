"""What the UI shows beside an asset, and when a value counts as changed."""

import dataclasses

import dagster as dg
import pandas as pd

from mmm_assets.metadata import frame_metadata, frame_version, model_data_version
from mmm_assets.provenance import Provenance
from tests.factories import tiny_model_data


def _frame() -> pd.DataFrame:
    dates = pd.date_range("2024-01-01", periods=8, freq="7D")
    return pd.DataFrame({"date": dates, "kpi": range(8), "note": ["a"] * 7 + [None]})


def test_row_count_columns_and_first_rows_are_shown() -> None:
    metadata = frame_metadata(_frame(), rows=3)
    assert metadata["dagster/row_count"] == 8
    columns = {column.name: column for column in metadata["dagster/column_schema"].columns}
    assert columns["date"].description == "2024-01-01 to 2024-02-19"
    assert columns["kpi"].description == "0 to 7"
    assert columns["note"].constraints.nullable
    assert not columns["kpi"].constraints.nullable
    assert [record.data["date"] for record in metadata["preview"].records] == [
        "2024-01-01",
        "2024-01-08",
        "2024-01-15",
    ]


def test_empty_tables_can_be_shown() -> None:
    metadata = frame_metadata(_frame().iloc[:0])
    assert metadata["dagster/row_count"] == 0
    assert "preview" not in metadata


def test_real_frames_make_valid_metadata() -> None:
    dg.MaterializeResult(metadata=frame_metadata(_frame()))


def test_the_version_of_a_table_follows_values_types_columns_and_source_rows() -> None:
    base = frame_version(_frame())
    assert frame_version(_frame()) == base
    assert frame_version(_frame().assign(kpi=1)) != base
    assert frame_version(_frame().rename(columns={"kpi": "sales"})) != base
    assert frame_version(_frame().astype({"kpi": float})) != base
    marked = Provenance("a.csv", "rows 1", ("x",)).put_on(_frame())
    moved = Provenance("b.csv", "rows 1", ("x",)).put_on(_frame())
    other = Provenance("a.csv", "rows 2", ("x",)).put_on(_frame())
    assert frame_version(marked) == frame_version(moved) != frame_version(other)


def test_the_version_of_the_cube_follows_its_content_only() -> None:
    data = tiny_model_data()
    base = model_data_version(data)
    assert model_data_version(dataclasses.replace(data, data_version="another file")) == base
    assert model_data_version(dataclasses.replace(data, kpi=data.kpi + 1)) != base
    assert model_data_version(dataclasses.replace(data, currency="EUR")) != base
