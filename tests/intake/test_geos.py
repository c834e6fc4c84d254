"""Many geos at once: the same answer from one process and from several."""

import pandas as pd
import pytest

from mmm_core.benchmark.scale_panel import scale_config, write_scale_panel
from mmm_core.config.outputs import RuntimeConfig
from mmm_core.config.schema import Config
from mmm_core.data.mapping import ColumnMapping, geo_names, resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError
from mmm_core.intake.geo import prepare_geo
from mmm_core.intake.geos import prepare_geos

GEOS, DAYS = 19, 400


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceTable, ColumnMapping, Config]:
    path = tmp_path_factory.mktemp("panel") / "panel.parquet"
    write_scale_panel(path, GEOS, DAYS)
    config = scale_config(path, RuntimeConfig())
    source = prepared_source(config)
    return source, resolve_mapping(config, list(source.frame.columns), source.origin), config


def _assert_same(left: pd.DataFrame | None, right: pd.DataFrame | None) -> None:
    assert left is not None
    assert right is not None
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_two_processes_find_exactly_what_one_finds(
    prepared: tuple[SourceTable, ColumnMapping, Config],
) -> None:
    source, mapping, config = prepared
    geos = geo_names(source, mapping)
    told: list[tuple[str, int, int]] = []
    alone = prepare_geos(source, mapping, config, geos, workers=1)
    spread = prepare_geos(source, mapping, config, geos, workers=2, progress=lambda *step: told.append(step))
    assert list(spread) == list(alone) == list(geos)
    assert told == [("geos", done, GEOS) for done in range(GEOS + 1)]
    for geo in geos:
        assert spread[geo].report.to_json() == alone[geo].report.to_json()
        assert spread[geo].changes == alone[geo].changes > 0
        _assert_same(spread[geo].features, alone[geo].features)
        assert set(spread[geo].seconds) == {"raw_panel", "clean_panel", "features"}


def test_a_geo_among_many_is_prepared_as_it_is_alone(
    prepared: tuple[SourceTable, ColumnMapping, Config],
) -> None:
    source, mapping, config = prepared
    geo = geo_names(source, mapping)[3]
    alone = prepare_geo(source, mapping, config, geo)
    among = prepare_geos(source, mapping, config, [geo])[geo]
    assert among.report.to_json() == alone.report.to_json()
    _assert_same(among.features, alone.features)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unknown_geo_is_named(prepared: tuple[SourceTable, ColumnMapping, Config], workers: int) -> None:
    source, mapping, config = prepared
    with pytest.raises(DataError, match="has no geo 'nowhere'"):
        prepare_geos(source, mapping, config, ["nowhere"], workers)


def test_what_goes_wrong_in_another_process_is_told_here(
    prepared: tuple[SourceTable, ColumnMapping, Config],
) -> None:
    source, mapping, config = prepared
    wrong = Config.model_validate(
        config.model_dump(exclude_unset=True) | {"features": {"custom_terms": {"x": "control_1 / nothing"}}}
    )
    messages = []
    for workers in (1, 2):
        with pytest.raises(ConfigError, match="nothing") as caught:
            prepare_geos(source, mapping, wrong, geo_names(source, mapping)[:2], workers)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_no_geo_is_no_work(prepared: tuple[SourceTable, ColumnMapping, Config]) -> None:
    source, mapping, config = prepared
    assert prepare_geos(source, mapping, config, []) == {}
