"""Whether a fit still forecasts: weeks that came after it, against its predictive intervals.

The fit predicts each new week from the media and controls that were then observed, its trend staying where it was
at the last knot.  There is an alarm where more weeks lie outside their intervals than is allowed, and so far from
what was expected that chance does not explain it.  How far is the mean over weeks of ((KPI - mean) / sd)^2 of the
predictive distribution; it is compared with data that the fit itself makes: each draw of the parameters, with its
noise, is one such data set, and the probability is the share of draws that are at least as far off (a posterior
predictive check; Gelman, Meng and Stern 1996).  Weeks share parameters, so counting misses as independent would
alarm far too often.
"""

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.automation import DriftConfig
from mmm_core.errors import SpecificationError
from mmm_core.evaluation.predictive import on_panel
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.quality.check import CheckResult
from mmm_core.stability.records import finite_rows

NEW_WEEKS_CHECKS = {"new_weeks_forecast": "Whether new weeks lie where the last accepted fit expects them"}
ALL = "all"
"""Geo that is the sum of all."""
FORECAST_COLUMNS = ("geo", "date", "actual", "mean", "low", "high", "missed")
_WEEK = np.timedelta64(7, "D")
_MOST_ROWS, _MOST_NAMED = 50, 5
_FEWEST = 2
"""One odd week is no drift."""


def with_new_weeks(fit: Posterior, data: ModelData) -> ModelData | None:
    """The fit's own weeks, followed by the later weeks of other data: what the fit can predict.

    Args:
        fit: the fit; its weeks stay as it saw them.
        data: today's cube; geos that the fit does not know are left out, geos that are gone count as absent.

    Returns:
        The panel; None where there are no later weeks.

    Raises:
        SpecificationError: a channel or control of the fit is not in the data, or weeks lie between the two.
    """
    old = fit.data
    later = data.dates > old.dates[-1]
    if not later.any():
        return None
    for what, known, now in (
        ("channel", old.channels, data.channels),
        ("control", old.controls, data.controls),
    ):
        gone = [name for name in known if name not in now]
        if gone:
            raise SpecificationError(
                f"The last accepted fit has the {what} {', '.join(gone)}, which today's data have not, so its "
                "forecast cannot be compared with new weeks; fit the model again."
            )
    if data.dates[later][0] != old.dates[-1] + _WEEK:
        raise SpecificationError(
            f"The last accepted fit ends on {old.dates[-1]}, today's data go on from {data.dates[later][0]}; "
            "media of the weeks that are missing in between would have carried over. Fit the model again."
        )
    return _joined(old, data, later)


def _joined(old: ModelData, data: ModelData, later: NDArray[np.bool_]) -> ModelData:
    geos = [data.geos.index(geo) if geo in data.geos else -1 for geo in old.geos]
    there = np.array([geo >= 0 for geo in geos])
    channels = [data.channels.index(name) for name in old.channels]
    controls = [data.controls.index(name) for name in old.controls]
    of = np.maximum(geos, 0)

    def both(before: FloatArray, now: FloatArray, missing: float = 0.0) -> FloatArray:
        part = now[of][:, later].copy()
        part[~there] = missing
        return np.concatenate([before, part], axis=1)

    frequency = None
    if old.frequency is not None and data.frequency is not None:
        frequency = both(old.frequency, data.frequency[:, :, channels], 1.0)
    revenue = None
    if old.revenue_per_kpi is not None:
        last = np.repeat(old.revenue_per_kpi[:, -1:], int(later.sum()), axis=1)
        revenue = np.concatenate([old.revenue_per_kpi, last], axis=1)
    return dataclasses.replace(
        old,
        dates=np.concatenate([old.dates, data.dates[later]]),
        kpi=both(old.kpi, data.kpi, np.nan),
        revenue_per_kpi=revenue,
        media=both(old.media, data.media[:, :, channels]),
        spend=both(old.spend, data.spend[:, :, channels]),
        control_values=both(old.control_values, data.control_values[:, :, controls]),
        frequency=frequency,
        present=np.concatenate([old.present, data.present[of][:, later] & there[:, None]], axis=1),
    )


@dataclasses.dataclass(frozen=True)
class NewWeeks:
    """New weeks against the fit's predictive intervals."""

    table: pd.DataFrame
    """`FORECAST_COLUMNS`, a row per geo and new week with a known KPI, then those of all geos together (`all`,
    over the geos known in that week; left out where there is one geo): KPI units; missed: outside [low, high]."""
    series: pd.DataFrame
    """A row per geo and for all together: geo, weeks, missed, chance (probability that the fit's own data are at
    least as far off; of a geo: in any geo), the most unlikely first."""


def forecast_new_weeks(fit: Posterior, panel: ModelData, level: float) -> NewWeeks:
    """What the fit says about the weeks after it.

    Args:
        fit: the fit, S draws.
        panel: `with_new_weeks(fit, data)`.
        level: probability of the central interval, above 0 and below 1.
    """
    known, first = panel.observed & panel.present, len(fit.data.dates)
    kpi, dates = np.where(known, panel.kpi, 0.0)[:, first:], panel.dates[first:]
    total = np.zeros((fit.n_draws, len(dates)))
    tables, distances, made = [], [], []
    for g, (_, drawn) in enumerate(predictive_draws(on_panel(fit, panel))):
        draws = drawn[:, first:] * known[g, first:]
        total += draws
        table, distance, of_draws = _series_of(panel.geos[g], dates, kpi[g], draws, known[g, first:], level)
        tables.append(table)
        distances.append(distance)
        made.append(of_draws)
    chances = [_chance(distance, np.max(made, axis=0)) for distance in distances]
    if len(panel.geos) > 1:
        anywhere = np.any(known[:, first:], axis=0)
        table, distance, of_draws = _series_of(ALL, dates, kpi.sum(axis=0), total, anywhere, level)
        tables.append(table)
        chances.append(_chance(distance, of_draws))
    names = [*panel.geos, ALL][: len(tables)]
    series = pd.DataFrame(
        {
            "geo": np.array(names, dtype=object),
            "weeks": [len(table) for table in tables],
            "missed": [int(table["missed"].sum()) for table in tables],
            "chance": chances,
        }
    )
    series = series[series["weeks"] > 0].sort_values("chance", kind="stable").reset_index(drop=True)
    return NewWeeks(pd.concat(tables, ignore_index=True), series)


def _series_of(
    geo: str,
    dates: NDArray[np.datetime64],
    kpi: FloatArray,
    draws: FloatArray,
    counts: NDArray[np.bool_],
    level: float,
) -> tuple[pd.DataFrame, float, FloatArray]:
    """Rows of one series from (S, T) draws, how far off it is, and (S,) how far off each draw's own data are."""
    actual, draws = kpi[counts], draws[:, counts]
    mean, sd = draws.mean(axis=0), draws.std(axis=0)
    low, high = np.quantile(draws, ((1 - level) / 2, (1 + level) / 2), axis=0)
    columns = {
        "geo": np.full(len(actual), geo, dtype=object),
        "date": pd.DatetimeIndex(dates[counts].astype("datetime64[ns]")),
        "actual": actual,
        "mean": mean,
        "low": low,
        "high": high,
        "missed": (actual < low) | (actual > high),
    }
    table, weeks = pd.DataFrame(columns, columns=list(FORECAST_COLUMNS)), max(1, len(actual))
    off = [(((values - mean) / sd) ** 2).sum(axis=-1) / weeks for values in (actual, draws)]
    return table, float(off[0]), off[1]


def _chance(distance: float, made: FloatArray) -> float:
    """Share of draws whose data are at least as far off, the observed ones counted in."""
    return float((1 + np.sum(made >= distance)) / (1 + len(made)))


def check_new_weeks(found: NewWeeks, settings: DriftConfig) -> CheckResult:
    """Whether more new weeks are missed than chance explains.

    Args:
        found: `forecast_new_weeks`.
        settings: level, allowed share of missed weeks and probability.

    Returns:
        The check; its value is the smallest probability, its table the weeks that were missed (of the series that
        alarm, if any does).
    """
    table, series = found.table, found.series
    often = (series["missed"] >= _FEWEST) & (series["missed"] > settings.max_missed * series["weeks"])
    unlikely = series[often & (series["chance"] < settings.max_chance)]
    smallest = float(series["chance"].min()) if len(series) else 1.0
    shown = table[table["missed"] & (table["geo"].isin(unlikely["geo"]) if len(unlikely) else True)]
    rows = shown.head(_MOST_ROWS).assign(date=lambda rows: rows["date"].dt.strftime("%Y-%m-%d"))
    return CheckResult(
        "new_weeks_forecast",
        unlikely.empty,
        "warn",
        _sentence(series, unlikely, settings),
        smallest,
        settings.max_chance,
        tuple(finite_rows(rows)),
    )


def _sentence(series: pd.DataFrame, unlikely: pd.DataFrame, settings: DriftConfig) -> str:
    interval = f"{settings.level:.0%} interval of the last accepted fit"
    if series.empty:
        return "No new week has a known KPI yet."
    if unlikely.empty:
        counted = _counted(series.head(1))
        return f"{counted} lie outside the {interval}: no more than is allowed, or than chance explains."
    more = f", and {len(unlikely) - _MOST_NAMED} more geos" if len(unlikely) > _MOST_NAMED else ""
    return (
        f"{_counted(unlikely.head(_MOST_NAMED))}{more} lie outside the {interval} (allowed: "
        f"{settings.max_missed:.0%} of the weeks); weeks so far off have a probability of at most "
        f"{unlikely['chance'].min():.1g} if the fit still holds (limit {settings.max_chance:g}). Fit the model "
        "again, and look for what changed in these weeks."
    )


def _counted(series: pd.DataFrame) -> str:
    rows = zip(series["missed"], series["weeks"], series["geo"], strict=True)
    return "; ".join(f"{missed} of {weeks} new weeks of {_named(geo)}" for missed, weeks, geo in rows)


def _named(geo: str) -> str:
    return "all geos together" if geo == ALL else geo
