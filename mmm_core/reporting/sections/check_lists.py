"""Checks as a reader wants them: what failed in full, what passed in one line each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mmm_core.quality.check import CheckResult
from mmm_core.reporting.formats import MISSING, is_number, plain
from mmm_core.reporting.tables import Cell, Heading, Table, Tone

DATA_ASSETS = ("source_snapshot", "raw_panel", "clean_panel", "features", "model_data")
_MAX_ROWS = 5
"""Rows of a failed check's table that are shown."""


@dataclass(frozen=True)
class FailedCheck:
    """One failed check in full."""

    asset: str
    name: str
    tone: Literal["warn", "bad"]
    word: str
    message: str
    table: Table | None
    left_out: int
    """Rows that are not shown."""


@dataclass(frozen=True)
class CheckList:
    """Checks of some assets."""

    failed: tuple[FailedCheck, ...]
    passed: Table
    counts: str


def is_data_check(asset: str) -> bool:
    """Whether the check is about data (`raw_panel[Geo0]`) and not about the fit."""
    return asset.split("[")[0].split(" ")[0] in DATA_ASSETS


def check_list(checks: Iterable[tuple[str, CheckResult]], key: str) -> CheckList:
    """Failed ones (blocking first), passed ones, and a count of both."""
    every = list(checks)
    failed = sorted((pair for pair in every if not pair[1].passed), key=lambda pair: not pair[1].blocks)
    passed = [pair for pair in every if pair[1].passed]
    blocking = sum(check.blocks for _, check in failed)
    counts = f"{len(passed)} passed, {len(failed) - blocking} warned, {blocking} blocked"
    return CheckList(tuple(_failed(*pair) for pair in failed), check_table(passed, key), counts)


def check_table(checks: Iterable[tuple[str, CheckResult]], key: str) -> Table:
    """Every check in one row: asset, name, outcome, value, limit, message."""
    return Table(
        key=key,
        headings=(
            Heading("Asset", numeric=False),
            Heading("Check", numeric=False),
            Heading("Outcome", numeric=False),
            Heading("Value"),
            Heading("Limit"),
            Heading("What it says", numeric=False),
        ),
        rows=tuple(_row(asset, check) for asset, check in checks),
        wide=True,
    )


def record_table(records: Iterable[Mapping[str, Any]], key: str) -> Table | None:
    """Records with equal keys as a table, None without records."""
    rows = list(records)
    if not rows:
        return None
    columns = list(rows[0])
    numeric = {column: all(is_number(row.get(column)) for row in rows) for column in columns}
    return Table(
        key=key,
        headings=tuple(Heading(str(column), numeric=numeric[column]) for column in columns),
        rows=tuple(tuple(_record_cell(row.get(column), numeric[column]) for column in columns) for row in rows),
    )


def plain_text(value: object) -> str:
    """A value from a record as text; numbers in short."""
    if value is None or (isinstance(value, float) and not is_number(value)):
        return MISSING
    return plain(value) if isinstance(value, float) else str(value)


def outcome(check: CheckResult) -> tuple[Tone, str]:
    """Tone and word of an outcome."""
    if check.passed:
        return "good", "passed"
    return ("bad", "blocks") if check.blocks else ("warn", "warning")


def _failed(asset: str, check: CheckResult) -> FailedCheck:
    """The failed check with the first rows of its table."""
    return FailedCheck(
        asset=asset,
        name=check.name,
        tone="bad" if check.blocks else "warn",
        word=outcome(check)[1],
        message=check.message,
        table=record_table(check.table[:_MAX_ROWS], f"failed:{asset}:{check.name}"),
        left_out=max(len(check.table) - _MAX_ROWS, 0),
    )


def _row(asset: str, check: CheckResult) -> tuple[Cell, ...]:
    """One row of `check_table`."""
    tone, word = outcome(check)
    return (
        Cell(asset),
        Cell(check.name),
        Cell(word, tone=tone),
        Cell(plain(check.value), check.value, numeric=True),
        Cell(plain(check.threshold), check.threshold, numeric=True),
        Cell(check.message),
    )


def _record_cell(value: Any, numeric: bool) -> Cell:
    """One cell of `record_table`."""
    return Cell(plain_text(value), float(value) if numeric else None, numeric=numeric)
