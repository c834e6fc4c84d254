"""A plan of media money by week, geo and channel, proven to fit a model."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.calendar import WEEKDAYS
from mmm_core.data.patterns import listed, nearest_of
from mmm_core.errors import DataError
from mmm_core.features.model_data import FloatArray, ModelData

REQUIRED = ("date", "geo", "channel", "spend")
MEDIA = "media"
_KEYS = ["geo", "channel", "date"]
_WEEK = np.timedelta64(7, "D")


@dataclass(frozen=True)
class Plan:
    """T weeks without a gap, all of the fit's window or all after it; G geos and M paid channels of the fit."""

    dates: NDArray[np.datetime64]
    """(T,) first days of the weeks."""
    is_coming: bool
    """Whether they are after the fit's last week."""
    spend: FloatArray
    """(G, T, M) money, NaN where the plan says nothing."""
    media: FloatArray
    """(G, T, M) media units, NaN where the plan gives none."""
    geos: tuple[str, ...]
    """The geos that it names, in the fit's order."""


def read_plan(rows: pd.DataFrame, fitted: ModelData) -> Plan:
    """Check the rows of a plan.

    Args:
        rows: `date` (first day of a week), `geo`, `channel` (a paid one), `spend` (money of that week, >= 0) and,
            where known, `media` (units, or reach).  Weeks of the fit replace what was spent there, and what the
            plan does not name stays; of each geo and channel that is named, all weeks from the plan's first to its
            last are there.  Coming weeks begin right after the fit's last and name every geo and paid channel.
        fitted: the data of the fit.

    Raises:
        DataError: one sentence about the first thing that is wrong.
    """
    frame = _typed(rows)
    _refuse_unknown(frame, "geo", fitted.geos)
    _refuse_unknown(frame, "channel", fitted.paid_channels)
    _refuse_amounts(frame)
    dates, is_coming = _weeks(frame["date"], fitted)
    twice = frame.duplicated(_KEYS)
    if twice.any():
        raise DataError(f"The plan has {_cell(frame[twice].iloc[0])} twice; keep one row.")
    spend, media = _cube(frame, "spend", dates, fitted), _cube(frame, MEDIA, dates, fitted)
    _refuse_gaps(np.isfinite(spend), dates, is_coming, fitted)
    if not is_coming:
        _refuse_absent(spend, media, dates, fitted)
    named = set(frame["geo"])
    return Plan(dates, is_coming, spend, media, tuple(geo for geo in fitted.geos if geo in named))


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in REQUIRED if name not in rows]
    if missing:
        raise DataError(
            f"The plan has no column {listed(missing)}; it needs {listed(REQUIRED)}, and may have {MEDIA}."
        )
    if rows.empty:
        raise DataError("The plan has no rows; give one per week, geo and channel.")
    days = pd.to_datetime(rows["date"], errors="coerce")
    if days.isna().any():
        wrong = rows["date"][days.isna()].iloc[0]
        raise DataError(f"The plan has {str(wrong)!r} as a date; write the first day of a week as YYYY-MM-DD.")
    amounts = {
        name: pd.to_numeric(rows[name], errors="coerce") if name in rows else np.nan for name in ("spend", MEDIA)
    }
    keys = {"date": days.dt.normalize(), "geo": rows["geo"].astype(str), "channel": rows["channel"].astype(str)}
    return pd.DataFrame({**keys, **amounts}).reset_index(drop=True)


def _refuse_unknown(frame: pd.DataFrame, column: str, known: Iterable[str]) -> None:
    names = tuple(known)
    for name in frame[column].unique():
        if name not in names:
            hint = nearest_of(name, names)
            raise DataError(f"The plan names {column} {name!r}, which the model does not know; {hint}")


def _refuse_amounts(frame: pd.DataFrame) -> None:
    for name, may_lack in (("spend", False), (MEDIA, True)):
        values = frame[name].to_numpy(dtype=np.float64)
        usable = (np.isfinite(values) & (values >= 0)) | (np.isnan(values) & may_lack)
        if not usable.all():
            row = frame[~usable].iloc[0]
            raise DataError(f"The plan has {name} {row[name]:g} for {_cell(row)}; give a number, 0 or more.")


def _weeks(days: pd.Series, fitted: ModelData) -> tuple[NDArray[np.datetime64], bool]:
    """All weeks from the plan's first to its last, and whether they are after the fit's."""
    named = np.unique(days.to_numpy().astype("datetime64[D]"))
    first, last = fitted.dates[0].astype("datetime64[D]"), fitted.dates[-1].astype("datetime64[D]")
    off = named[(named - first) % _WEEK != np.timedelta64(0, "D")]
    if len(off):
        weekday = WEEKDAYS[pd.Timestamp(first).weekday()].capitalize()
        raise DataError(f"The plan has the week of {off[0]}, but weeks of this model begin on {weekday}.")
    if named[0] < first:
        raise DataError(f"The plan has the week of {named[0]}, but the model's weeks begin on {first}.")
    is_coming = bool(named[-1] > last)
    if is_coming and named[0] <= last:
        raise DataError(
            f"The plan has weeks up to {last}, the model's last, and weeks after it; ask for them apart."
        )
    if is_coming and named[0] != last + _WEEK:
        raise DataError(
            f"The plan lacks the week of {last + _WEEK}: coming weeks begin right after the model's last, {last}."
        )
    return np.arange(named[0], named[-1] + _WEEK, _WEEK), is_coming


def _cube(frame: pd.DataFrame, column: str, dates: NDArray[np.datetime64], fitted: ModelData) -> FloatArray:
    """(G, T, M) one column, NaN where there is no row."""
    cube = np.full((len(fitted.geos), len(dates), len(fitted.paid_channels)), np.nan)
    g = pd.Index(fitted.geos).get_indexer(pd.Index(frame["geo"]))
    m = pd.Index(fitted.paid_channels).get_indexer(pd.Index(frame["channel"]))
    days = frame["date"].to_numpy().astype("datetime64[D]")
    cube[g, ((days - dates[0]) // _WEEK).astype(np.intp), m] = frame[column].to_numpy(dtype=np.float64)
    return cube


def _refuse_gaps(
    given: NDArray[np.bool_], dates: NDArray[np.datetime64], is_coming: bool, fitted: ModelData
) -> None:
    wanted = np.ones_like(given) if is_coming else np.broadcast_to(given.any(axis=1, keepdims=True), given.shape)
    gaps = np.argwhere(wanted & ~given)
    if len(gaps):
        g, t, m = gaps[0].tolist()
        where = f"geo {fitted.geos[g]}, channel {fitted.paid_channels[m]}"
        raise DataError(
            f"The plan has no row for {where} in the week of {dates[t]} ({len(gaps)} such in all); add it, with "
            "spend 0 where nothing is planned."
        )


def _refuse_absent(spend: FloatArray, media: FloatArray, dates: NDArray[np.datetime64], fitted: ModelData) -> None:
    """There is nothing to change in weeks for which a geo has no data."""
    start = int((dates[0] - fitted.dates[0].astype("datetime64[D]")) / _WEEK)
    present = fitted.present[:, start : start + len(dates), None]
    wrong = np.argwhere(((np.nan_to_num(spend) > 0) | (np.nan_to_num(media) > 0)) & ~present)
    if len(wrong):
        g, t, _ = wrong[0].tolist()
        raise DataError(
            f"The plan spends in geo {fitted.geos[g]} in the week of {dates[t]}, for which the model has no data "
            "of that geo; give 0 there."
        )


def _cell(row: pd.Series) -> str:
    return f"geo {row['geo']}, channel {row['channel']}, week of {row['date']:%Y-%m-%d}"
