"""Oracle: day by day."""

import calendar
import datetime
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.features.seasonality import calendar_effects, is_annual_term, monthly_terms, seasonal_terms

EFFECTS = ("month_start", "month_end", "quarter_end", "year_end")


def weeks(offset_days: int, n_weeks: int) -> np.ndarray:
    start = datetime.date(2019, 1, 1) + datetime.timedelta(days=offset_days)
    return pd.date_range(start, periods=n_weeks, freq="7D").to_numpy()


def belongs(effect: str, day: datetime.date) -> bool:
    left = calendar.monthrange(day.year, day.month)[1] - day.day
    return {
        "month_start": day.day <= 3,
        "month_end": left < 3,
        "quarter_end": day.month in (3, 6, 9, 12) and left < 7,
        "year_end": day.month == 12 and day.day >= 25,
    }[effect]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3000), st.integers(1, 60))
def test_calendar_effects_are_shares_of_a_weeks_days(offset: int, n_weeks: int) -> None:
    dates = weeks(offset, n_weeks)
    found = calendar_effects(dates, EFFECTS)
    assert list(found) == [f"calendar__{effect}" for effect in EFFECTS]
    for t, first in enumerate(pd.DatetimeIndex(dates).date):
        days = [first + datetime.timedelta(days=d) for d in range(7)]
        for effect in EFFECTS:
            expected = sum(belongs(effect, day) for day in days) / 7
            assert found[f"calendar__{effect}"][t] == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 3000), st.integers(1, 30))
def test_monthly_terms_are_means_over_a_weeks_days(offset: int, n_weeks: int) -> None:
    dates = weeks(offset, n_weeks)
    found = monthly_terms(dates, 2)
    assert list(found) == [f"season__month_{f}_{k}" for k in (1, 2) for f in ("sin", "cos")]
    for t, first in enumerate(pd.DatetimeIndex(dates).date):
        days = [first + datetime.timedelta(days=d) for d in range(7)]
        shares = [(day.day - 1) / calendar.monthrange(day.year, day.month)[1] for day in days]
        for k in (1, 2):
            sine = sum(math.sin(2 * math.pi * k * share) for share in shares) / 7
            cosine = sum(math.cos(2 * math.pi * k * share) for share in shares) / 7
            assert found[f"season__month_sin_{k}"][t] == pytest.approx(sine, abs=1e-12)
            assert found[f"season__month_cos_{k}"][t] == pytest.approx(cosine, abs=1e-12)


def test_nothing_is_computed_unless_asked_for() -> None:
    assert monthly_terms(weeks(0, 5), 0) == calendar_effects(weeks(0, 5), ()) == {}


def test_annual_and_monthly_terms_can_be_told_apart() -> None:
    dates = weeks(0, 5)
    assert all(is_annual_term(name) for name in seasonal_terms(dates, 3))
    assert not any(is_annual_term(name) for name in (*monthly_terms(dates, 2), *calendar_effects(dates, EFFECTS)))
