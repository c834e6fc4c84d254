"""Text that knows the exact number behind every number that it shows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mmm_core.reporting.formats import MISSING


@dataclass(frozen=True)
class Fact:
    """One number or date as shown, what it is exactly, and where it stands."""

    shown: str
    exact: float | str
    source: str
    """Table and key, e.g. `channel_summary.csv, channel tv: roi_mean`."""


@dataclass(frozen=True)
class Said:
    """Plain text with its facts in the order in which they are shown."""

    text: str
    facts: tuple[Fact, ...] = ()


def fact(shown: str, exact: float | str, source: str) -> Said:
    """One number; a number that is missing states no fact."""
    if shown == MISSING:
        return Said(shown)
    return Said(shown, (Fact(shown, exact if isinstance(exact, str) else float(exact), source),))


def say(template: str, *parts: Said | str) -> Said:
    """`template.format` with the texts of the parts; their facts are kept.  Braces in parts stay as they are."""
    texts = [part.text if isinstance(part, Said) else part for part in parts]
    facts = [one for part in parts if isinstance(part, Said) for one in part.facts]
    return Said(template.format(*texts), tuple(facts))


def joined(parts: Iterable[Said], separator: str = " ") -> Said:
    """The parts one after another; empty ones are left out."""
    kept = [part for part in parts if part.text]
    return Said(separator.join(part.text for part in kept), tuple(one for part in kept for one in part.facts))


def interval(
    low: float, high: float, show: Callable[[float | None], str], source: str, columns: tuple[str, str]
) -> Said:
    """`90% interval 1.2 to 3.4`."""
    return say(
        "90% interval {} to {}",
        fact(show(low), low, f"{source}: {columns[0]}"),
        fact(show(high), high, f"{source}: {columns[1]}"),
    )
