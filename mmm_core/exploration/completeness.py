"""What is known, what was filled in or changed, and what stands out.  G geos, T weeks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.cleaning.totals import TOTALS_COLUMNS, change_totals
from mmm_core.data.panel import FREQUENCY, KPI, MEDIA, REACH, SPEND
from mmm_core.exploration.spend import MAX_GEOS, exposure
from mmm_core.features.model_data import FloatArray, ModelData

STATES = ("observed", "filled", "masked", "absent", "outside")
"""Of a geo-week: `observed`; the KPI is known, but it, spend or media were `filled` in; `masked`: there is a
row, but its KPI is not known; `absent`: there is no row; `outside` the geo's own dates."""
_FILLED_COLUMNS = (KPI, SPEND, MEDIA, REACH, FREQUENCY)
_ABSENT_RULES = ("missing week", "missing day")
_NOT_FILLED = ("national", "missing value: pause, ", "missing value: no activity ")
"""Parts of rules."""
_TOTALS_TYPES = ("object", "object", "int64", "int64", "float64", "float64")


def states(data: ModelData, change_log: pd.DataFrame | None) -> NDArray[np.int8]:
    """(G, T) position in `STATES`.

    A value is filled if the log says that it was missing, or 0 and recorded wrongly, and now is a number.
    Amounts that were spread over geos are not, and neither are pauses: nothing was recorded as nothing was on.
    """
    found = np.where(data.observed, 0, 2).astype(np.int8)
    if change_log is not None and len(change_log):
        g, t, log = _located(data, change_log)
        before, after = log["before"].to_numpy(dtype=np.float64), log["after"].to_numpy(dtype=np.float64)
        own = _where(log["column"], lambda column: column.startswith(_FILLED_COLUMNS))
        own &= ~_where(log["rule"], lambda rule: any(word in rule.lower() for word in _NOT_FILLED))
        filled = own & (np.isnan(before) | ((before == 0) & (after > 0))) & np.isfinite(after)
        absent = _where(log["rule"], lambda rule: rule.startswith(_ABSENT_RULES))
        found[_cells(found.shape, g[filled], t[filled]) & (found == 0)] = 1
        found[_cells(found.shape, g[absent], t[absent]) & (found == 2)] = 3
    found[~data.present] = 4
    return found


def stretch_table(data: ModelData, found: NDArray[np.int8]) -> pd.DataFrame:
    """Consecutive weeks of one state, for at most `MAX_GEOS` geos: those with most weeks that are not observed."""
    incomplete = (found != 0).sum(axis=1)
    rows = np.sort(np.argsort(-incomplete, kind="stable")[:MAX_GEOS])
    records = []
    for g in rows:
        edges = np.flatnonzero(np.diff(found[g])) + 1
        for start, stop in zip([0, *edges], [*edges, len(data.dates)], strict=True):
            records.append(
                (data.geos[g], data.dates[start], data.dates[stop - 1], stop - start, STATES[found[g, start]])
            )
    table = pd.DataFrame(records, columns=["geo", "start", "end", "weeks", "state"])
    return table.astype({"start": "datetime64[ns]", "end": "datetime64[ns]", "weeks": "int64"})


def state_counts(found: NDArray[np.int8]) -> dict[str, NDArray[np.int64]]:
    """State -> (G,) weeks."""
    return {state: (found == number).sum(axis=1).astype(np.int64) for number, state in enumerate(STATES)}


def ordered_totals(change_log: pd.DataFrame | None) -> pd.DataFrame:
    """Totals by rule and column (`cleaning.totals`), the most frequent first; empty without a log."""
    if change_log is None or change_log.empty:
        empty = pd.DataFrame({name: [] for name in TOTALS_COLUMNS})
        return empty.astype(dict(zip(TOTALS_COLUMNS, _TOTALS_TYPES, strict=True)))
    texts = {name: change_log[name].astype(object) for name in ("rule", "column")}
    totals = change_totals(change_log.assign(**texts))
    return totals.sort_values("cells", ascending=False, kind="stable").reset_index(drop=True)


def outlier_table(data: ModelData, factor: float) -> pd.DataFrame:
    """KPI and exposure beyond `factor` interquartile ranges of their geo's weeks that are not 0.

    Geos whose middle half of weeks are all the same have no outliers.
    """
    values = np.concatenate([np.where(data.present, data.kpi, np.nan)[:, :, None], exposure(data)], axis=2)
    names = (KPI, *data.channels)
    rows = [_outliers(data, name, values[:, :, number], factor) for number, name in enumerate(names)]
    return pd.DataFrame(rows).astype({"date": "datetime64[ns]"})


def _outliers(data: ModelData, name: str, values: FloatArray, factor: float) -> dict[str, object]:
    active = np.where(data.present & (values != 0), values, np.nan)
    quartiles = np.full((3, len(active)), np.nan)
    some = np.isfinite(active).any(axis=1)
    quartiles[:, some] = np.nanquantile(active[some], (0.25, 0.5, 0.75), axis=1)
    low, median, high = quartiles[:, :, None]
    spread = np.where(high > low, high - low, np.nan)
    distance = np.maximum(active - high, low - active) / spread
    beyond = np.isfinite(distance) & (distance > factor)
    record = {"column": name, "weeks": int(np.isfinite(active).sum()), "outliers": int(beyond.sum())}
    if not beyond.any():
        return {**record, "largest": np.nan, "median": np.nan, "geo": "", "date": pd.NaT}
    g, t = np.unravel_index(int(np.argmax(np.where(beyond, distance, -1.0))), distance.shape)
    extreme = {"largest": float(active[g, t]), "median": float(median[g, 0])}
    return {**record, **extreme, "geo": data.geos[g], "date": pd.Timestamp(data.dates[t])}


def _located(data: ModelData, change_log: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.intp], pd.DataFrame]:
    """Geo and week of each line of the log that falls into the window, and those lines."""
    codes, names = pd.factorize(change_log["geo"])
    geos = pd.Index(list(data.geos), dtype=object).get_indexer(pd.Index([str(name) for name in names]))[codes]
    days = (pd.to_datetime(change_log["date"]) - pd.Timestamp(data.dates[0])).dt.days
    weeks = np.floor(days.to_numpy(dtype=np.float64) / 7)
    inside = (codes >= 0) & (geos >= 0) & (weeks >= 0) & (weeks < len(data.dates))
    return geos[inside], weeks[inside].astype(np.intp), change_log[inside]


def _where(texts: "pd.Series[Any]", holds: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Where something holds of a text; asked once per different text, as logs are long."""
    codes, names = pd.factorize(texts)
    answers = np.array([*(holds(str(name)) for name in names), False], dtype=bool)
    return np.asarray(answers[codes], dtype=np.bool_)


def _cells(shape: tuple[int, ...], g: NDArray[np.intp], t: NDArray[np.intp]) -> NDArray[np.bool_]:
    cells = np.zeros(shape, dtype=bool)
    cells[g, t] = True
    return cells
