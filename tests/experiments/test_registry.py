"""What the registry of experiments may look like, and what is refused in which words."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, DataError
from mmm_core.experiments.cells import REFERENCE_WEEKS, as_lift_test, without_test
from mmm_core.experiments.experiment import Experiment
from mmm_core.experiments.registry import load_experiments
from mmm_core.features.model_data import ModelData
from tests.config_files import load_text
from tests.experiments.lift_tests import DATA, calibrated_config, day, lift_row, written
from tests.factories import Extras, tiny_model_data


def _loaded(folder: Path, *rows: dict[str, Any], data: ModelData = DATA) -> tuple[Experiment, ...]:
    return load_experiments(written(list(rows), folder), data)


def test_without_a_file_there_are_no_experiments() -> None:
    assert load_experiments(Config(), DATA) == ()


def test_a_row_becomes_an_experiment(tmp_path: Path) -> None:
    (found,) = _loaded(tmp_path, lift_row(design="geo split", source="agency", notes="anything"))
    assert found.name == "lift"
    assert found.row == 2
    assert found.channels == ("channel_0",)
    assert found.geos == ("Geo0", "Geo1")
    assert (str(found.start), str(found.end)) == (day(DATA, 20), day(DATA, 23, 6))
    assert (found.metric, found.estimate, found.sd) == ("roas", 2.0, 0.3)
    assert (found.design, found.source) == ("geo split", "agency")


@pytest.mark.parametrize("dates_as_text", [True, False])
def test_parquet_and_csv_say_the_same(tmp_path: Path, dates_as_text: bool) -> None:
    rows = [lift_row(), lift_row(id="second", channels="channel_1 + channel_2", geos="all", low=1.0, high=3.0)]
    rows[1] |= {"level": 0.9, "standard_error": np.nan, "estimate": np.nan}
    frame = pd.DataFrame(rows)
    if not dates_as_text:
        frame = frame.assign(start=pd.to_datetime(frame["start"]), end=pd.to_datetime(frame["end"]))
    frame.to_parquet(tmp_path / "lift.parquet")
    stored = load_experiments(calibrated_config(tmp_path / "lift.parquet"), DATA)
    from_text = _loaded(tmp_path, *rows)
    same = [dataclasses.replace(one, origin="", row=0) for one in (*stored, *from_text)]
    assert same[:2] == same[2:]
    assert from_text[1].channels == ("channel_1", "channel_2")
    assert from_text[1].geos == DATA.geos


def test_a_test_in_a_geo_that_is_left_out_is_not_used_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = dataclasses.replace(DATA, excluded_geos={"Gone": "why"})
    rows = [
        lift_row(id="there", geos="Geo0"),
        lift_row(id="gone", geos="Geo1;Gone"),
        lift_row(id="all", geos="all"),
    ]
    found = _loaded(tmp_path, *rows, data=data)
    assert [experiment.name for experiment in found] == ["there"]
    said = [record.getMessage() for record in caplog.records if record.name.startswith("mmm_core.experiments")]
    assert [line.partition(": ")[2] for line in said] == ["not used, because Gone is left out."] * 2
    assert ["row 3" in said[0], "row 4" in said[1]] == [True, True]


def test_an_interval_means_a_standard_error_at_its_level(tmp_path: Path) -> None:
    error, level = 0.4, 0.8
    half = stats.norm.ppf(0.5 + level / 2) * error
    row = lift_row(estimate="", standard_error="", low=2 - half, high=2 + half, level=level)
    (found,) = _loaded(tmp_path, row)
    assert found.estimate == pytest.approx(2.0)
    assert found.sd == pytest.approx(error)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "before the data": ({"start": "2020-01-06"}, "but the data from 2023-01-02 to 2023-10-08; correct the dates"),
    "after the data": ({"end": "2031-01-06"}, "2031-01-06, but the data from"),
    "post weeks after the data": ({"post_weeks": 20}, "post_weeks end 4 week(s) after the data"),
    "ends before it starts": ({"end": day(DATA, 3)}, "before it starts on"),
    "no date": ({"start": "soon"}, "column 'start' holds 'soon'; write a date as YYYY-MM-DD"),
    "unknown channel": ({"channels": "chanel_0"}, "no channel 'chanel_0'; it has channel_0, channel_1"),
    "unknown geo": ({"geos": "Geo0;Atlantis"}, "no geo 'Atlantis'; it has Geo0, Geo1, Geo2"),
    "geo twice": ({"geos": "Geo0;Geo0"}, "column 'geos' names a geo twice"),
    "interval without width": (
        {"standard_error": "", "estimate": "", "low": 2.0, "high": 2.0, "level": 0.9},
        "the interval [2, 2] has no width",
    ),
    "interval the wrong way round": (
        {"standard_error": "", "estimate": "", "low": 3.0, "high": 1.0, "level": 0.9},
        "low must be below high",
    ),
    "interval without level": ({"standard_error": "", "low": 1.0, "high": 3.0}, "column 'level' is empty"),
    "level in percent": ({"standard_error": "", "low": 1.0, "high": 3.0, "level": 90}, "such as 0.9 for 90 %"),
    "estimate outside its interval": (
        {"standard_error": "", "estimate": 5, "low": 1.0, "high": 3.0, "level": 0.9},
        "estimate 5 is outside its interval",
    ),
    "no doubt": ({"standard_error": ""}, "how certain the result is; give standard_error"),
    "two doubts": ({"low": 1.0, "high": 3.0, "level": 0.9}, "both standard_error and an interval"),
    "zero error": ({"standard_error": 0}, "standard_error is 0; it must be above 0"),
    "negative error": ({"standard_error": -0.3}, "standard_error is -0.3"),
    "text for a number": ({"estimate": "two"}, "column 'estimate' holds 'two'; give a number"),
    "no change": ({"relative_change": ""}, "give either spend_change"),
    "two changes": ({"spend_change": 100}, "one of them"),
    "change of nothing": ({"relative_change": 0}, "the change of spend is 0"),
    "less than nothing": ({"relative_change": -1.5}, "cannot fall by more than all of it"),
    "more than was spent": ({"relative_change": "", "spend_change": 1e12}, "was spent in its cells"),
    "not switched off": ({"relative_change": -1}, "of the usual media in its cells"),
    "unknown metric": ({"metric": "sales"}, "metric is 'sales'; allowed: outcome, kpi, roas"),
    "no id": ({"id": ""}, "column 'id' is empty"),
    "a loss without its sign": (
        {"relative_change": -0.5, "metric": "kpi", "estimate": 1000.0, "standard_error": 100.0},
        "write a loss with a minus",
    ),
    "more than there was": ({"metric": "kpi", "estimate": 1e12}, "check whether the result is in that unit"),
    "unknown column": ({"pots_weeks": 1}, "Did you mean post_weeks?"),
    "part of a week": ({"post_weeks": 0.5}, "post_weeks is 0.5; allowed: whole weeks"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_file_and_remedy(name: str, tmp_path: Path) -> None:
    changed, words = REFUSED[name]
    good = lift_row(id="good", channels="channel_1") | dict.fromkeys(changed, "")
    good |= {key: value for key, value in lift_row(id="good", channels="channel_1").items() if key in changed}
    with pytest.raises(DataError) as refused:
        _loaded(tmp_path, good, lift_row(**changed))
    message = str(refused.value)
    assert words in message
    assert "lift.csv" in message
    if name != "unknown column":
        assert "row 3" in message
    assert "\n" not in message


OVERLAPS: dict[str, tuple[dict[str, Any], bool]] = {
    "same cells": ({}, True),
    "a shared week": ({"start": day(DATA, 23, 6), "end": day(DATA, 25, 6)}, True),
    "one of several channels": ({"channels": "channel_1+channel_0"}, True),
    "everywhere": ({"geos": "all"}, True),
    "another channel": ({"channels": "channel_1"}, False),
    "another geo": ({"geos": "Geo2"}, False),
    "later weeks": ({"start": day(DATA, 24), "end": day(DATA, 25, 6)}, False),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_tests_that_share_a_cell_are_refused(name: str, tmp_path: Path) -> None:
    cells, overlap = OVERLAPS[name]
    rows = lift_row(), lift_row(**({"id": "second"} | cells))
    if not overlap:
        assert len(_loaded(tmp_path, *rows)) == 2
        return
    with pytest.raises(DataError, match=r"row 3 .*overlaps with experiment lift \(row 2\) in channel_0, geo Geo"):
        _loaded(tmp_path, *rows)


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2 has the same id"):
        _loaded(tmp_path, lift_row(), lift_row(channels="channel_1"))


def test_units_have_to_be_those_of_the_kpi(tmp_path: Path) -> None:
    revenue = dataclasses.replace(DATA, kpi_type="revenue", revenue_per_kpi=None)
    with pytest.raises(DataError, match="metric is kpi, but the KPI of this model is revenue"):
        _loaded(tmp_path, lift_row(metric="kpi", estimate=10.0), data=revenue)
    worthless = dataclasses.replace(DATA, revenue_per_kpi=None)
    with pytest.raises(DataError, match=r"metric is roas, which is money.* metric kpi"):
        _loaded(tmp_path, lift_row(), data=worthless)
    assert _loaded(tmp_path, lift_row(metric="kpi", estimate=10.0), data=worthless)


def test_organic_media_has_no_return_and_no_spend(tmp_path: Path) -> None:
    data = tiny_model_data(n_weeks=40, extras=Extras(n_organic=1))
    row = lift_row(data, channels="organic_0")
    with pytest.raises(DataError, match="organic_0 has no spend and so no return"):
        _loaded(tmp_path, row, data=data)
    with pytest.raises(DataError, match="give relative_change"):
        _loaded(tmp_path, row | {"metric": "kpi", "relative_change": "", "spend_change": 5}, data=data)
    assert _loaded(tmp_path, row | {"metric": "kpi"}, data=data)


def test_a_geo_without_data_in_the_weeks_of_the_test_is_refused(tmp_path: Path) -> None:
    data = tiny_model_data(n_weeks=40, extras=Extras(ragged=True))
    with pytest.raises(DataError, match="geo Geo1 has no data in some of its weeks"):
        _loaded(tmp_path, lift_row(data, start=day(data, 5), end=day(data, 8)), data=data)


@given(change=st.floats(-0.9, 5.0).filter(lambda r: abs(r) > 1e-3), start=st.integers(0, 6), end=st.integers(0, 6))
def test_an_amount_and_the_relative_change_it_is_mean_the_same(change: float, start: int, end: int) -> None:
    relative = _made(relative_change=change, start=day(DATA, 20, start), end=day(DATA, 23, end))
    without = without_test(relative, DATA)
    media = DATA.media[:2, 20:24, 0]
    shares = np.array([7 - start, 7, 7, end + 1]) / 7
    np.testing.assert_allclose(without.media[0] * (1 + change * shares), media)
    if start == 0 and end == 6:  # whole weeks
        amount = _made(relative_change=None, spend_change=without.spend_change)
        np.testing.assert_allclose(without_test(amount, DATA).media, without.media, rtol=1e-9)


def test_a_channel_that_was_switched_off_would_have_had_the_weeks_before() -> None:
    media, spend = DATA.media.copy(), DATA.spend.copy()
    media[:2, 20:24, 0] = spend[:2, 20:24, 0] = 0
    data = dataclasses.replace(DATA, media=media, spend=spend)
    before = data.media[:2, 20 - REFERENCE_WEEKS : 20, 0].mean(axis=1)
    off = without_test(_made(relative_change=-1.0), data)
    np.testing.assert_allclose(off.media[0], np.repeat(before[:, None], 4, axis=1))
    usual = data.spend[:2, 20 - REFERENCE_WEEKS : 20, 0].mean(axis=1).sum() * 4
    assert off.spend_change == pytest.approx(-usual)
    saved = without_test(_made(relative_change=None, spend_change=-usual / 2), data)
    np.testing.assert_allclose(saved.media, off.media / 2)


def test_a_return_counts_as_its_effect_on_the_change_of_spend() -> None:
    experiment = _made(relative_change=1.0)
    test = as_lift_test(experiment, DATA)
    change = DATA.spend[:2, 20:24, 0].sum() / 2
    assert test.measured == pytest.approx(2 * change)
    assert test.sd == pytest.approx(0.3 * change)
    less = as_lift_test(_made(relative_change=-0.5), DATA)
    assert less.measured < 0 < less.sd


def _made(**changes: Any) -> Experiment:
    days = {key: np.datetime64(changes.pop(key, value)) for key, value in _DAYS.items()}
    fields = {"relative_change": None, "spend_change": None, **days, **changes}
    return Experiment(
        "lift", "lift.csv", 2, ("channel_0",), ("Geo0", "Geo1"), metric="roas", estimate=2.0, sd=0.3, **fields
    )


_DAYS = {"start": day(DATA, 20), "end": day(DATA, 23, 6)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: {backend: pymc, fallback: none, family: robust_log}", "robust_log have no prior"),
        ("model: {backend: meridian, fallback: none}", "only the pymc backend has"),
    ],
)
def test_a_use_that_no_backend_has_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        load_text(tmp_path, text + "\ncalibration: {experiments: lift.csv, use: likelihood}")
