"""Numbers, money and dates as a reader wants them."""

import math
from collections.abc import Callable, Iterable
from numbers import Real

import pandas as pd

MISSING = "–"
MINUS = "\u2212"
SPACE = "\u00a0"
"""No line break between a number and its unit."""
_SUFFIXES = ((1e9, "B"), (1e6, "M"), (1e3, "K"))


def is_number(value: object) -> bool:
    """Whether the value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def as_number(value: object) -> float:
    """The number, NaN for None: what is not finite is None in stored tables."""
    return float(value) if isinstance(value, Real) else math.nan


def fixed(value: float | None, decimals: int) -> str:
    """1234.5 -> `1,234.50`: thousands separated, with that many decimals."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:,.{decimals}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) != 0 else text.lstrip("-")


def whole(value: float | None) -> str:
    """1234.4 -> `1,234`."""
    return fixed(value, 0)


def compact(value: float | None, digits: int = 3) -> str:
    """1234567 -> `1.23M`: at most `digits` significant digits."""
    if value is None or not math.isfinite(value):
        return MISSING
    rounded = float(f"{value:.{digits}g}")
    scale, suffix = next(((s, t) for s, t in _SUFFIXES if abs(rounded) >= s), (1.0, ""))
    return _trimmed(rounded / scale, digits) + suffix


def ratio(value: float | None) -> str:
    """2.345 -> `2.35`: two decimals, or what three significant digits need, for ROI and the like."""
    if value is None or not math.isfinite(value):
        return MISSING
    return fixed(value, 2 if 0.1 <= abs(value) < 1 else decimals_for([value]))


def plain(value: float | None) -> str:
    """1204.41 -> `1,204`, 1.0062 -> `1.006`: about four significant digits, no suffix, whole numbers whole."""
    if value is None or not math.isfinite(value):
        return MISSING
    return fixed(value, 0) if abs(value) >= 1000 else _trimmed(value, 4)


def percent(value: float | None, signed: bool = False) -> str:
    """0.0634 -> `6.3%`; one decimal below 10 %."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = fixed(100 * value, 1 if abs(value) < 0.0995 else 0)
    return f"{'+' if signed and value > 0 and float(text.replace(',', '')) != 0 else ''}{text}%"


def chance(value: float | None) -> str:
    """0.9967 -> `99.7%`: a probability, never `100%` or `0%` unless it is."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    if not 0.0005 <= value < 0.9995:
        return "<0.1%" if value < 0.5 else ">99.9%"
    return f"{fixed(100 * value, 1)}%" if value > 0.99 else percent(value)


def money(value: float | None, currency: str) -> str:
    """1234567 -> `USD 1.23M`."""
    return MISSING if value is None or not math.isfinite(value) else f"{currency}{SPACE}{compact(value)}"


def decimals_for(values: Iterable[float | None], digits: int = 3) -> int:
    """Decimals with which the largest of the values shows `digits` significant digits."""
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value)]
    largest = max(sizes, default=0.0)
    if largest == 0:
        return 0
    return min(max(digits - 1 - math.floor(math.log10(largest)), 0), 8)


def column_format(values: Iterable[float | None], digits: int = 3) -> Callable[[float | None], str]:
    """A formatter that gives all numbers of a column the same decimals."""
    decimals = decimals_for(values, digits)
    return lambda value: fixed(value, decimals)


def day(value: object) -> str:
    """2024-01-08 -> `8 Jan 2024`."""
    date = pd.Timestamp(str(value))
    return f"{date.day} {date:%b %Y}"


def span(low: str, high: str) -> str:
    """`1.2 to 3.4`."""
    return f"{low} to {high}"


def signed(value: float | None) -> str:
    """1234567 -> `+1.23M`."""
    return ("+" if value is not None and value > 0 else "") + compact(value)


def signed_count(value: float | None) -> str:
    """-1234.4 -> `−1,234`, 123456 -> `+123K`: a change, in full while it is short."""
    if value is None or not math.isfinite(value) or not 100 <= abs(value) < 99_999.5:
        return signed(value)
    return ("+" if value > 0 else "") + fixed(value, 0)


def counted(count: int, noun: str) -> str:
    """`1 week`, `2 weeks`."""
    return f"{fixed(count, 0)} {noun}{'' if count == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(names)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _trimmed(value: float, digits: int) -> str:
    """At most `digits` significant digits, without trailing zeros or exponent."""
    text = fixed(value, decimals_for([value], digits))
    return text.rstrip("0").rstrip(".") if "." in text else text
