"""Checks of the source: columns that stop or pause being recorded."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmm_core.data.panel import KPI, MEDIA, REACH, SPEND
from mmm_core.quality.check import CheckResult
from mmm_core.quality.source_rows import FloatArray, IntArray, SourceRows, day_text
from mmm_core.quality.violations import MAX_TABLE_ROWS

_MIN_ACTIVE, _MIN_DAYS = 8, 56
"""Rows with a value, and days from the first to the last, that a column must have had to count as a feed."""
_MISSING_DAYS, _MISSING_DENSITY = 28, 0.5
"""A feed of which at least half of the rows had values, and that is missing for four weeks, has stopped."""
_ZERO_DAYS, _ZERO_DENSITY = 56, 0.9
"""Zeros may be a plan: only a feed that was always on and is 0 for eight weeks has stopped."""
_TIMES_LONGEST_PAUSE = 3
_GAP_DAYS = 14
"""Missing values for so long, between values, are a gap of the feed."""
Rows = list[Mapping[str, object]]


@dataclass(frozen=True)
class _Activity:
    """When a column had values, by geo; G geos."""

    count: IntArray
    """(G,) rows with a value."""
    first: IntArray
    """(G,) first such row, -1 without any."""
    last: IntArray
    """(G,) last such row, -1 without any."""
    longest_pause: IntArray
    """(G,) days without between two such rows."""


def check_stopped_feeds(rows: SourceRows) -> CheckResult:
    """No column of KPI, spend or media is missing, or 0, from some day on to the end of its geo."""
    found: Rows = []
    for column in _feeds(rows):
        found += _stopped(rows, column)
    message = "No feed stops before the end of its geo."
    if found:
        first = found[0]
        message = (
            f"{rows.source.origin}: {len(found)} feed(s) stop before the end of their geo, first "
            f"{first['column']!r} "
            f"of geo {first['geo']}: {first['then']} after {first['last value']}. Mend the feed, or name the "
            "period in "
            "enhanced_cleaning.missing_data.outages; if the channel was really off, nothing needs to be done."
        )
    return CheckResult("stopped_feeds", not found, "warn", message, len(found), 0, tuple(found[:MAX_TABLE_ROWS]))


def check_feed_gaps(rows: SourceRows) -> CheckResult:
    """No column of KPI, spend or media is missing for two weeks between known values."""
    found: Rows = []
    for column in _feeds(rows):
        found += _gaps(rows, column)
    found.sort(key=lambda row: -float(str(row["days"])))
    message = "No feed is missing for weeks between known values."
    if found:
        first = found[0]
        message = (
            f"{rows.source.origin}: {len(found)} time(s) a feed is missing for {_GAP_DAYS} days or more and then "
            f"comes back, longest {first['column']!r} of geo {first['geo']} ({first['from']} to {first['to']}). "
            "If nothing was spent then, 0 is right (strategies mask, simple); if the feed failed, set "
            "enhanced_cleaning.missing_data.strategy to campaign_aware or name the period in its outages."
        )
    return CheckResult("feed_gaps", not found, "warn", message, len(found), 0, tuple(found[:MAX_TABLE_ROWS]))


def _feeds(rows: SourceRows) -> list[str]:
    """Source columns of KPI, spend, media and reach, each once; none if there is no row."""
    if not rows.geos:
        return []
    columns = rows.mapping.numeric_columns.items()
    return list(
        dict.fromkeys(
            source for panel, source in columns if panel == KPI or panel.startswith((SPEND, MEDIA, REACH))
        )
    )


def _stopped(rows: SourceRows, column: str) -> Rows:
    values = rows.numbers(column)
    ends = rows.ends
    last = np.maximum.reduceat(np.where(values > 0, np.arange(len(values)), -1), rows.starts)
    if not ((last >= 0) & (rows.days[ends] - rows.days[last] >= _MISSING_DAYS)).any():
        return []
    active = _activity(rows, values > 0)
    there = active.count >= _MIN_ACTIVE
    silent = np.where(there, rows.days[ends] - rows.days[active.last], 0)
    length = np.where(there, rows.days[active.last] - rows.days[active.first] + rows.steps, 1)
    there &= length >= _MIN_DAYS
    density = active.count * rows.steps / length
    known_after = np.add.reduceat(_after(values, active.last, rows), rows.starts)
    missing = known_after == 0
    least = np.where(missing, _MISSING_DAYS, _ZERO_DAYS)
    stopped = (
        there
        & (silent >= np.maximum(least, _TIMES_LONGEST_PAUSE * active.longest_pause))
        & (density >= np.where(missing, _MISSING_DENSITY, _ZERO_DENSITY))
    )
    return [
        {
            "geo": rows.geos[geo],
            "column": column,
            "last value": day_text(rows.days[active.last[geo]]),
            "end of geo": day_text(rows.days[ends[geo]]),
            "then": "missing" if missing[geo] else "0",
        }
        for geo in np.flatnonzero(stopped)
    ]


def _after(values: FloatArray, last: IntArray, rows: SourceRows) -> IntArray:
    """(N,) 1 for known values after the last one above 0 of their geo."""
    later = np.arange(len(values)) > last[rows.geo_of]
    return np.asarray(later & ~np.isnan(values), dtype=np.int64)


def _gaps(rows: SourceRows, column: str) -> Rows:
    values = rows.numbers(column)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == len(values):
        return []
    before, after = known[:-1], known[1:]
    geo = rows.geo_of[before]
    empty_rows = (after - before - 1) * rows.steps[geo]
    empty_days = np.minimum(empty_rows, rows.days[after] - rows.days[before] - rows.steps[geo])
    gaps = np.flatnonzero((geo == rows.geo_of[after]) & (empty_days >= _GAP_DAYS))
    return [
        {
            "geo": rows.geos[geo[gap]],
            "column": column,
            "from": day_text(rows.days[before[gap] + 1]),
            "to": day_text(rows.days[after[gap] - 1]),
            "days": int(empty_days[gap]),
        }
        for gap in gaps
    ]


def _activity(rows: SourceRows, active: np.ndarray) -> _Activity:
    """When the rows are active, by geo."""
    at = np.flatnonzero(active)
    geo = rows.geo_of[at]
    first, last = np.full(len(rows.geos), -1), np.full(len(rows.geos), -1)
    last[geo] = at
    first[geo[::-1]] = at[::-1]
    longest = np.zeros(len(rows.geos), dtype=np.int64)
    inside = np.flatnonzero(np.diff(geo) == 0)
    pauses = np.diff(rows.days[at])[inside] - rows.steps[geo[inside]]
    np.maximum.at(longest, geo[inside], pauses)
    return _Activity(np.bincount(geo, minlength=len(rows.geos)), first, last, longest)
