"""What a file of coming weeks may look like, and what is refused in which words."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.errors import InputError
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.planning.frame import PlanningFrame
from mmm_core.planning.future import planning_frame
from mmm_core.planning.past import as_a_year_before
from mmm_core.planning.plan_table import read_plan
from mmm_core.planning.plan_weeks import plan_weeks
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.plans import plan_config, plan_table, random_plan

_N_WEEKS = 6
_DATA = tiny_model_data(n_geos=3, n_weeks=60, n_channels=2, n_controls=2, extras=EVERYTHING)
_PLAN = random_plan(_DATA, _N_WEEKS)
_TABLE = plan_table(_DATA, _PLAN)
_POSTERIOR = made_up_posterior(_DATA, 1, 2)


def _written(table: pd.DataFrame, folder: Path) -> dict[str, Any]:
    path = folder / "plan.csv"
    table.to_csv(path, index=False)
    return {"path": str(path)}


def _frame(
    table: pd.DataFrame, folder: Path, posterior: Posterior = _POSTERIOR, weeks: int | None = None, **sections: Any
) -> PlanningFrame:
    future = {**_written(table, folder), "weeks": weeks}
    return planning_frame(posterior, plan_config(posterior.data, future, **sections))


def _moved(table: pd.DataFrame, days: int) -> pd.DataFrame:
    return table.assign(week=(pd.to_datetime(table["week"]) + pd.Timedelta(days=days)).dt.strftime("%Y-%m-%d"))


def _says(frame: PlanningFrame, words: str) -> bool:
    return any(words in note for note in frame.notes)


@pytest.mark.parametrize("days", [-3, -1, 0, 2, 3])
def test_weeks_move_to_the_nearest_weekday_of_the_fit(days: int, tmp_path: Path) -> None:
    frame = _frame(_moved(_TABLE, days), tmp_path)
    np.testing.assert_array_equal(frame.posterior.data.dates[:_N_WEEKS], _PLAN.dates)
    np.testing.assert_allclose(frame.posterior.data.media[:, :_N_WEEKS], _PLAN.media)
    assert _says(frame, "was moved by") == (days != 0)


@given(st.integers(-20, 20))
def test_no_week_moves_by_more_than_three_days(days: int) -> None:
    from mmm_core.planning.plan_weeks import _nearest_shift

    last = np.datetime64("2024-01-15")
    shift = _nearest_shift(last + days, last)
    assert abs(shift) <= 3
    assert (days + shift) % 7 == 0


def test_weeks_that_have_passed_are_left_out(tmp_path: Path) -> None:
    frame = _frame(_moved(_TABLE, -14), tmp_path)
    assert frame.n_weeks == _N_WEEKS - 2
    np.testing.assert_allclose(frame.posterior.data.media[:, : _N_WEEKS - 2], _PLAN.media[:, 2:])
    assert _says(frame, "2 weeks of")


def test_only_the_first_weeks_are_planned_where_so_many_are_asked_for(tmp_path: Path) -> None:
    frame = _frame(_TABLE, tmp_path, weeks=4)
    assert frame.n_weeks == 4
    np.testing.assert_allclose(frame.posterior.data.spend[:, :4], _PLAN.spend[:, :4])


def test_rows_may_stand_in_any_order_and_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    _TABLE.sample(frac=1.0, random_state=3).to_parquet(path)
    frame = planning_frame(_POSTERIOR, plan_config(_DATA, {"path": str(path)}))
    np.testing.assert_allclose(frame.posterior.data.media[:, :_N_WEEKS], _PLAN.media)


def test_days_are_added_up_to_the_fits_weeks(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    daily = _TABLE.loc[_TABLE.index.repeat(7)].reset_index(drop=True)
    share = rng.dirichlet(np.ones(7), len(_TABLE)).ravel()
    amounts = [c for c in daily if str(c).endswith(("_spend", "_media", "_reach"))]
    daily[amounts] = daily[amounts].mul(share, axis=0)
    offset = pd.to_timedelta(np.tile(np.arange(7), len(_TABLE)), unit="D")
    daily["week"] = (pd.to_datetime(daily["week"]) + offset).dt.strftime("%Y-%m-%d")
    before = daily[daily["week"] == daily["week"].min()].assign(week="2024-02-24")
    assert pd.Timestamp(_PLAN.dates[0]) == pd.Timestamp("2024-02-26")
    gap_free = pd.concat([before.assign(week=day) for day in ("2024-02-24", "2024-02-25")] + [daily])
    frame = _frame(gap_free, tmp_path)
    data = frame.posterior.data
    np.testing.assert_array_equal(data.dates[:_N_WEEKS], _PLAN.dates)
    np.testing.assert_allclose(data.media[:, :_N_WEEKS], _PLAN.media, rtol=1e-9)
    np.testing.assert_allclose(data.control_values[:, :_N_WEEKS], _PLAN.controls, rtol=1e-9)
    assert data.frequency is not None
    there = _PLAN.media[:, :, 2] > 0
    np.testing.assert_allclose(data.frequency[:, :_N_WEEKS, 2][there], _PLAN.frequency[:, :, 2][there], rtol=1e-9)
    assert _says(frame, "2 days of")


def test_what_the_file_does_not_say_is_as_a_year_before_or_as_last_known(tmp_path: Path) -> None:
    lacking = _TABLE.drop(columns=["organic_0_media", "control_1", "treatment_0", "worth", "people"])
    frame = _frame(lacking, tmp_path)
    data = frame.posterior.data
    media = as_a_year_before(_DATA.media, _DATA.present, data.media.shape[1])
    values = as_a_year_before(_DATA.control_values, _DATA.present, data.media.shape[1])
    np.testing.assert_allclose(data.media[:, :, 3], media[:, :, 3])
    for name in ("control_1", "treatment_0"):
        k = _DATA.controls.index(name)
        np.testing.assert_allclose(data.control_values[:, :, k], values[:, :, k])
    assert data.revenue_per_kpi is not None
    assert _DATA.revenue_per_kpi is not None
    last = [np.flatnonzero(there)[-1] for there in _DATA.present]
    for g, week in enumerate(last):
        assert set(data.revenue_per_kpi[g]) == {_DATA.revenue_per_kpi[g, week]}
    np.testing.assert_array_equal(data.population, _DATA.population)
    assert _says(frame, "organic_0: organic media as in the same weeks a year before.")
    assert _says(frame, "control_1, treatment_0: where the plan says nothing")


def test_money_without_media_units_buys_at_the_fits_prices(tmp_path: Path) -> None:
    frame = _frame(_TABLE.drop(columns=["channel_0_media", "reach_0_reach", "reach_0_frequency"]), tmp_path)
    price = _DATA.spend.sum(axis=1) / _DATA.media.sum(axis=1)
    for m in (0, 2):
        expected = _PLAN.spend[:, :, m] / price[:, None, m]
        np.testing.assert_allclose(frame.posterior.data.media[:, :_N_WEEKS, m], expected)
    assert _says(frame, "channel_0, reach_0: no media units in the plan")
    assert _says(frame, "reach_0: where no frequency is planned")


def test_empty_cells_of_money_count_as_nothing(tmp_path: Path) -> None:
    table = _TABLE.copy()
    table.loc[4, ["channel_1_spend", "channel_1_media"]] = np.nan
    frame = _frame(table, tmp_path)
    assert frame.posterior.data.spend[0, 4, 1] == frame.posterior.data.media[0, 4, 1] == 0.0
    assert _says(frame, "Empty cells of spend and media count as 0: spend__channel_1 (1), media__channel_1 (1).")


def _set(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def changed(table: pd.DataFrame) -> pd.DataFrame:
        values = table[column].astype(object)
        values.iloc[row] = value
        return table.assign(**{column: values})

    return changed


def _without_week(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["week"] != str(_PLAN.dates[2])]


def _daily_with_a_hole(table: pd.DataFrame) -> pd.DataFrame:
    daily = table.loc[table.index.repeat(7)].reset_index(drop=True)
    offset = pd.to_timedelta(np.tile(np.arange(7), len(table)), unit="D")
    daily["week"] = (pd.to_datetime(daily["week"]) + offset).dt.strftime("%Y-%m-%d")
    return daily.drop(index=9)


_REFUSED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "negative money": (
        _set("channel_1_spend", 3, -5.0),
        r"plan\.csv, geo Geo0: column 'channel_1_spend' is negative in row 5 \(1 in all\); give 0 or more",
    ),
    "negative media": (_set("channel_0_media", 3, -5.0), r"column 'channel_0_media' is negative in row 5"),
    "text": (_set("channel_1_spend", 7, "much"), r"geo Geo1: column 'channel_1_spend' holds text in row 9"),
    "infinite": (_set("control_0", 7, "inf"), r"column 'control_0' is beyond 1e\+18 in row 9"),
    "absurd": (_set("reach_0_frequency", 7, 1e300), r"column 'reach_0_frequency' is beyond 1e\+18 in row 9"),
    "no people": (_set("people", 0, 0), r"column 'people' is not above 0 in row 2"),
    "no date": (_set("week", 2, "soon"), r"column 'week' holds no date in row 4"),
    "date twice": (
        _set("week", 2, str(_PLAN.dates[1])),
        r"geo Geo0: column 'week' has a date twice in row 4 \(1 in all\); keep one row per date",
    ),
    "no channel": (lambda t: t.drop(columns="channel_1_spend"), r"no column 'channel_1_spend', which .*channel_1"),
    "no geo of the fit": (
        lambda t: t.assign(geo=t["geo"] + "x"),
        r"no geo of the fit .*Geo0x, Geo1x, Geo2x, those",
    ),
    "another geo": (_set("geo", 17, "Moon"), r"geos that the fit does not know .*: Moon; remove their rows"),
    "a geo is missing": (lambda t: t[t["geo"] != "Geo1"], r"has no rows of Geo1, which the fit has"),
    "a week is missing": (_without_week, r"lacks the weeks of 2024-03-11 \(1 in all\)"),
    "a geo's week is missing": (lambda t: t.drop(index=3), r"no rows of geo Geo0 on 2024-03-18 \(1 in all\)"),
    "a geo's day is missing": (_daily_with_a_hole, r"no rows of geo Geo0 on 2024-03-06 \(1 in all\)"),
    "only the past": (
        lambda t: _moved(t, -70),
        r"no coming week .*: its last one begins 2024-01-22, and .*2024-02-19",
    ),
    "begins too late": (
        lambda t: _moved(t, 21),
        r"lacks the weeks of 2024-02-26, 2024-03-04, 2024-03-11 \(3 in all\)",
    ),
    "months": (
        lambda t: t.assign(week=np.tile([f"2024-{month:02d}-01" for month in range(3, 9)], 3)),
        r"neither days nor weeks",
    ),
    "other weekdays": (_set("week", 2, "2024-03-13"), r"same weekday \(2024-03-13 \(1 in all\)\)"),
    "no geo column": (lambda t: t.drop(columns="geo"), r"no column 'geo', which data\.keys\[0\] names"),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_what_cannot_be_planned_is_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    change, words = _REFUSED[case]
    with pytest.raises(InputError, match=words):
        _frame(change(_TABLE), tmp_path)


def test_more_weeks_than_the_file_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"optimization\.future\.weeks is 13, but .* has 6 weeks"):
        _frame(_TABLE, tmp_path, weeks=13)


def test_a_missing_file_names_its_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv does not exist; set optimization\.future\.path"):
        planning_frame(_POSTERIOR, plan_config(_DATA, {"path": str(tmp_path / "nowhere.csv")}))


def test_foreign_money_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column 'coin' names EUR, but a plan's money must be in USD"):
        _frame(_TABLE.assign(coin="EUR"), tmp_path, data={"currency_col": "coin"})
    assert _frame(_TABLE.assign(coin="usd"), tmp_path, data={"currency_col": "coin"}).n_weeks == _N_WEEKS


def test_rows_that_do_not_count_are_left_out(tmp_path: Path) -> None:
    other = _TABLE.assign(brand="other", channel_0_spend=1e9)
    both = pd.concat([_TABLE.assign(brand="own"), other])
    frame = _frame(both, tmp_path, data={"rows": {"where": {"brand": ["own"]}}})
    np.testing.assert_allclose(frame.posterior.data.spend[:, :_N_WEEKS], _PLAN.spend)


def test_rows_of_a_geo_that_the_fit_was_made_without_count_for_nothing(tmp_path: Path) -> None:
    gone = _TABLE[_TABLE["geo"] == _DATA.geos[0]].assign(geo="Gone", channel_0_spend=1e9)
    both = pd.concat([_TABLE, gone])
    with pytest.raises(InputError, match=r"has geos that the fit does not know .*Gone"):
        _frame(both, tmp_path)
    fitted = dataclasses.replace(_POSTERIOR, data=dataclasses.replace(_DATA, excluded_geos={"Gone": "why"}))
    frame = _frame(both, tmp_path, fitted)
    np.testing.assert_allclose(frame.posterior.data.spend[:, :_N_WEEKS], _PLAN.spend)


def test_derived_columns_are_computed_where_their_parts_are_there(tmp_path: Path) -> None:
    parts = _TABLE.assign(a=_TABLE["channel_0_spend"] * 0.25, b=_TABLE["channel_0_spend"] * 0.75)
    settings = {"derived_columns": {"channel_0_spend": "a + b", "control_1": "log(unknown)"}}
    frame = _frame(parts.drop(columns=["channel_0_spend", "control_1"]), tmp_path, data=settings)
    np.testing.assert_allclose(frame.posterior.data.spend[:, :_N_WEEKS], _PLAN.spend)


def test_national_amounts_are_split_as_in_the_fit(tmp_path: Path) -> None:
    whole = _PLAN.spend[:, :, 0].sum(axis=0)
    table = _TABLE.drop(columns="people").assign(channel_0_spend=np.tile(whole, 3))
    settings = {"national_columns": {"columns": ["channel_0_spend", "gone_*"], "by": "population"}}
    frame = _frame(table, tmp_path, data=settings)
    share = _DATA.population / _DATA.population.sum()
    np.testing.assert_allclose(frame.posterior.data.spend[:, :_N_WEEKS, 0], share[:, None] * whole)


def _renamed(data: ModelData, old: str, new: str) -> Posterior:
    names = tuple(new if name == old else name for name in data.controls)
    return made_up_posterior(dataclasses.replace(data, controls=names), 1, 2)


def test_events_of_the_source_are_those_that_the_plan_names(tmp_path: Path) -> None:
    posterior = _renamed(_DATA, "treatment_0", "promo: sale")
    names = np.where(np.arange(len(_TABLE)) % 3 == 0, "sale", "")
    settings = {"data": {"non_media_treatments": []}, "features": {"event_cols": ["promo"]}}
    k = posterior.data.controls.index("promo: sale")
    table = _TABLE.drop(columns="treatment_0")
    given = _frame(table.assign(promo=names), tmp_path, posterior, **settings)
    planned = given.posterior.data.control_values[:, :_N_WEEKS, k]
    np.testing.assert_array_equal(planned.ravel(), names == "sale")
    silent = _frame(table, tmp_path, posterior, **settings)
    assert not silent.posterior.data.control_values[:, :, k].any()
    assert _says(silent, "promo: sale: events that the plan does not know do not happen.")


def test_custom_terms_are_computed_where_their_columns_are_there(tmp_path: Path) -> None:
    posterior = _renamed(_DATA, "control_1", "warm")
    settings = {"data": {"controls": ["control_0"]}, "features": {"custom_terms": {"warm": "heat ** 2"}}}
    k = posterior.data.controls.index("warm")
    heat = np.arange(float(len(_TABLE)))
    table = _TABLE.drop(columns="control_1")
    frame = _frame(table.assign(heat=heat), tmp_path, posterior, **settings)
    np.testing.assert_allclose(frame.posterior.data.control_values[:, :_N_WEEKS, k].ravel(), heat**2)
    assert _says(_frame(table, tmp_path, posterior, **settings), "warm")


def test_media_of_old_creatives_count_less(tmp_path: Path) -> None:
    fatigue = {"enabled": True, "age_cols": {"channel_0": "age"}, "half_life_weeks": 4.0}
    frame = _frame(
        _TABLE.assign(age=14.0 + np.arange(len(_TABLE)) % 5), tmp_path, features={"creative_fatigue": fatigue}
    )
    ages = (14.0 + np.arange(len(_TABLE)) % 5).reshape(3, _N_WEEKS)
    expected = _PLAN.media[:, :, 0] * 0.5 ** (ages / 28)
    np.testing.assert_allclose(frame.posterior.data.media[:, :_N_WEEKS, 0], expected)


def test_a_creative_without_an_age_is_refused(tmp_path: Path) -> None:
    fatigue = {"enabled": True, "age_cols": {"channel_0": "age"}}
    ages = np.where(np.arange(len(_TABLE)) == 4, np.nan, 10.0 + np.arange(len(_TABLE)))
    with pytest.raises(InputError, match=r"does not tell the age of channel_0's creatives .*column 'age'"):
        _frame(_TABLE.assign(age=ages), tmp_path, features={"creative_fatigue": fatigue})


def test_prices_of_a_plan_are_not_used_and_that_is_said(tmp_path: Path) -> None:
    settings = {"data": {"controls": ["control_0"]}, "features": {"baseline": {"price_cols": ["control_1"]}}}
    frame, k = _frame(_TABLE, tmp_path, **settings), _DATA.controls.index("control_1")
    usual = as_a_year_before(_DATA.control_values, _DATA.present, _N_WEEKS)
    np.testing.assert_allclose(frame.posterior.data.control_values[:, :_N_WEEKS, k], usual[:, :, k])
    assert _says(frame, "control_1: series of features.baseline enter relative to the mean")


def test_with_less_than_a_year_of_history_means_stand_in(tmp_path: Path) -> None:
    data = tiny_model_data(n_weeks=20, n_controls=1, extras=dataclasses.replace(EVERYTHING, ragged=False))
    table = plan_table(data, random_plan(data, 4)).drop(columns=["organic_0_media", "control_0"])
    frame = _frame(table, tmp_path, made_up_posterior(data, 1, 2))
    mean = data.media[:, :, 3].mean(axis=1)
    np.testing.assert_allclose(frame.posterior.data.media[:, :4, 3], np.repeat(mean[:, None], 4, axis=1))
    assert _says(frame, "control_0: where the plan says nothing, at each geo's mean.")


def test_a_national_plan_needs_no_geo(tmp_path: Path) -> None:
    data = tiny_model_data(n_geos=1, n_weeks=60)
    plan = random_plan(data, 5)
    future = _written(plan_table(data, plan).drop(columns="geo"), tmp_path)
    frame = planning_frame(made_up_posterior(data, 1, 2), plan_config(data, future))
    np.testing.assert_allclose(frame.posterior.data.media[:, :5], plan.media)


def test_a_known_layout_needs_no_mapping(tmp_path: Path) -> None:
    data = tiny_model_data(n_weeks=60, n_controls=1)
    data = dataclasses.replace(data, controls=("demand_control",))
    plan = random_plan(data, 5)
    names = {"week": "time", "worth": "revenue_per_conversion", "people": "population"}
    table = (
        plan_table(data, plan).rename(columns=names).rename(columns=lambda c: c.replace("_media", "_impressions"))
    )
    config = Config.model_validate({"optimization": {"future": _written(table, tmp_path)}})
    weeks = plan_weeks(read_plan(str(config.optimization.future.path), config, data), data, None)  # type: ignore[union-attr]
    frame = planning_frame(made_up_posterior(data, 1, 2), config)
    np.testing.assert_allclose(weeks.values["media__channel_1"], plan.media[:, :, 1])
    np.testing.assert_allclose(frame.posterior.data.control_values[:, :5, 0], plan.controls[:, :, 0])
