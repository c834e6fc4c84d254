"""What a plan brings: KPI by geo and week, and what each channel contributes to it."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.intervals import interval
from mmm_core.config.features import FeaturesConfig
from mmm_core.config.optimization import FuturePlanConfig
from mmm_core.config.schema import Config
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.planning.coming import ComingWeeks
from mmm_core.planning.future import frame_of_weeks
from mmm_core.planning.past import as_a_year_before, unit_cost, usual_frequency
from mmm_core.serving.plan import Plan, read_plan

COLUMNS = ("geo", "date", "kind", "component", "mean", "q05", "q50", "q95")
KPI = "kpi"
_WEEK = np.timedelta64(7, "D")


def answer(posterior: Posterior, features: FeaturesConfig, rows: pd.DataFrame) -> pd.DataFrame:
    """Predict the KPI under a plan (`plan.read_plan` says what a plan is).

    Weeks of the fit are as they were but for the plan: with the spend that there was the answer is the fitted one.
    Where the plan gives no media units, spend buys them at that cell's price, or at the geo's mean price where
    nothing was bought.  In coming weeks controls, events and the trend are as a budget for coming weeks assumes
    them (`planning.terms.coming_controls`), organic media is as a year before, population the fit's.

    Args:
        posterior: the fit.
        features: `features` as the fit was made with, for the calendar of coming weeks.
        rows: the plan.

    Returns:
        `COLUMNS`, per geo and week that the plan names, in KPI units: the components of
        `attribution.contributions` (kind `media`, `baseline`, ...; means add up to the expected KPI), and one row
        of kind `kpi`: the mean is that of the expected KPI, the quantiles are predictive, noise included.

    Raises:
        DataError: the plan cannot be used.
    """
    plan = read_plan(rows, posterior.data)
    there = _coming(posterior, plan, features) if plan.is_coming else _replaced(posterior, plan)
    table = pd.concat([_kpi(there), contribution_table(there)], ignore_index=True)
    in_geo, in_weeks = table["geo"].isin(plan.geos), table["date"].isin(plan.dates.astype("datetime64[ns]"))
    asked = table.loc[in_geo & in_weeks, list(COLUMNS)]
    return asked.reset_index(drop=True)


def _kpi(posterior: Posterior) -> pd.DataFrame:
    data, tables = posterior.data, list[pd.DataFrame]()
    for g, (expected, drawn) in enumerate(predictive_draws(posterior)):
        found = interval(drawn)
        columns = {
            "geo": data.geos[g],
            "date": data.dates.astype("datetime64[ns]"),
            "kind": KPI,
            "component": KPI,
            "mean": expected.mean(axis=0),
            "q05": found.q05,
            "q50": found.q50,
            "q95": found.q95,
        }
        tables.append(pd.DataFrame(columns).loc[data.present[g]])
    return pd.concat(tables, ignore_index=True)


def _replaced(posterior: Posterior, plan: Plan) -> Posterior:
    """The fit with the plan's weeks in place of its own."""
    data, n_paid = posterior.data, plan.spend.shape[2]
    start = int((plan.dates[0] - data.dates[0].astype("datetime64[D]")) / _WEEK)
    cells = (slice(None), slice(start, start + len(plan.dates)), slice(0, n_paid))
    spend, media = data.spend.copy(), data.media.copy()
    given = np.isfinite(plan.spend)
    bought = _bought(plan.spend, spend[cells], media[cells], _prices(data))
    wanted = np.where(np.isfinite(plan.media), plan.media, bought)
    media[cells] = np.where(given, wanted, media[cells])
    spend[cells] = np.where(given, plan.spend, spend[cells])
    return replace(posterior, data=replace(data, spend=spend, media=media))


def _bought(money: FloatArray, spent: FloatArray, had: FloatArray, prices: FloatArray) -> FloatArray:
    """(G, T, M) media units for money, at each cell's own price where something was bought."""
    has_price = (spent > 0) & (had > 0)
    ratio = np.divide(money, spent, out=np.zeros_like(money), where=has_price)
    bought = np.where(has_price, had * ratio, money / prices[:, None])
    return np.where(money == spent, had, bought)


def _prices(data: ModelData) -> FloatArray:
    n_paid = len(data.paid_channels)
    return unit_cost(data.spend[:, :, :n_paid], data.media[:, :, :n_paid])


def _coming(posterior: Posterior, plan: Plan, features: FeaturesConfig) -> Posterior:
    """The same draws on the weeks of the plan."""
    data, n_weeks, n_paid = posterior.data, len(plan.dates), plan.spend.shape[2]
    media = as_a_year_before(data.media, data.present, n_weeks)
    media[:, :, :n_paid] = np.where(np.isfinite(plan.media), plan.media, plan.spend / _prices(data)[:, None])
    spend = np.zeros_like(media)
    spend[:, :, :n_paid] = plan.spend
    weeks = ComingWeeks(
        dates=plan.dates,
        media=media,
        spend=spend,
        frequency=_frequency(data, media),
        present=_all(media),
        revenue_per_kpi=None,
        population=data.population,
        controls={},
        notes=(),
    )
    config = Config(features=features)
    return frame_of_weeks(posterior, config, FuturePlanConfig(credit_carryover=False), weeks).posterior


def _frequency(data: ModelData, media: FloatArray) -> FloatArray | None:
    usual = usual_frequency(data)[:, None]
    return None if data.frequency is None else np.broadcast_to(usual, media.shape).copy()


def _all(media: FloatArray) -> NDArray[np.bool_]:
    return np.ones(media.shape[:2], dtype=bool)
