from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mmm_core.config.validation import MetricToleranceConfig, ValueOutliersConfig
from mmm_core.quality.check import CheckResult
from mmm_core.quality.value_sanity import (
    check_channel_variation,
    check_cost_per_media_unit,
    check_cost_range,
    check_geo_roi,
    check_outliers,
    roi_limits,
)
from mmm_core.quality.weekly_values import WeeklyValues

N_WEEKS = 60


def weekly(**columns: Any) -> WeeklyValues:
    rng = np.random.default_rng(5)
    units = rng.gamma(5.0, 1000.0, N_WEEKS)
    frame = pd.DataFrame(
        {
            "geo": "North",
            "date": pd.date_range("2023-01-02", periods=N_WEEKS, freq="7D"),
            "kpi": rng.gamma(50.0, 100.0, N_WEEKS),
            "spend__tv": units * 0.005,
            "media__tv": units,
            "spend__search": rng.gamma(5.0, 10.0, N_WEEKS),
        }
    )
    return WeeklyValues(frame.assign(**columns))


def costs(**limits: Any) -> CheckResult:
    return check_cost_range(weekly(), MetricToleranceConfig.model_validate(limits))


def test_cost_per_thousand_and_per_unit_are_held_against_their_ranges() -> None:
    assert costs(cpm={"tv": [4, 6]}).passed
    assert costs(cpc={"tv": [0.004, 0.006]}).passed
    result = costs(cpm={"tv": [10, 20]})
    assert result.table[0]["median"] == pytest.approx(5)
    assert "median cpm of tv is 5, outside 10 to 20" in result.message
    assert costs(cpm={"search": [10, 20]}).passed  # no media units, so no cost
    assert costs().passed
    limits = MetricToleranceConfig.model_validate({"cpm": {"tv": [10, 20]}})
    assert check_cost_range(weekly(), limits, in_money=False).passed


@pytest.mark.parametrize(("factor", "fails"), [(4.0, False), (6.0, True), (1 / 6, True)])
def test_week_with_a_strange_price_is_judged_by_the_configured_ratio(factor: float, fails: bool) -> None:
    spend = weekly().of("spend__tv").copy()
    spend[7] *= factor
    result = check_cost_per_media_unit(weekly(spend__tv=spend), 5.0)
    assert result.passed != fails
    assert [row["week"] for row in result.table] == (["2023-02-20"] if fails else [])


def test_channel_at_one_level_warns_and_a_silent_one_does_not() -> None:
    result = check_channel_variation(weekly(spend__search=100.0))
    assert [row["column"] for row in result.table] == ["spend__search"]
    assert check_channel_variation(weekly(spend__search=0.0)).passed
    assert check_channel_variation(weekly()).passed


def test_roi_of_a_geo_is_its_outcome_over_spend() -> None:
    panel = weekly(revenue_per_kpi=2.0)
    roi = 2 * panel.of("kpi").sum() / panel.of("spend__search").sum()
    assert check_geo_roi(panel, 0, 10 * roi).passed
    rows = {row["channel"]: row for row in check_geo_roi(panel, 0, roi / 10).table}
    assert rows["search"]["naive_roi"] == pytest.approx(roi)
    assert check_geo_roi(weekly(spend__tv=0.0, spend__search=0.0), 0, 1).passed


def test_roi_limit_grows_with_number_and_smallness_of_channels() -> None:
    assert roi_limits(100, np.full(5, 3.0)).tolist() == [100] * 5
    assert roi_limits(100, np.full(30, 3.0)).tolist() == [300] * 30
    assert roi_limits(100, np.array([1.0, 3.0])).tolist() == [200, 100]
    assert roi_limits(100, np.array([0.001, 3.0]))[0] == 300
    assert roi_limits(100, np.zeros(0)).tolist() == []


values = arrays.arrays(
    np.float64,
    st.integers(1, 30),
    elements=st.one_of(st.just(0.0), st.just(np.nan), st.floats(1e-3, 1e9, allow_nan=False)),
)


@given(kpi=values, factor=st.sampled_from([0.5, 1.5, 3.0]))
def test_outliers_are_those_of_a_plain_loop(kpi: np.ndarray, factor: float) -> None:
    dates = pd.date_range("2023-01-02", periods=len(kpi), freq="7D")
    panel = WeeklyValues(pd.DataFrame({"geo": "A", "date": dates, "kpi": kpi}))
    active = kpi[np.isfinite(kpi) & (kpi > 0)]
    expected = 0
    for value in active:
        outside = True
        for scale in (np.asarray, np.log):
            low, high = np.quantile(scale(active), [0.25, 0.75])
            reach = factor * (high - low)
            outside &= bool(scale(value) < low - reach or scale(value) > high + reach)
        expected += outside
    result = check_outliers(panel, ValueOutliersConfig(iqr_factor=factor, max_share_pct=0.0), flag=True)
    assert abs((result.value or 0) - expected) <= 0 or _close_call(active, factor)
    assert result.passed == (result.value == 0)


def _close_call(active: np.ndarray, factor: float) -> bool:
    """Whether a value lies on a fence, so that rounding decides."""
    for scale in (np.asarray, np.log):
        low, high = np.quantile(scale(active), [0.25, 0.75])
        fences = np.array([low - factor * (high - low), high + factor * (high - low)])
        if np.isclose(scale(active)[:, None], fences, rtol=1e-9).any():
            return True
    return False


def test_share_of_outliers_decides_unless_each_is_flagged() -> None:
    kpi = weekly().of("kpi").copy()
    kpi[[5, 6]] *= 1000
    panel, limits = weekly(kpi=kpi), ValueOutliersConfig()
    assert check_outliers(panel, limits, flag=False).passed
    flagged = check_outliers(panel, limits, flag=True)
    assert [row["week"] for row in flagged.table] == ["2023-02-06", "2023-02-13"]
    strict = check_outliers(panel, ValueOutliersConfig(max_share_pct=2.0), flag=False)
    assert not strict.passed
    assert strict.value == pytest.approx(100 * 2 / N_WEEKS)
    assert check_outliers(panel, ValueOutliersConfig(iqr_factor=100_000), flag=True).passed
