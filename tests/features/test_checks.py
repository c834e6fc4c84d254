import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.features.checks import MODEL_DATA_CHECKS, check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import CheckResult
from tests.factories import EVERYTHING, Extras, tiny_model_data

DATA = tiny_model_data(n_geos=3, n_weeks=60, n_channels=3)


def check(data: ModelData = DATA, **validation: Any) -> dict[str, CheckResult]:
    results = check_model_data(data, Config.model_validate({"validation": validation}))
    assert [result.name for result in results] == list(MODEL_DATA_CHECKS)
    return {result.name: result for result in results}


def changed(name: str, channel: int, value: float) -> ModelData:
    values = getattr(DATA, name).copy()
    values[:, :, channel] = value
    return dataclasses.replace(DATA, **{name: values})


def test_plausible_data_passes() -> None:
    results = check(value_sanity={"roi_range": [0, 10_000]})
    assert [name for name, result in results.items() if not result.passed] == []


@pytest.mark.parametrize("name", ["spend", "media"])
def test_channel_that_never_ran_blocks(name: str) -> None:
    result = check(changed(name, 1, 0.0))["channel_activity"]
    assert result.blocks
    assert result.table == ({"channel": "channel_1", "without": name},)


def test_constant_kpi_or_control_blocks() -> None:
    assert check(changed("control_values", 0, 3.0))["control_variation"].blocks
    flat = dataclasses.replace(DATA, kpi=np.ones_like(DATA.kpi) * DATA.population[:, None])
    assert check(flat)["kpi_variation"].blocks


def test_correlation_is_judged_per_capita() -> None:
    """Channels that grow with the geo's size only are not confounded in the model's eyes."""
    rng = np.random.default_rng(0)
    population = np.array([1.0, 100.0, 10_000.0])
    media = population[:, None, None] * rng.gamma(5.0, size=(3, 60, 3))
    big = dataclasses.replace(DATA, population=population, media=media)
    assert check(big)["channel_correlation"].passed
    assert not check(big, identifiability={"max_channel_correlation": 0.01})["channel_correlation"].passed


def test_naive_roi_is_outcome_over_spend() -> None:
    outcome = (DATA.kpi * DATA.outcome_per_kpi).sum()
    naive = outcome / DATA.spend[:, :, 2].sum()
    assert check(value_sanity={"roi_range": [0, 10 * naive]})["naive_roi"].passed
    low = check(value_sanity={"roi_range": [0, naive * 0.3]})["naive_roi"]
    assert {row["channel"]: row["naive_roi"] for row in low.table}["channel_2"] == pytest.approx(naive)
    assert not low.blocks


def test_little_data_warns_and_too_little_blocks() -> None:
    warned = check(tiny_model_data(n_geos=1, n_weeks=60, n_channels=10))["data_per_parameter"]
    assert (warned.passed, warned.blocks) == (False, False)
    blocked = check(tiny_model_data(n_geos=1, n_weeks=30, n_channels=10))["data_per_parameter"]
    assert blocked.blocks
    assert blocked.value is not None
    assert blocked.value < 1
    assert "at least 1 is needed" in blocked.message


def test_only_known_weeks_count_as_data() -> None:
    kpi = DATA.kpi.copy()
    kpi[:, 10:] = np.nan
    whole, part = (check(data)["data_per_parameter"].value for data in (DATA, dataclasses.replace(DATA, kpi=kpi)))
    assert whole is not None
    assert part == pytest.approx(whole / 6)


@pytest.mark.parametrize(
    ("knots", "n_knots"), [(None, 5), ("auto", 5), (20, 20), (["2023-01-02", "2023-06-05"], 2)]
)
def test_configured_knots_count_as_parameters(knots: Any, n_knots: int) -> None:
    config = Config.model_validate({"model": {"knots": knots}})
    result = {result.name: result for result in check_model_data(DATA, config)}["data_per_parameter"]
    assert result.value == pytest.approx(180 / (n_knots + 2 + 4 * 3 + 1 + 1))


def test_real_panels_pass() -> None:
    """Weeks without KPI, geos with their own ranges, organic media, treatments, reach: nothing is wrong."""
    data = tiny_model_data(n_geos=4, n_weeks=60, extras=EVERYTHING)
    assert not data.observed.all()
    assert not data.present.all()
    results = check(data, value_sanity={"roi_range": [0, 10_000]})
    assert [name for name, result in results.items() if not result.passed] == []


def test_organic_media_needs_no_spend_but_media() -> None:
    data = tiny_model_data(n_geos=3, n_weeks=60, extras=Extras(n_organic=1))
    assert not data.spend[:, :, -1].any()
    assert check(data)["channel_activity"].passed
    assert "organic_0" not in {row["channel"] for row in check(data)["naive_roi"].table}
    media = data.media.copy()
    media[:, :, -1] = 0
    result = check(dataclasses.replace(data, media=media))["channel_activity"]
    assert result.table == ({"channel": "organic_0", "without": "media"},)


def test_weeks_outside_a_geos_range_make_no_correlation() -> None:
    present = np.ones(DATA.kpi.shape, dtype=bool)
    present[:, 30:] = False
    absent = dataclasses.replace(
        DATA,
        present=present,
        kpi=np.where(present, DATA.kpi, np.nan),
        media=DATA.media * present[:, :, None],
        spend=DATA.spend * present[:, :, None],
    )
    early = dataclasses.replace(
        DATA,
        dates=DATA.dates[:30],
        kpi=DATA.kpi[:, :30],
        media=DATA.media[:, :30],
        spend=DATA.spend[:, :30],
        control_values=DATA.control_values[:, :30],
        revenue_per_kpi=None,
        present=present[:, :30],
    )
    for name in ("channel_correlation", "variance_inflation", "collinear_channels"):
        assert check(absent)[name].value == pytest.approx(check(early)[name].value)


def test_control_that_only_follows_population_is_constant_per_capita() -> None:
    values = np.broadcast_to(0.3 * DATA.population[:, None, None], (3, 60, 1))
    proportional = dataclasses.replace(DATA, control_values=values)
    assert check(proportional)["control_variation"].passed
    assert check(dataclasses.replace(proportional, control_per_capita=(True,)))["control_variation"].blocks


def test_unknown_kpi_blocks() -> None:
    result = check(dataclasses.replace(DATA, kpi=np.full_like(DATA.kpi, np.nan)))["kpi_variation"]
    assert result.blocks
    assert "not known in any week" in result.message


def test_holes_block_by_name_and_leave_the_other_checks_in_order() -> None:
    media = DATA.media.copy()
    media[1, 5, 2] = np.nan
    results = check(dataclasses.replace(DATA, media=media))
    assert results["finite_values"].blocks
    assert "channel_2, Geo1, 2023-02-06" in results["finite_values"].message
    assert results["channel_activity"].passed


def test_channels_that_are_copies_block() -> None:
    media = DATA.media.copy()
    media[:, :, 2] = 3 * media[:, :, 0]
    result = check(dataclasses.replace(DATA, media=media))["collinear_channels"]
    assert result.blocks
    assert "channel_0 and channel_2 are the same but for their size" in result.message


def test_absence_is_no_pause_of_spend() -> None:
    """Weeks outside a geo's range are not the weeks without spend that would identify a channel."""
    present = np.ones(DATA.kpi.shape, dtype=bool)
    present[:, 30:] = False
    steady = dataclasses.replace(DATA, present=present, spend=np.ones_like(DATA.spend) * present[:, :, None])
    result = check(steady)["spend_variation"]
    assert not result.passed
    assert [row["zero_weeks_pct"] for row in result.table] == [0.0, 0.0, 0.0]


def test_media_that_vary_over_one_of_geos_and_weeks_only_warn() -> None:
    media = DATA.media.copy()
    per_head = np.random.default_rng(0).gamma(5.0, size=60)
    media[:, :, 0] = DATA.population[:, None] * per_head
    media[:, :, 1] = (DATA.population**2)[:, None] * (1 + 1e-3 * per_head)
    results = check(dataclasses.replace(DATA, media=media))
    assert [row["channel"] for row in results["variation_over_geos"].table] == ["channel_0"]
    assert [row["channel"] for row in results["variation_over_time"].table] == ["channel_1"]
    loose = check(dataclasses.replace(DATA, media=media), identifiability={"max_time_r2": 1, "max_geo_r2": 1})
    assert loose["variation_over_geos"].passed
    assert loose["variation_over_time"].passed


def test_limits_of_variance_inflation_and_of_data_per_parameter_are_configured() -> None:
    results = check(identifiability={"max_vif": 1.0001, "min_points_per_parameter": 100})
    assert results["variance_inflation"].threshold == 1.0001
    assert not results["variance_inflation"].passed
    assert not results["data_per_parameter"].passed
    assert "100 or more are better" in results["data_per_parameter"].message
    assert sum(row["number"] for row in results["data_per_parameter"].table) == round(
        180 / (results["data_per_parameter"].value or 1)
    )


def test_severities_are_configured() -> None:
    severities = {"severities": {"naive_roi": "error", "spend_variation": "off", "finite_values": "warn"}}
    config = Config.model_validate({"validation": severities | {"value_sanity": {"roi_range": [0, 1e-9]}}})
    media = DATA.media.copy()
    media[0, 0, 0] = np.nan
    results = {result.name: result for result in check_model_data(dataclasses.replace(DATA, media=media), config)}
    assert results["naive_roi"].blocks
    assert results["finite_values"].blocks
    assert "spend_variation" not in results


def test_absurd_amounts_are_judged_like_others() -> None:
    media = DATA.media.copy()
    media[0, 5, 0] = 1e300
    assert check(dataclasses.replace(DATA, media=media))["collinear_channels"].passed
    assert check(dataclasses.replace(DATA, media=1e200 * DATA.media))["variance_inflation"].value == pytest.approx(
        check()["variance_inflation"].value
    )
