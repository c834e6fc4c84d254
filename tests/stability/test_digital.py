"""Claims of platforms against contributions in the same geo-weeks."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError
from mmm_core.model.forward import channel_contribution
from mmm_core.stability.digital import CLAIM_COLUMNS, DIGITAL_CHECKS, check_claims, claims_table
from tests.config_files import load_text
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data

FIT = made_up_posterior(tiny_model_data(extras=EVERYTHING))


def claims(channel: str, per_cell: float, missing: tuple[tuple[int, int], ...] = ()) -> pd.DataFrame:
    """Claims of every geo-week, and of weeks and geos that the fit does not know."""
    data = FIT.data
    dates = np.append(data.dates, data.dates[-1] + np.timedelta64(7, "D"))
    rows = [
        {
            "geo": geo,
            "date": pd.Timestamp(date),
            "channel": channel,
            "attributed": np.nan if (g, t) in missing else per_cell,
        }
        for g, geo in enumerate((*data.geos, "elsewhere"))
        for t, date in enumerate(dates)
    ]
    return pd.DataFrame(rows)


def draws(channel: int, there: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """(S,) brute force."""
    total = np.zeros(FIT.n_draws)
    for g, weekly in enumerate(channel_contribution(FIT, channel)):
        for t in np.flatnonzero(there[g]):
            total += weekly[:, t] * worth[g, t]
    return total


def settings(**changes: object) -> Config:
    return Config.model_validate({"evaluation": {"digital_checks": changes}})


@pytest.mark.parametrize("unit", ["kpi", "outcome"])
def test_both_sides_count_the_same_cells(unit: str) -> None:
    missing = ((0, 3), (2, 9))
    table = claims_table(FIT, claims("channel_1", 100.0, missing), settings(unit=unit))
    assert list(table.columns) == CLAIM_COLUMNS
    there = FIT.data.present.copy()
    for cell in missing:
        there[cell] = False
    worth = FIT.data.outcome_per_kpi if unit == "outcome" else np.ones_like(FIT.data.kpi)
    incremental = draws(1, there, worth)
    (row,) = table.to_dict("records")
    assert row["cells"] == there.sum()
    assert row["claimed"] == pytest.approx(100.0 * there.sum())
    assert row["incremental_mean"] == pytest.approx(incremental.mean())
    assert row["incrementality_mean"] == pytest.approx((incremental / row["claimed"]).mean())
    assert row["ratio_q50"] == pytest.approx(np.median(row["claimed"] / incremental), rel=0.02)
    assert row["ratio_q05"] < row["ratio_q50"] < row["ratio_q95"]


def incremental_per_cell(channel: int) -> float:
    there = FIT.data.present
    return float(np.median(draws(channel, there, np.ones_like(FIT.data.kpi))) / there.sum())


@pytest.mark.parametrize(
    ("times", "failing"), [(4.0, "platform_overclaims"), (0.2, "platform_underclaims"), (1.5, "")]
)
def test_claims_outside_the_limits_are_warned_about_with_numbers(times: float, failing: str) -> None:
    table = claims_table(FIT, claims("channel_0", times * incremental_per_cell(0)), settings())
    results = check_claims(table)
    assert [result.name for result in results] == list(DIGITAL_CHECKS)
    assert [result.name for result in results if not result.passed] == ([failing] if failing else [])
    for result in results:
        assert result.severity == "warn"
        assert "channel_0" in result.message
        assert result.value == pytest.approx(times, rel=0.05)


def test_a_channel_may_have_limits_of_its_own() -> None:
    asked = claims("channel_0", 4.0 * incremental_per_cell(0))
    own = claims_table(FIT, asked, settings(channels={"channel_0": {"max_ratio": 9}}))
    assert own["max_ratio"].tolist() == [9.0]
    assert own["min_ratio"].tolist() == [0.5]
    assert all(result.passed for result in check_claims(own))


def test_nothing_claimed_is_nothing_checked_and_zero_is_a_claim() -> None:
    none = claims_table(FIT, claims("unknown", 1.0), settings())
    assert none.empty
    assert check_claims(none) == []
    zero = claims_table(FIT, claims("channel_0", 0.0), settings())
    assert zero["ratio_q50"].tolist() == [0.0]
    assert zero["incrementality_mean"].isna().all()
    assert [result.passed for result in check_claims(zero)] == [True, False]


def test_a_channel_that_brings_nothing_is_overclaimed() -> None:
    samples = FIT.samples.copy(deep=True)
    samples["beta_gm"].values[..., 0] = 0
    nothing = dataclasses.replace(FIT, samples=samples)
    table = claims_table(nothing, claims("channel_0", 1.0), settings())
    assert np.isinf(table["ratio_q50"]).all()
    over, _ = check_claims(table)
    assert not over.passed
    assert over.value is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "features: {attribution: {conversions: {search: s}}}\n"
            "evaluation: {digital_checks: {channels: {serch: {max_ratio: 2}}}}",
            "no claims of 'serch' are in features.attribution.conversions; there are: search. Did you mean",
        ),
        ("evaluation: {digital_checks: {min_ratio: 4}}", "min_ratio 4 is not below max_ratio 3"),
        (
            "features: {attribution: {conversions: {search: s}}}\n"
            "evaluation: {digital_checks: {channels: {search: {max_ratio: 0.2}}}}",
            "min_ratio 0.5 is not below max_ratio 0.2",
        ),
    ],
)
def test_impossible_limits_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)
    assert message in str(caught.value)
