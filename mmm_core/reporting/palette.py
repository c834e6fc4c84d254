"""Colours that stay apart for colour-blind readers and in print."""

from collections.abc import Sequence

INK = "#1f2933"
MUTED = "#5b6773"
GRID = "#e3e8ed"
BASE = "#c3ccd5"
"""What happened without media."""
PRIOR = "#dde4ea"
"""What was assumed before the data were seen."""
ACCENT = "#0072b2"
TRUTH = "#a3195b"

CHANNEL_COLORS: tuple[str, ...] = (
    # Okabe and Ito (2008), without black and yellow, which reads badly on white
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#56b4e9",
    "#cc79a7",
    # Paul Tol's "muted" scheme for the rest
    "#332288",
    "#999933",
    "#882255",
    "#44aa99",
    "#ddcc77",
    "#117733",
    "#aa4499",
    "#88ccee",
    "#cc6677",
)


def channel_colors(channels: Sequence[str]) -> dict[str, str]:
    """channel -> colour, the same in every chart of a report; colours repeat after fifteen channels."""
    return {name: CHANNEL_COLORS[number % len(CHANNEL_COLORS)] for number, name in enumerate(channels)}
