"""Rows of the registry to experiments: text, dates and numbers, each proven to be what its column holds."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from mmm_core.config.keys import nearest
from mmm_core.data.numbers import as_text, numbers_or_text, written_dates
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.patterns import listed
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError
from mmm_core.experiments.experiment import METRICS, Experiment, Metric
from mmm_core.features.model_data import ModelData

TEXT_COLUMNS = ("id", "channels", "geos", "start", "end", "metric", "design", "source", "notes")
NUMBER_COLUMNS = (
    "spend_change",
    "relative_change",
    "estimate",
    "low",
    "high",
    "level",
    "standard_error",
    "post_weeks",
)
_log = logging.getLogger(__name__)
_NEEDED = ("id", "channels", "start", "end", "metric")
_LARGEST = 1e30
_MOST_POST_WEEKS = 104


def experiments_in(table: SourceTable, data: ModelData) -> list[Experiment]:
    """One per row; a test in a geo that was left out of the data cannot be used with it, and the log says so.

    Args:
        table: the file.
        data: whose channels and geos the rows name.

    Raises:
        DataError: a column is missing or unknown, or a cell is not what its column holds.
    """
    _check_columns(table)
    frame, rows = table.frame, table.frame[SOURCE_ROW].tolist()
    texts = {name: _texts(frame, name) for name in TEXT_COLUMNS}
    numbers = {name: _numbers(table, name) for name in NUMBER_COLUMNS}
    days = {name: _days(table, name) for name in ("start", "end")}
    found = []
    for i, row in enumerate(rows):
        cells = {name: values[i] for name, values in texts.items()} | {
            name: values[i] for name, values in (numbers | days).items()
        }
        if gone := _left_out(str(cells["geos"]), data):
            _log.warning("%s, row %d: not used, because %s is left out.", table.origin, int(row), listed(gone))
            continue
        found.append(_experiment(_Row(table.origin, int(row), cells), data))
    _check_names(found)
    return found


@dataclass(frozen=True)
class _Row:
    """Cells of one row: text (empty where nothing is given), numbers (NaN) and days."""

    origin: str
    number: int
    cells: dict[str, Any]

    def text(self, column: str) -> str:
        return str(self.cells[column])

    def given(self, column: str) -> float | None:
        """The number, None where nothing is given."""
        value = float(self.cells[column])
        return None if np.isnan(value) else value

    def needed(self, column: str, remedy: str) -> float:
        value = self.given(column)
        if value is None:
            self.refuse(f"column {column!r} is empty; {remedy}.")
        return value

    def refuse(self, problem: str) -> NoReturn:
        named = f" (experiment {self.cells['id']})" if self.cells["id"] else ""
        raise DataError(f"{self.origin}, row {self.number}{named}: {problem}")


def _left_out(geos: str, data: ModelData) -> list[str]:
    """Geos of a test that are not in the data because they are bad now; a test everywhere was there as well."""
    if geos in ("", "all"):
        return list(data.excluded_geos)
    named = {geos, *(part.strip() for part in geos.split(";"))}
    return [geo for geo in data.excluded_geos if geo in named]


def _experiment(row: _Row, data: ModelData) -> Experiment:
    for column in _NEEDED:
        if column not in ("start", "end") and not row.text(column):
            row.refuse(f"column {column!r} is empty; give a value.")
    start, end = row.cells["start"], row.cells["end"]
    if end < start:
        row.refuse(f"it ends on {end}, before it starts on {start}; swap or correct the dates.")
    amount, relative = _change(row)
    estimate, sd = _result(row)
    return Experiment(
        name=row.text("id"),
        origin=row.origin,
        row=row.number,
        channels=_names(row, "channels", "+", "channel", data.channels),
        geos=data.geos if row.text("geos") in ("", "all") else _names(row, "geos", ";", "geo", data.geos),
        start=start,
        end=end,
        spend_change=amount,
        relative_change=relative,
        metric=_metric(row),
        estimate=estimate,
        sd=sd,
        post_weeks=_post_weeks(row),
        design=row.text("design"),
        source=row.text("source"),
    )


def _names(row: _Row, column: str, sign: str, what: str, known: Sequence[str]) -> tuple[str, ...]:
    """The listed names; a name that holds the sign itself is taken as it is."""
    text = row.text(column)
    names = [text] if text in known else [part.strip() for part in text.split(sign)]
    for name in names:
        if name not in known:
            close = nearest(name, list(known))
            hint = f" Did you mean {close}?" if close else ""
            row.refuse(f"the model has no {what} {name!r}; it has {listed(known)}.{hint}")
    if len(set(names)) < len(names):
        row.refuse(f"column {column!r} names a {what} twice; name it once.")
    return tuple(names)


def _change(row: _Row) -> tuple[float | None, float | None]:
    amount, relative = row.given("spend_change"), row.given("relative_change")
    if (amount is None) == (relative is None):
        row.refuse(
            "give either spend_change (money, all cells together) or relative_change (0.5 is half more, -1 is "
            "nothing at all), one of them."
        )
    if amount == 0 or relative == 0:
        row.refuse("the change of spend is 0, so there is nothing to measure; correct it, or remove the row.")
    if relative is not None and relative < -1:
        row.refuse(
            f"relative_change is {relative:g}, but spend cannot fall by more than all of it; use -1 or more."
        )
    return amount, relative


def _metric(row: _Row) -> Metric:
    found = [metric for metric in METRICS if metric == row.text("metric").lower()]
    if not found:
        row.refuse(f"metric is {row.text('metric')!r}; allowed: {', '.join(METRICS)}.")
    return found[0]


def _result(row: _Row) -> tuple[float, float]:
    """Estimate and standard error."""
    error, low, high = row.given("standard_error"), row.given("low"), row.given("high")
    if error is not None:
        if low is not None or high is not None:
            row.refuse("it has both standard_error and an interval (low, high); give one of them.")
        if error <= 0:
            row.refuse(f"standard_error is {error:g}; it must be above 0.")
        return row.needed("estimate", "give the measured effect"), error
    if low is None or high is None:
        row.refuse("it does not say how certain the result is; give standard_error, or low, high and level.")
    if low >= high:
        row.refuse(f"the interval [{low:g}, {high:g}] has no width; low must be below high.")
    level = row.needed("level", "give the coverage of [low, high], such as 0.9")
    if not 0 < level < 1:
        row.refuse(f"level is {level:g}; allowed: between 0 and 1, such as 0.9 for 90 %.")
    written = row.given("estimate")
    estimate = (low + high) / 2 if written is None else written
    if not low <= estimate <= high:
        row.refuse(f"estimate {estimate:g} is outside its interval [{low:g}, {high:g}]; correct one of them.")
    return estimate, (high - low) / (2 * _normal_quantile(0.5 + level / 2))


def _normal_quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))


def _post_weeks(row: _Row) -> int:
    weeks = row.given("post_weeks") or 0.0
    if weeks != round(weeks) or not 0 <= weeks <= _MOST_POST_WEEKS:
        row.refuse(f"post_weeks is {weeks:g}; allowed: whole weeks from 0 to {_MOST_POST_WEEKS}.")
    return int(weeks)


def _check_columns(table: SourceTable) -> None:
    there = [str(column) for column in table.frame.columns if column != SOURCE_ROW]
    known = (*TEXT_COLUMNS, *NUMBER_COLUMNS)
    missing = [column for column in _NEEDED if column not in there]
    if missing:
        raise DataError(
            f"{table.origin} lacks column {listed(missing)} (calibration.experiments); it has {listed(there)}."
        )
    for column in there:
        if column not in known:
            close = nearest(column, list(known))
            hint = f" Did you mean {close}?" if close else " Free text may stand in `notes`."
            raise DataError(
                f"{table.origin}: no column of an experiment is called {column!r}; allowed: "
                f"{', '.join(known)}.{hint}"
            )


def _texts(frame: pd.DataFrame, column: str) -> list[str]:
    if column not in frame:
        return [""] * len(frame)
    values = frame[column]
    return [str(text).strip() for text in as_text(values).fillna("")]


def _numbers(table: SourceTable, column: str) -> list[float]:
    if column not in table.frame:
        return [float("nan")] * len(table.frame)
    values = numbers_or_text(table.frame[column])
    if not pd.api.types.is_numeric_dtype(values):
        wrong = pd.Series(pd.to_numeric(values, errors="coerce")).isna() & values.notna()
        at = int(np.argmax(wrong.to_numpy()))
        _refuse_cell(table, column, at, f"holds {values.iloc[at]!r}", "give a number, with a decimal point")
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    beyond = np.flatnonzero(np.abs(numbers) > _LARGEST)
    if len(beyond):
        _refuse_cell(table, column, int(beyond[0]), f"is beyond {_LARGEST:g}", "correct it")
    return [float(number) for number in numbers]


def _days(table: SourceTable, column: str) -> list[np.datetime64]:
    read = written_dates(table.frame[column])
    days = read.days.astype("datetime64[D]")
    wrong = np.flatnonzero(np.isnat(days) | read.undecided)
    if len(wrong):
        at = int(wrong[0])
        _refuse_cell(table, column, at, f"holds {table.frame[column].iloc[at]!r}", "write a date as YYYY-MM-DD")
    return list(days)


def _refuse_cell(table: SourceTable, column: str, at: int, what: str, remedy: str) -> NoReturn:
    row = int(table.frame[SOURCE_ROW].iloc[at])
    raise DataError(f"{table.origin}, row {row}: column {column!r} {what}; {remedy}.")


def _check_names(experiments: Sequence[Experiment]) -> None:
    first: dict[str, int] = {}
    for experiment in experiments:
        if experiment.name in first:
            experiment.refuse(f"row {first[experiment.name]} has the same id; give each experiment its own.")
        first[experiment.name] = experiment.row
