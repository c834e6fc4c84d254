import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.reporting import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.0, "1.23M"),
        (999_999.0, "1M"),
        (-45_600.0, "−45.6K"),
        (2.5e9, "2.5B"),
        (0.01234, "0.0123"),
        (12.0, "12"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_compact_numbers(value: float | None, text: str) -> None:
    assert formats.compact(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0634, "6.3%"), (0.31, "31%"), (-0.2, "−20%"), (0.0, "0.0%"), (-0.0001, "0.0%"), (None, "–")],
)
def test_percentages(value: float | None, text: str) -> None:
    assert formats.percent(value) == text


def test_signed_numbers_show_a_plus_but_zero_does_not() -> None:
    assert formats.percent(0.12, signed=True) == "+12%"
    assert formats.percent(0.00001, signed=True) == "0.0%"
    assert formats.percent(12.34, signed=True) == "+1,234%"
    assert formats.percent(-12.34, signed=True) == "−1,234%"
    assert formats.signed(2e6) == "+2M"


def test_a_column_has_the_same_decimals_throughout() -> None:
    show = formats.column_format([1234567.8, 3.14159, None])
    assert [show(value) for value in (1234567.8, 3.14159, None)] == ["1,234,568", "3", "–"]
    show = formats.column_format([1.2345, 0.5, -0.001])
    assert [show(value) for value in (1.2345, 0.5, -0.001)] == ["1.23", "0.50", "0.00"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.345678, "2.35"), (0.58, "0.58"), (0.03214, "0.0321"), (15.62, "15.6"), (1523.4, "1,523")],
)
def test_ratios(value: float, text: str) -> None:
    assert formats.ratio(value) == text


@pytest.mark.parametrize(("value", "text"), [(1.0062, "1.006"), (684.24, "684.2"), (1204.4, "1,204"), (0.0, "0")])
def test_plain_numbers(value: float, text: str) -> None:
    assert formats.plain(value) == text


def test_words() -> None:
    assert formats.listed(["a"]) == "a"
    assert formats.listed(["a", "b"]) == "a and b"
    assert formats.listed(["a", "b", "c"]) == "a, b and c"
    assert formats.counted(1, "week") == "1 week"
    assert formats.counted(1200, "week") == "1,200 weeks"
    assert formats.day("2024-01-08") == "8 Jan 2024"


@given(st.floats(min_value=1e-6, max_value=1e11))
def test_compact_keeps_three_digits(value: float) -> None:
    text = formats.compact(value)
    scale = {"K": 1e3, "M": 1e6, "B": 1e9}.get(text[-1], 1.0)
    number = float(text.rstrip("KMB").replace(",", "")) * scale
    assert abs(number - value) <= 0.00501 * value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9967, "99.7%"),
        (0.99967, ">99.9%"),
        (1.0, "100%"),
        (0.0, "0%"),
        (2e-4, "<0.1%"),
        (0.42, "42%"),
        (None, "–"),
    ],
)
def test_probabilities_are_certain_only_where_they_are(value: float | None, text: str) -> None:
    assert formats.chance(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(-1234.4, "−1,234"), (87.3, "+87.3"), (123456.0, "+123K"), (-99_999.9, "−100K"), (0.0, "0"), (None, "–")],
)
def test_changes_are_told_in_full_while_they_are_short(value: float | None, text: str) -> None:
    assert formats.signed_count(value) == text
