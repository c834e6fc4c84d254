"""Knots that stay where they are when weeks are added or dropped at the ends of the window."""

from collections.abc import Sequence

import numpy as np

_MOST_SPACING, _LEAST_SPACING = 1.5, 0.5
"""Longest and shortest gap at the ends, in units of the spacing between the knots."""


def kept_knots(before: Sequence[int], n_weeks: int) -> tuple[int, ...] | None:
    """Knots of an earlier fit, for a window that begins and ends elsewhere.

    Knots inside stay at their dates.  The outermost two stand in the first and the last week, and move with them;
    a further knot is set at the spacing of the others when the gap at an end has grown to one and a half of it,
    and a knot closer than half of it to an end is dropped.  The same window gives the same knots.

    Args:
        before: knots of the earlier fit as weeks of the new window, ascending; below 0 or beyond its end where the
            window has moved.
        n_weeks: weeks of the new window.

    Returns:
        Ascending week indices; None where fewer than two knots leave no spacing to keep.
    """
    if len(before) < 2 or n_weeks < 2:
        return None
    spacing, last = max(1, round(float(np.median(np.diff(before))))), n_weeks - 1
    if (before[0], before[-1]) == (0, last):
        return tuple(before)
    inner = list(before[1:-1])
    inner = inner or [before[0] if before[0] > 0 else before[-1]]
    while inner[0] >= _MOST_SPACING * spacing:
        inner.insert(0, inner[0] - spacing)
    while last - inner[-1] >= _MOST_SPACING * spacing:
        inner.append(inner[-1] + spacing)
    nearest = _LEAST_SPACING * spacing
    return (0, *(week for week in inner if nearest <= week <= last - nearest), last)
