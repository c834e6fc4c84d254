"""What the validation page shows: the table geos x checks, checks over all geos, and failures in full."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from mmm_core.intake.report import CLEAN, RAW, GeoReport
from mmm_core.quality.check import CheckResult
from mmm_core.quality.clean_checks import CLEAN_PANEL_CHECKS
from mmm_core.quality.feature_checks import FEATURE_CHECKS
from mmm_core.quality.raw_checks import RAW_PANEL_CHECKS
from mmm_core.quality.score import SCORE_CHECKS
from mmm_core.reporting.formats import counted, fixed
from mmm_core.reporting.sections.check_lists import FailedCheck, check_list
from mmm_core.reporting.tables import Cell, Heading, Table

Sign = Literal["p", "w", "b", "n"]
SIGNS: Mapping[Sign, tuple[str, str]] = {
    "p": ("✓", "passed"),
    "w": ("!", "warning"),
    "b": ("✕", "blocks"),
    "n": ("·", "not judged"),
}
"""Class of a cell -> its sign, which can be told without colour, and what it means."""
STAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    RAW: ("Rows of the source", {**RAW_PANEL_CHECKS, **SCORE_CHECKS}),
    CLEAN: ("Clean weeks", {"cleaning": "Cleaning accepts the rows", **CLEAN_PANEL_CHECKS}),
    "features": ("Features", FEATURE_CHECKS),
}
"""Stage -> its title, and its checks in order with what they look at."""
_CHECK_TILES: tuple[tuple[Sign, str], ...] = (("p", "checks passed"), ("w", "warnings"), ("b", "blocking checks"))
_MAX_MESSAGE = 600
_MAX_LOST = 4


@dataclass(frozen=True)
class Column:
    """One check of one stage."""

    stage: str
    name: str
    about: str


@dataclass(frozen=True)
class Row:
    """One geo in the table."""

    number: int
    """Of the geo on this page; its details have it in their address."""
    geo: str
    state: Sign
    score: float
    lost: str
    """What cost how many points, in words."""
    signs: tuple[Sign, ...]
    """One per column."""


@dataclass(frozen=True)
class Matrix:
    """Geos x checks."""

    stages: tuple[tuple[str, int], ...]
    """(title, number of columns) of each stage."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class GeoDetails:
    """Everything that failed in one geo."""

    row: Row
    failed: tuple[FailedCheck, ...]


def matrix(reports: Sequence[GeoReport]) -> Matrix:
    """The outcome of every check in every geo, geos in the given order."""
    columns = _columns(reports)
    stages = {column.stage: 0 for column in columns}
    for column in columns:
        stages[column.stage] += 1
    titles = tuple((STAGES.get(stage, (stage, {}))[0], count) for stage, count in stages.items())
    return Matrix(titles, columns, tuple(_row(number, report, columns) for number, report in enumerate(reports)))


def details(report: GeoReport, row: Row) -> GeoDetails:
    """The failed checks of one geo with the first rows of their tables, blocking ones first."""
    pairs = [
        (STAGES.get(stage, (stage, {}))[0], _short(result))
        for stage, found in report.results.items()
        for result in found
    ]
    return GeoDetails(row, check_list(pairs, f"geo:{row.number}").failed)


def check_totals(reports: Sequence[GeoReport]) -> Table:
    """Checks that failed anywhere: in how many geos, and what they cost; the most expensive first."""
    rows = []
    for column in _columns(reports):
        found = [result for report in reports for result in _of(report, column)]
        failed = [result for result in found if not result.passed]
        if failed:
            points = sum(_share(report, column) for report in reports) / len(reports)
            rows.append((points, len(failed), sum(result.blocks for result in failed), column))
    rows.sort(key=lambda row: (-row[0], -row[1]))
    headings = (
        Heading("Check", numeric=False),
        Heading("Stage", numeric=False),
        Heading("Geos"),
        Heading("Blocked"),
        Heading("Points", note="Mean over all geos of the points of the score that the check cost"),
        Heading("What it looks at", numeric=False),
    )
    cells = tuple(
        (
            Cell(column.name),
            Cell(STAGES.get(column.stage, (column.stage, {}))[0]),
            Cell(fixed(count, 0), float(count), numeric=True),
            Cell(fixed(blocked, 0), float(blocked), numeric=True),
            Cell(fixed(points, 3), points, numeric=True),
            Cell(column.about),
        )
        for points, count, blocked, column in rows
    )
    return Table("check_totals", headings, cells, wide=True)


def tiles(reports: Sequence[GeoReport]) -> tuple[tuple[str, str], ...]:
    """(number, what it is) of the summary: geos, or for one geo its checks."""
    if len(reports) == 1:
        signs = [_sign(result) for result in reports[0].every_result]
        counts = ((fixed(signs.count(sign), 0), what) for sign, what in _CHECK_TILES)
        return (*counts, (fixed(reports[0].score, 2), "score of 1"))
    blocked = sum(report.blocks for report in reports)
    warned = sum(any(not result.passed for result in report.every_result) for report in reports) - blocked
    score = fixed(median(report.score for report in reports), 2) if reports else "–"
    return (
        (fixed(len(reports) - blocked - warned, 0), "passed every check"),
        (fixed(warned, 0), "usable, with warnings"),
        (fixed(blocked, 0), "blocked"),
        (score, "median score of 1"),
    )


def state(reports: Sequence[GeoReport], source: Iterable[CheckResult]) -> tuple[str, str]:
    """Class and words of the whole page's state."""
    source = list(source)
    blocked = sum(report.blocks for report in reports)
    if any(result.blocks for result in source):
        return "blocked", "The source is blocked"
    if blocked:
        return "blocked", "Blocked" if len(reports) == 1 else f"{counted(blocked, 'geo')} blocked"
    failed = [result for result in source if not result.passed]
    warned = sum(any(not result.passed for result in report.every_result) for report in reports)
    if failed or warned:
        where = [counted(warned, "geo")] * bool(warned) + ["the source"] * bool(failed)
        return "warned", "Usable, with warnings" + (f" on {' and '.join(where)}" if len(reports) > 1 else "")
    return "accepted", "Every check passed"


def _columns(reports: Sequence[GeoReport]) -> tuple[Column, ...]:
    """Checks with an outcome in any geo, in the order of their stages and tables."""
    there: dict[str, dict[str, None]] = {stage: {} for stage in STAGES}
    for report in reports:
        for stage, found in report.results.items():
            there.setdefault(stage, {}).update(dict.fromkeys(result.name for result in found))
    columns = []
    for stage, names in there.items():
        known = STAGES.get(stage, (stage, {}))[1]
        ordered = [name for name in known if name in names] + [name for name in names if name not in known]
        columns += [Column(stage, name, known.get(name, "")) for name in ordered]
    return tuple(columns)


def _row(number: int, report: GeoReport, columns: Sequence[Column]) -> Row:
    signs: dict[tuple[str, str], Sign] = {
        (stage, result.name): _sign(result) for stage, found in report.results.items() for result in found
    }
    every = set(signs.values())
    overall: Sign = "b" if "b" in every else "w" if "w" in every else "p"
    costs = [f"{name} {fixed(points, 2)}" for name, points in report.lost.items()]
    more = f" and {len(costs) - _MAX_LOST} more" if len(costs) > _MAX_LOST else ""
    return Row(
        number=number,
        geo=report.geo,
        state=overall,
        score=report.score,
        lost=f"{', '.join(costs[:_MAX_LOST])}{more}",
        signs=tuple(signs.get((column.stage, column.name), "n") for column in columns),
    )


def _sign(result: CheckResult) -> Sign:
    if result.passed:
        return "p"
    return "b" if result.blocks else "w"


def _of(report: GeoReport, column: Column) -> list[CheckResult]:
    return [result for result in report.results.get(column.stage, ()) if result.name == column.name]


def _share(report: GeoReport, column: Column) -> float:
    """Points that a check cost a geo in this stage, where several stages have a check of that name."""
    failing = [
        stage
        for stage, found in report.results.items()
        for result in found
        if result.name == column.name and not result.passed
    ]
    return report.lost.get(column.name, 0.0) * failing.count(column.stage) / max(len(failing), 1)


def _short(result: CheckResult) -> CheckResult:
    if len(result.message) <= _MAX_MESSAGE:
        return result
    return replace(result, message=f"{result.message[:_MAX_MESSAGE]} …")
