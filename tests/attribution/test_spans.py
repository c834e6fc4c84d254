"""Which weeks a period or window has."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.attribution.spans import require_weeks, spans, weeks_between
from mmm_core.config.outputs import AttributionConfig, WindowConfig
from mmm_core.errors import InputError

_DATES = np.datetime64("2022-12-05") + 7 * np.arange(20)


def test_a_week_belongs_to_the_period_of_its_first_day() -> None:
    found = spans(_DATES, AttributionConfig(periods=("year", "quarter", "month")))
    named = {(span.kind, span.name): (str(_DATES[span.first]), str(_DATES[span.stop - 1])) for span in found}
    assert named == {
        ("total", "all"): ("2022-12-05", "2023-04-17"),
        ("year", "2022"): ("2022-12-05", "2022-12-26"),
        ("year", "2023"): ("2023-01-02", "2023-04-17"),
        ("quarter", "2022-Q4"): ("2022-12-05", "2022-12-26"),
        ("quarter", "2023-Q1"): ("2023-01-02", "2023-03-27"),
        ("quarter", "2023-Q2"): ("2023-04-03", "2023-04-17"),
        ("month", "2022-12"): ("2022-12-05", "2022-12-26"),
        ("month", "2023-01"): ("2023-01-02", "2023-01-30"),
        ("month", "2023-02"): ("2023-02-06", "2023-02-27"),
        ("month", "2023-03"): ("2023-03-06", "2023-03-27"),
        ("month", "2023-04"): ("2023-04-03", "2023-04-17"),
    }


@given(st.integers(1, 300), st.integers(0, 2000), st.sampled_from(["year", "quarter", "month"]))
def test_calendar_periods_cover_every_week_once(n_weeks: int, shift: int, kind: str) -> None:
    dates = np.datetime64("2019-01-01") + shift + 7 * np.arange(n_weeks)
    periods = spans(dates, AttributionConfig.model_validate({"periods": [kind]}))[1:]
    assert [week for span in periods for week in range(span.first, span.stop)] == list(range(n_weeks))
    assert len({span.name for span in periods}) == len(periods)


@given(st.integers(-30, 200), st.integers(0, 100))
def test_a_window_has_the_weeks_that_start_in_it(first: int, length: int) -> None:
    start, end = (date.fromisoformat(str(_DATES[0] + days)) for days in (first, first + length))
    inside = [week for week, day in enumerate(_DATES) if start <= day.astype(object) <= end]
    if inside:
        found = weeks_between(_DATES, start, end, "key")
        assert list(range(found.start, found.stop)) == inside
    else:
        with pytest.raises(InputError, match="no week of the data starts"):
            weeks_between(_DATES, start, end, "key")


def test_an_open_window_reaches_to_the_edges() -> None:
    assert weeks_between(_DATES, None, None, "key") == slice(0, 20)
    assert weeks_between(_DATES, date(2023, 1, 3), None, "key") == slice(5, 20)
    assert weeks_between(_DATES, None, date(2023, 1, 2), "key") == slice(0, 5)


def test_a_window_outside_the_data_is_refused_with_its_dates() -> None:
    window = WindowConfig(start=date(2024, 1, 1), end=date(2024, 3, 31))
    with pytest.raises(InputError) as caught:
        spans(_DATES, AttributionConfig(windows={"launch": window}))
    assert str(caught.value) == (
        "attribution.windows.launch: no week of the data starts between 2024-01-01 and 2024-03-31; its weeks "
        "start from 2022-12-05 to 2023-04-17, so choose start and end among them."
    )


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    window = WindowConfig(start=date(2023, 3, 1), end=date(2023, 2, 1))
    with pytest.raises(InputError, match=r"windows\.launch: end 2023-02-01 is before start 2023-03-01"):
        spans(_DATES, AttributionConfig(windows={"launch": window}))


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"windows": {"w": {"start": "2030-01-01", "end": "2030-02-01"}}}, r"attribution\.windows\.w: no week"),
        ({"counterfactuals": {"q": {"start": "2030-01-01"}}}, r"attribution\.counterfactuals\.q: no week"),
        ({"counterfactuals": {"q": {"start": "2023-02-01", "end": "2023-01-01"}}}, "is before start"),
    ],
)
def test_what_no_week_is_in_is_refused_before_a_fit(section: dict[str, object], words: str) -> None:
    require_weeks(_DATES, AttributionConfig.model_validate({"counterfactuals": {"all": {}}}))
    with pytest.raises(InputError, match=words):
        require_weeks(_DATES, AttributionConfig.model_validate(section))
