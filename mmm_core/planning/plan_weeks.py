"""The file of coming weeks on the weeks of the fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data import calendar
from mmm_core.data.panel import FREQUENCY, REACH, summed_columns
from mmm_core.errors import DataError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.planning.plan_rows import PlanRows, plan_rows
from mmm_core.planning.plan_table import KEY, PlanTable

_DAYS = 7
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class PlanWeeks:
    """G geos of the fit on the file's T coming weeks."""

    dates: NDArray[np.datetime64]
    """(T,) first days, the first of them a week after the fit's last."""
    values: Mapping[str, FloatArray]
    """Panel column -> (G, T), NaN where nothing is given; columns without any value are left out."""
    notes: tuple[str, ...]
    """What was changed, in sentences."""


def plan_weeks(table: PlanTable, fitted: ModelData, n_weeks: int | None) -> PlanWeeks:
    """Put a plan on the weeks after the fit.

    Dates of weeks are moved to the nearest day on which the fit's weeks begin.  Days are added up to weeks
    (levels averaged, frequency weighted by reach); weeks that the file begins or ends within are left out, and so
    are weeks up to the fit's last.  Empty cells of spend, media and reach count as 0.

    Args:
        table: what was read.
        fitted: the data of the fit.
        n_weeks: how many weeks are planned; None: all of the file.

    Raises:
        DataError: geos are missing or unknown; a date is none, is there twice or missing; the file has no or too
            few coming weeks, or does not begin with the week after the fit; a value is no number, negative or
            infinite.
    """
    rows, origin = plan_rows(table, fitted), table.source.origin
    notes: list[str] = []
    slots = _slots(rows, origin, fitted.dates[-1].astype("datetime64[D]"), notes)
    slots = replace(slots, starts=slots.starts[: _chosen(slots.starts, n_weeks, origin)])
    values = _weekly(_cube(rows, slots, origin), rows[0].columns, slots.days, notes)
    return PlanWeeks(slots.starts, values, tuple(notes))


@dataclass(frozen=True)
class _Slots:
    """The dates that every geo must have."""

    starts: NDArray[np.datetime64]
    """(T,) first days of the weeks."""
    days: int
    """Dates per week: 7 for daily data, else 1."""
    shift: int
    """Days by which the file's dates are moved."""

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """(T * days,) as moved."""
        return np.asarray((self.starts[:, None] + np.arange(self.days) * _DAY).ravel())


def _slots(rows: Sequence[PlanRows], origin: str, last: np.datetime64, notes: list[str]) -> _Slots:
    """The coming weeks of the file."""
    every = pd.DatetimeIndex(np.unique(np.concatenate([one.days for one in rows])).astype("datetime64[ns]"))
    grain = calendar.grain_of(every)
    if grain == "irregular":
        raise DataError(
            f"{origin}: the dates are neither days nor weeks ({calendar.iso(every)}); give one row per geo and "
            "day, or per geo and week."
        )
    if grain == "daily":
        return _daily_slots(every, origin, last, notes)
    odd = calendar.off_weekday(every)
    if len(odd):
        raise DataError(
            f"{origin}: not all weeks begin on the same weekday ({calendar.iso(odd)}); date them alike."
        )
    days = every.to_numpy().astype("datetime64[D]")
    shift = _nearest_shift(days[0], last)
    if shift:
        notes.append(
            f"Weeks of {origin} begin on {calendar.WEEKDAYS[every[0].weekday()]}, those of the fit on "
            f"{calendar.WEEKDAYS[pd.Timestamp(last).weekday()]}: each was moved by {shift:+d} days."
        )
    return _Slots(_coming(np.asarray(days + shift * _DAY), origin, last, notes), 1, shift)


def _nearest_shift(day: np.datetime64, last: np.datetime64) -> int:
    """Days, -3 to 3, to the nearest weekday on which the fit's weeks begin."""
    later = int((last - day).astype(np.int64) % _DAYS)
    return later if later <= _DAYS // 2 else later - _DAYS


def _daily_slots(every: pd.DatetimeIndex, origin: str, last: np.datetime64, notes: list[str]) -> _Slots:
    weekday = calendar.WEEKDAYS[pd.Timestamp(last).weekday()]
    weeks = calendar.whole_weeks(every, weekday).to_numpy().astype("datetime64[D]")
    days = every.to_numpy().astype("datetime64[D]")
    inside = (days >= weeks[0]) & (days < weeks[-1] + _DAYS * _DAY) if len(weeks) else np.zeros(len(days), bool)
    if not inside.all():
        notes.append(
            f"{int((~inside).sum())} days of {origin} are not in a whole week from {weekday} on, so they are left "
            "out."
        )
    if not len(weeks):
        raise DataError(f"{origin}: its days, {calendar.iso(every)}, do not cover a whole week from {weekday} on.")
    return _Slots(_coming(weeks, origin, last, notes), _DAYS, 0)


def _coming(
    weeks: NDArray[np.datetime64], origin: str, last: np.datetime64, notes: list[str]
) -> NDArray[np.datetime64]:
    """The weeks after the fit's last, of those that the file has; without a gap."""
    coming = weeks[weeks > last]
    if not len(coming):
        raise DataError(
            f"{origin} has no coming week ({KEY}): its last one begins {weeks[-1]}, and the fit's data reach to "
            f"the week of {last}."
        )
    if len(coming) < len(weeks):
        notes.append(
            f"{len(weeks) - len(coming)} weeks of {origin} up to the week of {last}, the last of the fit, have "
            "passed, so they are left out."
        )
    n_weeks = int((coming[-1] - last) / (_DAYS * _DAY))
    wanted = last + _DAYS * _DAY * np.arange(1, n_weeks + 1)
    gaps = pd.DatetimeIndex(np.setdiff1d(wanted, coming))
    if len(gaps):
        raise DataError(
            f"{origin} lacks the weeks of {calendar.iso(gaps)}; a plan has every week from {wanted[0]}, the first "
            "after the fit's data, on."
        )
    return coming


def _chosen(starts: NDArray[np.datetime64], n_weeks: int | None, origin: str) -> int:
    if n_weeks is not None and n_weeks > len(starts):
        raise DataError(
            f"optimization.future.weeks is {n_weeks}, but {origin} has {len(starts)} weeks after the fit's data; "
            "ask for fewer, or complete the file."
        )
    return len(starts) if n_weeks is None else n_weeks


def _cube(rows: Sequence[PlanRows], slots: _Slots, origin: str) -> FloatArray:
    """(C, G, T * days) values."""
    wanted = slots.dates
    cube = np.full((len(rows[0].columns), len(rows), len(wanted)), np.nan)
    for g, one in enumerate(rows):
        own = one.days + slots.shift * _DAY
        absent = pd.DatetimeIndex((np.setdiff1d(wanted, own) - slots.shift * _DAY).astype("datetime64[ns]"))
        if len(absent):
            raise DataError(
                f"{origin} has no rows of geo {one.geo} on {calendar.iso(absent)}; add them, with 0 where nothing "
                "is planned."
            )
        order = np.argsort(own)
        cube[:, g] = one.values[order[np.searchsorted(own[order], wanted)]].T
    return cube


def _weekly(cube: FloatArray, columns: Sequence[str], days: int, notes: list[str]) -> dict[str, FloatArray]:
    """Weeks of all columns that have any value."""
    n_geos = cube.shape[1]
    daily = {c: cube[k].reshape(n_geos, -1, days) for k, c in enumerate(columns) if np.isfinite(cube[k]).any()}
    blank = {c: int(np.isnan(daily[c]).sum()) for c in summed_columns(daily) if np.isnan(daily[c]).any()}
    if blank:
        cells = ", ".join(f"{column} ({count})" for column, count in blank.items())
        notes.append(f"Empty cells of spend and media count as 0: {cells}.")
    summed = set(summed_columns(daily))
    weekly: dict[str, FloatArray] = {}
    for column, values in daily.items():
        if column in summed:
            weekly[column] = np.nansum(values, axis=2)
        elif column.startswith(FREQUENCY):
            weekly[column] = _weighted(values, daily.get(f"{REACH}{column.removeprefix(FREQUENCY)}"))
        else:
            weekly[column] = _weighted(values, None)
    return weekly


def _weighted(values: FloatArray, weights: FloatArray | None) -> FloatArray:
    """(G, T) mean over the days that have a value, NaN without any."""
    known = np.isfinite(values)
    given = np.ones_like(values) if weights is None else np.nan_to_num(weights)
    share = np.where(known, given, 0.0)
    share = np.where(share.sum(axis=2, keepdims=True) > 0, share, known)
    total = share.sum(axis=2)
    found = (share * np.nan_to_num(values)).sum(axis=2)
    return np.asarray(np.divide(found, total, out=np.full(total.shape, np.nan), where=total > 0))
