"""The data path measured: panels that can be told apart from nothing, tables, pages, what goes wrong."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.benchmark.data_scale import DataScale, run_data_scale, stored_data_scale
from mmm_core.benchmark.data_scale_worker import STAGES
from mmm_core.benchmark.memory import MemoryWatch, peak_resident_bytes, shared_memory_bytes
from mmm_core.benchmark.scale_panel import scale_config, write_scale_panel
from mmm_core.benchmark.summary import write_summary
from mmm_core.config.outputs import RuntimeConfig
from mmm_core.config.schema import Config
from mmm_core.data.mapping import resolve_mapping
from mmm_core.errors import ConfigError, StorageError

DAYS = 400


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataScale, Path]:
    output = tmp_path_factory.mktemp("bench")
    return run_data_scale(Config(), output, [6, 3], days=DAYS), output


def test_all_40_columns_of_the_panel_have_a_role(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    write_scale_panel(path, 2, DAYS)
    frame = pd.read_parquet(path)
    config = scale_config(path, RuntimeConfig())
    mapping = resolve_mapping(config, list(frame.columns), "panel")
    assert frame.shape == (2 * (DAYS - 5), 40)
    assert {mapping.date, *mapping.keys, *mapping.numeric_columns.values()} == set(frame.columns)
    assert 0 < frame.isna().sum().sum() <= 40
    assert (frame.filter(like="_spend") == 0).mean().mean() > 0.1


def test_the_first_geos_of_a_large_panel_are_those_of_a_small_one(tmp_path: Path) -> None:
    frames = []
    for geos, seed in ((2, 1), (52, 1), (2, 5)):
        write_scale_panel(tmp_path / "panel.parquet", geos, 60, seed)
        frames.append(pd.read_parquet(tmp_path / "panel.parquet"))
    small, large, other = frames
    pd.testing.assert_frame_equal(large.iloc[: len(small)], small)
    assert large["geo"].nunique() == 52
    assert not np.array_equal(small["conversions"], other["conversions"])


def test_each_size_is_measured_smallest_first(measured: tuple[DataScale, Path]) -> None:
    table = measured[0].table
    assert table["geos"].tolist() == [3, 6]
    assert table["rows"].tolist() == [3 * (DAYS - 5), 6 * (DAYS - 5)]
    assert set(table["columns"]) == {40}
    assert (table["changes"] > 0).all()
    np.testing.assert_allclose(table[list(STAGES)].sum(axis=1), table["milliseconds_per_geo"])
    np.testing.assert_allclose(table["processor_seconds"], table["milliseconds_per_geo"] * table["geos"] / 1000)
    assert (table["seconds"] >= table["geos_seconds"]).all()
    assert (table["peak_memory_bytes"] > 50e6).all()
    assert measured[0].growth() > 0


def test_only_table_and_picture_are_kept(measured: tuple[DataScale, Path]) -> None:
    study, output = measured
    kept = sorted(path.name for path in (output / "data_scale").iterdir())
    assert kept == ["data_scale.csv", "data_scale.png"]
    stored = stored_data_scale(output)
    assert stored is not None
    assert stored.shown() == study.shown()
    assert stored.about() == study.about()


def test_the_summary_shows_it(measured: tuple[DataScale, Path]) -> None:
    page = write_summary([], measured[1])
    assert "data_scale/data_scale.png" in page.read_text(encoding="utf-8")
    text = (measured[1] / "summary.md").read_text(encoding="utf-8")
    assert "From 3 to 6 geos the processor time per geo changes by a factor of" in text


def test_nothing_measured_is_nothing_and_a_damaged_table_is_an_error(tmp_path: Path) -> None:
    assert stored_data_scale(tmp_path) is None
    (tmp_path / "data_scale").mkdir()
    for text in ("", "geos,rows\n1,2\n", "\x00"):
        (tmp_path / "data_scale" / "data_scale.csv").write_text(text)
        with pytest.raises(StorageError, match="make it again with mmm benchmark --data-scale"):
            stored_data_scale(tmp_path)


def test_a_size_that_takes_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"2 geos took more than 0\.01 s; raise benchmark\.timeout_seconds"):
        run_data_scale(Config(), tmp_path, [2], days=60, timeout_seconds=0.01)
    assert list((tmp_path / "data_scale").iterdir()) == []


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    # 60 days are too few weeks for the checks, which block.
    with pytest.raises(StorageError, match="could not be measured"):
        run_data_scale(Config(), tmp_path, [1], days=60)


def test_memory_is_seen_while_it_is_there() -> None:
    before = peak_resident_bytes()
    with MemoryWatch() as watch:
        block = np.ones(30_000_000)
        seen = shared_memory_bytes()
    assert seen == 0 or seen > block.nbytes  # 0: the system does not say
    assert watch.peak_bytes >= max(before, block.nbytes)


def test_the_table_can_be_written_as_json(measured: tuple[DataScale, Path]) -> None:
    assert json.loads(measured[0].table.to_json(orient="records"))[0]["geos"] == 3
