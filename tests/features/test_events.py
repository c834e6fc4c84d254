import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.features import EventConfig
from mmm_core.errors import ConfigError
from mmm_core.features.events import event_shares

START = datetime.date(2023, 1, 4)
WEEKS = pd.date_range(START, periods=10, freq="7D").to_numpy()


def share(geo: str = "a", **event: object) -> list[float]:
    return event_shares(WEEKS, geo, {"sale": EventConfig.model_validate(event)})["event__sale"].tolist()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-20, 90), st.integers(0, 30)), min_size=1, max_size=5),
    st.floats(0.1, 50),
)
def test_share_of_each_weeks_days_times_intensity(periods: list[tuple[int, int]], intensity: float) -> None:
    """Oracle: the set of all days."""
    day = [(START + datetime.timedelta(days=a), START + datetime.timedelta(days=a + n)) for a, n in periods]
    written = [f"{a}" if a == b else f"{a}/{b}" for a, b in day]
    on = {a + datetime.timedelta(days=k) for a, b in day for k in range((b - a).days + 1)}
    expected = [
        intensity * sum(START + datetime.timedelta(days=7 * t + k) in on for k in range(7)) / 7 for t in range(10)
    ]
    np.testing.assert_allclose(share(dates=tuple(written), intensity=intensity), expected)


def test_event_of_other_geos_is_zero_here() -> None:
    assert share("b", dates=("2023-01-10",), geos=("a",)) == [0.0] * 10
    assert sum(share("a", dates=("2023-01-10",), geos=("a",))) == pytest.approx(1 / 7)


@pytest.mark.parametrize(
    "written", ["10.01.2023", "2023-02-30", "2023-01-10/2023-01-09", "2023-01-01/2023-01-02/x"]
)
def test_what_is_no_date_is_refused_with_its_key(written: str) -> None:
    with pytest.raises(ConfigError, match=r"features\.events\.sale\.dates: received .* allowed: a day"):
        share(dates=(written,))
