"""Checks of the source: geos that contain, repeat or outlast each other."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmm_core.data.calendar import WEEKDAYS
from mmm_core.data.naming import look_alikes
from mmm_core.quality.check import CheckResult, Severity
from mmm_core.quality.source_rows import FloatArray, SourceRows, day_text
from mmm_core.quality.violations import MAX_TABLE_ROWS

_TOTAL = re.compile(
    r"(grand |sub ?)?totals?\b|all\b|overall\b|combined\b|worldwide\b|global\b|national\b|everything\b|gesamt\b|"
    r"insgesamt\b|toutes?\b|tous\b|todos\b|todas\b|tutti\b",
    re.IGNORECASE,
)
_TOLERANCE = 0.005
_SHARE = 0.95
"""Share of dates on which a sum must hold."""
_MIN_DATES = 20
_LATE_DAYS = 28
"""Days by which ranges of geos may differ."""
_THURSDAY = 3
"""Weekday of 1970-01-01, counted from Monday."""
_EXCEL_ROWS = (65_535, 1_048_575)
Rows = list[Mapping[str, object]]


def check_rollup_geos(rows: SourceRows, excluded: Mapping[str, Sequence[str]]) -> CheckResult:
    """No geo is the sum of the others: with it, everything would count twice.

    A geo is a roll-up if its KPI is the sum of the others' on nearly all dates, or if it is named like one and
    its KPI is the largest on nearly all dates (both block); a name alone informs.

    Args:
        rows: of the source.
        excluded: column -> values that are left out already (`data.rows.exclude`).
    """
    found: Rows = [case for group in _groups(rows) for case in _rollups(rows, *group)]
    proven = [case for case in found if case["why"] != _NAMED]
    severity: Severity = "error" if proven or not found else "warn"
    totals = [value for key in rows.mapping.keys for value in excluded.get(key, ()) if _TOTAL.match(value)]
    message = "No geo is the sum of others."
    if totals:
        message = f"No geo is the sum of others; data.rows.exclude leaves out {', '.join(totals)}."
    if found:
        first = (proven or found)[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        message = (
            f"{rows.source.origin}: geo {first['geo']}{more} looks like a roll-up, which counts everything twice: "
            f"{first['why']}. Leave it out: data.rows.exclude: {{{first['key']}: [{first['value']}]}}"
            f"{_also_left_out(rows, first, len(found))}."
        )
    return CheckResult("rollup_geos", not found, severity, message, len(found), 0, tuple(found[:MAX_TABLE_ROWS]))


_SUM = "its KPI is the sum of the other geos' KPI"
_LARGEST = "it is named like a total and its KPI is the largest on nearly all dates"
_NAMED = "it is named like a total"


def _also_left_out(rows: SourceRows, first: Mapping[str, object], n_found: int) -> str:
    """A warning where other geos have the same value of that key and are no roll-ups."""
    position = rows.mapping.keys.index(str(first["key"]))
    others = sum(parts[position] == first["value"] for parts in rows.key_parts) - n_found
    if others < 1:
        return ""
    return f" (that leaves out {others} other geo(s) with that value too; first choose rows with data.rows.where)"


def _groups(rows: SourceRows) -> Iterator[tuple[int, list[int]]]:
    """Key position, and geos that differ in that key only; at least two each."""
    for position in range(len(rows.mapping.keys)):
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for geo, parts in enumerate(rows.key_parts):
            groups[parts[:position] + parts[position + 1 :]].append(geo)
        yield from ((position, group) for group in groups.values() if len(group) > 1)


def _rollups(rows: SourceRows, position: int, group: list[int]) -> Iterator[Mapping[str, object]]:
    named = {geo for geo in group if _TOTAL.match(rows.key_parts[geo][position])}
    if len(group) < 3 and not named:
        return
    kpi = _by_date(rows, rows.kpi, group)
    whole = kpi.sum(axis=1)
    for column, geo in enumerate(group):
        own = kpi[:, column]
        there = own > 0
        others = np.delete(kpi, column, axis=1) if geo in named else kpi[:, :0]
        is_sum = len(group) > 2 and _mostly(np.abs(whole - 2 * own) <= _TOLERANCE * own, there)
        is_largest = geo in named and _mostly(own >= others.max(axis=1, initial=0.0), there)
        if is_sum or geo in named:
            yield {
                "geo": rows.geos[geo],
                "key": rows.mapping.keys[position],
                "value": rows.key_parts[geo][position],
                "why": _SUM if is_sum else _LARGEST if is_largest else _NAMED,
                "other geos": len(group) - 1,
            }


def _mostly(holds: NDArray[np.bool_], there: NDArray[np.bool_]) -> bool:
    return int(there.sum()) >= _MIN_DATES and float(holds[there].mean()) >= _SHARE


def _by_date(rows: SourceRows, values: FloatArray, group: list[int]) -> FloatArray:
    """(dates, geos of the group) sums per date, 0 where there is nothing."""
    column_of = np.full(len(rows.geos), -1)
    column_of[group] = np.arange(len(group))
    mine = column_of[rows.geo_of] >= 0
    dates, date_of = np.unique(rows.days[mine], return_inverse=True)
    cell = date_of * len(group) + column_of[rows.geo_of[mine]]
    sums = np.bincount(cell, weights=np.nan_to_num(values[mine]), minlength=len(dates) * len(group))
    return sums.astype(np.float64).reshape(len(dates), len(group))


def check_overlapping_geos(rows: SourceRows) -> CheckResult:
    """No geo is there under two names: the same KPI on the same dates (blocks), or nearly the same name."""
    copies, alike = _copies(rows), _alike(rows)
    severity: Severity = "error" if copies or not alike else "warn"
    message = "Every geo is there once."
    if copies or alike:
        first = (copies or alike)[0]
        message = (
            f"{rows.source.origin}: geos {first['geo']} and {first['other']} {first['why']} ({len(copies)} "
            f"pair(s) of equal series, {len(alike)} of like names); keep one of them, or give both the same name."
        )
    table = tuple([*copies, *alike][:MAX_TABLE_ROWS])
    return CheckResult("overlapping_geos", not table, severity, message, len(copies) + len(alike), 0, table)


def _copies(rows: SourceRows) -> Rows:
    ends = rows.ends + 1
    seen: dict[tuple[bytes, bytes], str] = {}
    found: Rows = []
    for geo, start, end in zip(rows.geos, rows.starts, ends, strict=True):
        kpi = rows.kpi[start:end]
        if end - start < _MIN_DATES or np.isnan(kpi).all() or np.nanmin(kpi) == np.nanmax(kpi):
            continue
        series = (rows.days[start:end].tobytes(), kpi.tobytes())
        if series in seen:
            found.append({"geo": seen[series], "other": geo, "why": "have the same KPI on the same dates"})
        else:
            seen[series] = geo
    return found


def _alike(rows: SourceRows) -> Rows:
    return [
        {"geo": first, "other": other, "why": "have nearly the same name"}
        for first, *others in look_alikes(rows.geos)
        for other in others
    ]


def check_geo_ranges(rows: SourceRows) -> CheckResult:
    """Geos start and end at about the same time (four weeks around the median over geos)."""
    if not rows.geos:
        return CheckResult("geo_ranges", True, "warn", "Not judged: there is no row with geo and date.")
    start, end = int(np.median(rows.first_days)), int(np.median(rows.last_days))
    late, early = rows.first_days - start > _LATE_DAYS, end - rows.last_days > _LATE_DAYS
    found: Rows = [
        {
            "geo": rows.geos[geo],
            "first": day_text(rows.first_days[geo]),
            "last": day_text(rows.last_days[geo]),
            "starts late by days": int(max(rows.first_days[geo] - start, 0)),
            "ends early by days": int(max(end - rows.last_days[geo], 0)),
        }
        for geo in np.flatnonzero(late | early)
    ]
    message = "The geos cover the same period."
    if found:
        first = found[0]
        message = (
            f"{rows.source.origin}: {len(found)} of {len(rows.geos)} geos start late or end early by more than "
            f"{_LATE_DAYS} days (usual: {day_text(start)} to {day_text(end)}), first {first['geo']} "
            f"({first['first']} to "
            f"{first['last']}); complete them, or leave the geos out. Weeks outside a geo's own range are not "
            "fitted."
        )
    return CheckResult("geo_ranges", not found, "warn", message, len(found), 0, tuple(found[:MAX_TABLE_ROWS]))


def check_geo_weekdays(rows: SourceRows, aligned: bool) -> CheckResult:
    """The weeks of all geos with weekly data begin on the same weekday.

    Args:
        rows: of the source.
        aligned: whether cleaning moves all of them to the same weekday.
    """
    weekly = (rows.steps == 7) & (rows.last_days > rows.first_days)
    weekdays = (rows.first_days + _THURSDAY) % 7
    counts = np.bincount(weekdays[weekly], minlength=7)
    usual = int(counts.argmax())
    found: Rows = [
        {"geo": rows.geos[geo], "weekday": WEEKDAYS[weekdays[geo]]}
        for geo in np.flatnonzero(weekly & (weekdays != usual))
    ]
    if aligned:
        message = "Weekly dates are moved to the same weekday (enhanced_cleaning.week_alignment)."
        return CheckResult("geo_weekdays", True, "error", message, value=len(found))
    message = "Weeks begin on the same weekday in all geos."
    if found:
        message = (
            f"{rows.source.origin}: the weeks of {len(found)} geo(s) begin on another weekday than those of most "
            f"others ({WEEKDAYS[usual]}), first {found[0]['geo']} ({found[0]['weekday']}); date them alike, or "
            "set enhanced_cleaning.week_alignment to align."
        )
    return CheckResult("geo_weekdays", not found, "error", message, len(found), 0, tuple(found[:MAX_TABLE_ROWS]))


def check_cut_off_series(rows: SourceRows) -> CheckResult:
    """The file does not stop in the middle of a series.

    It seems to where geos stand one after the other and the last one ends weeks before every other, or where
    there are as many rows as a sheet of Excel holds.
    """
    why = _cut_off(rows)
    table: tuple[Mapping[str, object], ...] = ()
    if why:
        last = int(rows.geo_of[np.argmax(rows.order)])
        table = ({"geo": rows.geos[last], "last": day_text(rows.last_days[last]), "rows": _rows_of(rows, last)},)
    message = "The file does not look cut off."
    if why:
        message = f"{rows.source.origin}: the file may be cut off: {why}. Fetch it whole, or leave that geo out."
    return CheckResult("cut_off_series", not why, "warn", message, len(table), 0, table)


def _cut_off(rows: SourceRows) -> str | None:
    n_rows = len(rows.source.frame)
    if n_rows in _EXCEL_ROWS:
        return f"it has {n_rows:,} rows, which is as many as Excel keeps"
    if len(rows.geos) < 3 or rows.blocks != len(rows.geos):
        return None
    last = int(rows.geo_of[np.argmax(rows.order)])
    others = int(np.delete(rows.last_days, last).min())
    if others - int(rows.last_days[last]) <= _LATE_DAYS:
        return None
    return (
        f"its last series, geo {rows.geos[last]}, ends on {day_text(rows.last_days[last])}, the others on "
        f"{day_text(others)} or later"
    )


def _rows_of(rows: SourceRows, geo: int) -> int:
    return int((rows.geo_of == geo).sum())
