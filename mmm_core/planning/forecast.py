"""What the KPI will be under a plan, noise included.

Predictive intervals hold what the draws leave open and the noise of a week (`model.noise`), drawn anew for each
geo and week.  They take the trend as it was at the last knot, prices, controls and seasons as planned or assumed
(`PlanningFrame.notes`), and the model as right; so they widen too little with the distance from the data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import expected_kpi_by_geo
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.planning.frame import PlanningFrame

CURRENT = "current_plan"
"""Scenario that is the frame's own plan."""
ALL = "all"
"""Geo that is the sum of all."""
COLUMNS = (
    "scenario",
    "geo",
    "date",
    "kpi_mean",
    "q05",
    "q50",
    "q95",
    "expected_mean",
    "baseline_mean",
    "media_mean",
    "spend",
)
_LEVELS = (0.05, 0.5, 0.95)


def forecast_table(frame: PlanningFrame, plans: Mapping[str, FloatArray] | None = None) -> pd.DataFrame:
    """KPI per week of the plan, for each geo and all together, under the frame's own plan and others; a geo whose
    name is "all" has no rows of its own.

    The noise is seeded from the fit's seed and the same for all plans, so that they differ by what media does.
    What the weeks before carry over is part of every forecast; weeks after the plan are not shown.

    Args:
        frame: `planning_frame(posterior, config)`.
        plans: scenario -> media units (reach where there is frequency) of each geo, planned week and paid channel,
            (G, T, M) with T = `frame.n_weeks`; organic media stays (further channels and weeks of the frame are
            passed over).  The frame's plan comes first as
            `current_plan`, unless a scenario has this name.

    Returns:
        One row per scenario, geo ("all" last) and week: `scenario, geo, date, kpi_mean, q05, q50, q95`
        (predictive, KPI units), `expected_mean` (without noise), `baseline_mean` (without any media, also of the
        weeks before), `media_mean` (the difference), `spend` (money of the plan at the frame's prices).

    Raises:
        BudgetError: a plan of another shape, or with negative or missing values.
    """
    own = frame.posterior.data.media[:, : frame.n_weeks, : frame.unit_cost.shape[1]]
    wanted = {CURRENT: own, **(plans or {})}
    wanted = {name: media[:, : own.shape[1], : own.shape[2]] for name, media in wanted.items()}
    for name, media in wanted.items():
        _check(name, media, own.shape)
    baseline = _without_media(frame)
    tables = [_of_plan(frame, name, media, baseline) for name, media in wanted.items()]
    return pd.concat(tables, ignore_index=True)


def plan_spend(frame: PlanningFrame, media: FloatArray) -> FloatArray:
    """(G, T, M) money of a media plan: at the price of that geo, week and channel in the frame's plan, where that
    plans nothing at the geo's mean price of the plan, else at `frame.unit_cost`."""
    data, n_paid = frame.posterior.data, frame.unit_cost.shape[1]
    planned, money = data.media[:, : frame.n_weeks, :n_paid], data.spend[:, : frame.n_weeks, :n_paid]
    units = planned.sum(axis=1)
    usual = np.divide(money.sum(axis=1), units, out=frame.unit_cost.copy(), where=units > 0)
    prices = np.broadcast_to(usual[:, None], planned.shape).copy()
    return np.asarray(media * np.divide(money, planned, out=prices, where=planned > 0))


@dataclass
class _Sums:
    """Draws of all geos together; S draws, T weeks."""

    drawn: FloatArray
    """(S, T)"""
    expected: FloatArray
    """(T,)"""


def _check(name: str, media: FloatArray, shape: tuple[int, ...]) -> None:
    if media.shape != shape:
        raise BudgetError(
            f"The plan {name} has media of shape {media.shape}; (geos, weeks, paid channels) is {shape}."
        )
    if not np.all(np.isfinite(media)) or np.any(media < 0):
        raise BudgetError(f"The plan {name} has negative or missing media; media must be finite and >= 0.")


def _with_media(frame: PlanningFrame, planned: FloatArray) -> Posterior:
    data = frame.posterior.data
    media = data.media.copy()
    media[:, : frame.n_weeks, : planned.shape[2]] = planned
    return replace(frame.posterior, data=replace(data, media=media))


def _without_media(frame: PlanningFrame) -> FloatArray:
    """(G, T) mean KPI without any media, of the weeks before neither."""
    data = frame.posterior.data
    none = replace(data, media=np.zeros_like(data.media), lead_media=np.zeros_like(data.lead_media))
    bare = replace(frame.posterior, data=none)
    return np.stack([kpi[:, : frame.n_weeks].mean(axis=0) for kpi in expected_kpi_by_geo(bare)])


def _of_plan(frame: PlanningFrame, name: str, media: FloatArray, baseline: FloatArray) -> pd.DataFrame:
    posterior, spend = _with_media(frame, media), plan_spend(frame, media).sum(axis=2)
    shape = (posterior.n_draws, frame.n_weeks)
    total = _Sums(np.zeros(shape), np.zeros(frame.n_weeks))
    rows = list(_rows(frame, posterior, total))
    rows.append(_summary(total.drawn, total.expected))
    levels = np.concatenate([baseline, baseline.sum(axis=0)[None]])
    money = np.concatenate([spend, spend.sum(axis=0)[None]])
    table = _table(name, (*posterior.data.geos, ALL), frame, np.stack(rows), levels, money)
    named_so = np.repeat([geo == ALL for geo in posterior.data.geos] + [False], frame.n_weeks)
    return table[~named_so]


def _rows(frame: PlanningFrame, posterior: Posterior, total: _Sums) -> Iterator[FloatArray]:
    for expected, drawn in predictive_draws(posterior):
        kpi, mean = drawn[:, : frame.n_weeks], expected[:, : frame.n_weeks].mean(axis=0)
        total.drawn += kpi
        total.expected += mean
        yield _summary(kpi, mean)


def _summary(drawn: FloatArray, expected: FloatArray) -> FloatArray:
    """(5, T) mean, quantiles and expected KPI."""
    return np.stack([drawn.mean(axis=0), *np.quantile(drawn, _LEVELS, axis=0), expected])


def _table(
    name: str,
    geos: Sequence[str],
    frame: PlanningFrame,
    summaries: FloatArray,
    baseline: FloatArray,
    spend: FloatArray,
) -> pd.DataFrame:
    """Rows of one scenario from (G + 1, 5, T) summaries, (G + 1, T) baseline and money."""
    dates = pd.DatetimeIndex(frame.posterior.data.dates[: frame.n_weeks].astype("datetime64[ns]"))
    mean, low, middle, high, expected = (summaries[:, k].ravel() for k in range(summaries.shape[1]))
    return pd.DataFrame(
        {
            "scenario": name,
            "geo": np.repeat(np.array(geos, dtype=object), frame.n_weeks),
            "date": np.tile(dates.to_numpy(), len(geos)),
            "kpi_mean": mean,
            "q05": low,
            "q50": middle,
            "q95": high,
            "expected_mean": expected,
            "baseline_mean": baseline.ravel(),
            "media_mean": expected - baseline.ravel(),
            "spend": spend.ravel(),
        },
        columns=list(COLUMNS),
    )
