"""Oracle: the rule, week by week."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.errors import DataError
from mmm_core.features.windows import choose_window


def settings_of(max_lag: int = 8, **windows: Any) -> Config:
    return Config.model_validate({"data": {"windows": windows}, "features": {"adstock": {"max_lag": max_lag}}})


def weeks(n_weeks: int) -> pd.DatetimeIndex:
    return pd.date_range("2021-01-04", periods=n_weeks, freq="7D")


def known(n_weeks: int, first: int = 0, last: int | None = None) -> Any:
    flags = np.zeros(n_weeks, dtype=bool)
    flags[first : n_weeks if last is None else last + 1] = True
    return flags


def test_everything_is_fitted_unless_told_otherwise() -> None:
    window = choose_window(weeks(30), known(30), settings_of())
    assert (window.lead, window.fitted) == (slice(0, 0), slice(0, 30))


def test_weeks_without_any_kpi_at_the_ends_are_not_fitted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        window = choose_window(weeks(30), known(30, 12, 27), settings_of(max_lag=5))
    assert (window.lead, window.fitted) == (slice(7, 12), slice(12, 28))
    assert "No geo's KPI is known in 2021-07-19, 2021-07-26 (2 in all)" in caplog.text


@settings(max_examples=100, deadline=None)
@given(
    n_weeks=st.integers(30, 120),
    first=st.integers(0, 40),
    months=st.integers(6, 24),
    carryover=st.none() | st.integers(0, 12),
    max_lag=st.integers(0, 12),
)
def test_window_holds_exactly_the_weeks_of_the_rule(
    n_weeks: int, first: int, months: int, carryover: int | None, max_lag: int
) -> None:
    first = min(first, n_weeks - 1)
    config = settings_of(max_lag, estimation_months=months, carryover_months=carryover)
    dates = weeks(n_weeks)
    reach = dates[-1] + pd.Timedelta(days=7) - pd.DateOffset(months=months)
    expected = [t for t in range(first, n_weeks) if dates[t] >= reach]
    if dates[first] - reach >= pd.Timedelta(days=7):
        with pytest.raises(
            DataError, match=rf"estimation_months is {months}, which reaches back to {reach:%Y-%m-%d}"
        ):
            choose_window(dates, known(n_weeks, first), config)
        return
    window = choose_window(dates, known(n_weeks, first), config)
    assert list(range(n_weeks))[window.fitted] == expected
    before = list(range(expected[0]))
    if carryover is None:
        lead = before[-max_lag:] if max_lag else []
    else:
        lead = [t for t in before if dates[t] >= dates[expected[0]] - pd.DateOffset(months=carryover)]
    assert list(range(n_weeks))[window.lead] == lead
