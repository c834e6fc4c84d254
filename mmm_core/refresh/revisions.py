"""What of the data has changed between two fits: geos, weeks, channels, and values in what both know."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray, ModelData

SCOPE_COLUMNS = ["what", "name", "change"]
REVISION_COLUMNS = ["what", "name", "cells_changed", "cells", "total_before", "total_now", "change"]
CELL_COLUMNS = ["what", "name", "geo", "date", "before", "now", "change_sd"]
MOST_CELLS = 50
"""Single values that are named, the largest changes first."""
_SAME = 1e-9
"""Relative difference up to which values count as equal."""


@dataclass(frozen=True)
class Overlap:
    """Positions of what two data sets have in common, in the order of `now`."""

    geos: tuple[NDArray[np.int_], NDArray[np.int_]]
    """(now, before)"""
    weeks: tuple[NDArray[np.int_], NDArray[np.int_]]
    channels: tuple[NDArray[np.int_], NDArray[np.int_]]
    controls: tuple[NDArray[np.int_], NDArray[np.int_]]

    @property
    def empty(self) -> bool:
        """Whether no geo-week is in both."""
        return not (self.geos[0].size and self.weeks[0].size)


def overlap_of(now: ModelData, before: ModelData) -> Overlap:
    """What both know."""
    return Overlap(
        _common(now.geos, before.geos),
        _common(now.dates.tolist(), before.dates.tolist()),
        _common(now.channels, before.channels),
        _common(now.controls, before.controls),
    )


def _common(now: Sequence[str], before: Sequence[str]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    where = {name: i for i, name in enumerate(before)}
    pairs = [(i, where[name]) for i, name in enumerate(now) if name in where]
    positions = np.array(pairs, dtype=np.int_).reshape(-1, 2).T
    return positions[0], positions[1]


def scope_table(now: ModelData, before: ModelData) -> pd.DataFrame:
    """Weeks, geos, channels and controls of only one of the two.

    Returns:
        `SCOPE_COLUMNS`: what (week, geo, channel, control); name (a week's first day); change (`new`, `gone`).
    """
    rows = []
    for what, was, came in (
        ("week", _days(before), _days(now)),
        ("geo", before.geos, now.geos),
        ("channel", before.channels, now.channels),
        ("control", before.controls, now.controls),
    ):
        rows += [(what, name, "new") for name in came if name not in set(was)]
        rows += [(what, name, "gone") for name in was if name not in set(came)]
    return pd.DataFrame(rows, columns=SCOPE_COLUMNS)


def _days(data: ModelData) -> tuple[str, ...]:
    return tuple(str(day) for day in data.dates.astype("datetime64[D]"))


@dataclass(frozen=True)
class Revisions:
    """Values that were corrected."""

    variables: pd.DataFrame
    """`REVISION_COLUMNS`, a row per variable with a changed value: what (kpi, spend, media, frequency, control,
    revenue_per_kpi, population), name (channel or control, else empty), cells_changed, cells (geo-weeks that both
    know; geos for populations), total_before, total_now (sums over all of these; means of controls, frequency and
    revenue per KPI), change (relative, missing where the total was 0)."""
    cells: pd.DataFrame
    """`CELL_COLUMNS`, the largest changes of single values, at most `MOST_CELLS`: geo, date (empty for
    populations), before, now (missing: not known), change_sd (in standard deviations of the variable; infinite
    where a value came or went)."""


def revisions(now: ModelData, before: ModelData) -> Revisions:
    """Values of the geos and weeks that both know, where they differ."""
    both = overlap_of(now, before)
    variables, cells = [], []
    for what, name, was, came in () if both.empty else _variables(now, before, both):
        changed = ~np.isclose(was, came, rtol=_SAME, atol=0, equal_nan=True)
        if changed.any():
            variables.append(_variable_row(what, name, was, came, changed))
            cells += _cell_rows(what, name, was, came, changed, now, both)
    cells.sort(key=lambda row: -abs(row[-1]))
    return Revisions(
        pd.DataFrame(variables, columns=REVISION_COLUMNS), pd.DataFrame(cells[:MOST_CELLS], columns=CELL_COLUMNS)
    )


def _variables(
    now: ModelData, before: ModelData, both: Overlap
) -> Iterator[tuple[str, str, FloatArray, FloatArray]]:
    """(what, name, (G, T) before, (G, T) now) of the shared cells; (G, 1) for populations."""

    def pair(
        was: FloatArray | None, came: FloatArray | None, at: tuple[int, int] | None = None
    ) -> Mapping[str, FloatArray]:
        found = {}
        for key, values, side in (("was", was, 1), ("came", came, 0)):
            if values is not None:
                cells = values[np.ix_(both.geos[side], both.weeks[side])]
                found[key] = cells if at is None else cells[:, :, at[side]]
        return found

    def variable(
        what: str, name: str, values: Mapping[str, FloatArray]
    ) -> Iterator[tuple[str, str, FloatArray, FloatArray]]:
        if len(values) == 2:
            yield what, name, values["was"], values["came"]

    yield "population", "", before.population[both.geos[1], None], now.population[both.geos[0], None]
    yield from variable("kpi", "", pair(before.kpi, now.kpi))
    yield from variable("revenue_per_kpi", "", pair(before.revenue_per_kpi, now.revenue_per_kpi))
    for at in zip(*(positions.tolist() for positions in both.channels), strict=True):
        name = now.channels[at[0]]
        yield from variable("spend", name, pair(before.spend, now.spend, at))
        if not _media_is_spend(now, at[0]) or not _media_is_spend(before, at[1]):
            yield from variable("media", name, pair(before.media, now.media, at))
        yield from variable("frequency", name, pair(before.frequency, now.frequency, at))
    for at in zip(*(positions.tolist() for positions in both.controls), strict=True):
        name = now.controls[at[0]]
        yield from variable("control", name, pair(before.control_values, now.control_values, at))


def _media_is_spend(data: ModelData, channel: int) -> bool:
    return bool(np.array_equal(data.media[:, :, channel], data.spend[:, :, channel]))


def _variable_row(
    what: str, name: str, was: FloatArray, came: FloatArray, changed: NDArray[np.bool_]
) -> tuple[Any, ...]:
    total = np.nanmean if what in ("control", "frequency", "revenue_per_kpi") else np.nansum
    then, today = float(total(was)), float(total(came))
    change = today / then - 1 if then > 0 else np.nan
    return what, name, int(changed.sum()), changed.size, then, today, change


def _cell_rows(
    what: str,
    name: str,
    was: FloatArray,
    came: FloatArray,
    changed: NDArray[np.bool_],
    now: ModelData,
    both: Overlap,
) -> list[tuple[Any, ...]]:
    """The largest changes of one variable."""
    spread = float(np.nanstd(came)) or float(np.nanstd(was)) or 1.0
    size = np.where(np.isnan(was) ^ np.isnan(came), np.inf, np.abs(came - was) / spread)
    order = np.argsort(np.where(changed, -size, np.inf), axis=None)[: min(MOST_CELLS, int(changed.sum()))]
    rows: list[tuple[Any, ...]] = []
    for g, t in zip(*np.unravel_index(order, changed.shape), strict=True):
        day = "" if what == "population" else str(now.dates[both.weeks[0][t]].astype("datetime64[D]"))
        rows.append(
            (
                what,
                name,
                now.geos[both.geos[0][g]],
                day,
                float(was[g, t]),
                float(came[g, t]),
                _signed(size[g, t], was[g, t], came[g, t]),
            )
        )
    return rows


def _signed(size: float, was: float, came: float) -> float:
    return -float(size) if came < was else float(size)
