import dataclasses
import time

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.ingest import SimulatorConfig
from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, resolve_mapping
from mmm_core.data.sources.simulated import read_simulated
from mmm_core.errors import DataError
from mmm_core.intake.geo import FEATURES, prepare_geo
from mmm_core.intake.report import CLEAN, RAW
from mmm_core.quality.feature_checks import FEATURE_CHECKS
from tests.panels import MAPPING, config, source_rows, source_table


def test_good_rows_reach_their_features() -> None:
    settings = config(features={"seasonality": {"annual_fourier_order": 2}})
    intake = prepare_geo(source_table(source_rows(120)), MAPPING, settings, "North")
    assert not intake.blocked
    assert list(intake.verdicts) == [RAW, CLEAN, FEATURES]
    assert [result.name for result in intake.verdicts[FEATURES]] == list(FEATURE_CHECKS)
    assert intake.features is not None
    assert len(intake.features) == 120
    assert "season__sin_2" in intake.features
    assert dict(intake.report.results) == dict(intake.verdicts)


def test_rows_that_block_go_no_further() -> None:
    intake = prepare_geo(source_table(source_rows(10)), MAPPING, config(), "North")
    assert intake.blocked
    assert (intake.cleaned, intake.features) == (None, None)
    assert list(intake.verdicts) == [RAW]


def test_clean_weeks_that_block_go_no_further() -> None:
    strict = config(validation={"severities": {"channel_variation": "error"}})
    rows = source_rows(120).assign(search_cost=5.0)
    intake = prepare_geo(source_table(rows), MAPPING, strict, "North")
    assert intake.blocked
    assert intake.cleaned is not None
    assert intake.features is None
    assert list(intake.verdicts) == [RAW, CLEAN]


def test_unknown_geo_is_refused() -> None:
    with pytest.raises(DataError, match="no geo 'West'"):
        prepare_geo(source_table(source_rows(60)), MAPPING, config(), "West")


@pytest.mark.parametrize("preset", ["growing_business", "medium_business", "geo_effects", "endogenous"])
def test_simulated_geos_raise_no_alarm(preset: str) -> None:
    source = read_simulated(SimulatorConfig.model_validate({"preset": preset, "seed": 5}))
    settings = Config.model_validate({})
    mapping = resolve_mapping(settings, list(source.frame.columns), source.origin)
    messages = [
        result.message
        for geo in geo_names(source, mapping)
        for results in prepare_geo(source, mapping, settings, geo).verdicts.values()
        for result in results
        if not result.passed
    ]
    assert messages == []


@pytest.mark.full
def test_checks_of_five_years_of_days_are_quick() -> None:
    """A generous bound: pandera alone would take several times as long."""
    rows = source_rows(1826, start="2019-01-01", step_days=1)
    wide = pd.concat([rows, *(rows[["weather"]].add_suffix(str(n)) for n in range(30))], axis=1)
    names = [f"weather{n}" for n in range(30)]
    mapping = dataclasses.replace(MAPPING, controls=("weather", *names))
    source, settings = source_table(wide), config()
    prepare_geo(source, mapping, settings, "North")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        intake = prepare_geo(source, mapping, settings, "North")
        seconds.append(time.perf_counter() - start)
    assert not intake.blocked
    assert np.min(seconds) < 0.5
