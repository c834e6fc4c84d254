"""Which weeks a budget is planned for, and what an effect is worth in them."""

from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import Units, effect_units
from mmm_core.model.posterior import Posterior


@dataclass(frozen=True)
class PlanningFrame:
    """Weeks of a plan, with the draws that say what media brings in them.  G geos, T weeks, M paid channels."""

    posterior: Posterior
    """The fit; for coming weeks its `data` are those weeks, followed by weeks without media where carryover after
    the end is counted, and before them what was observed."""
    units: Units
    """What one unit of mu is worth in KPI units in these weeks (`model.forward.effect_units`)."""
    scale_lead: bool
    """Whether media before the window is scaled along (the fit window once more) or stays (coming weeks)."""
    n_weeks: int
    """Weeks that money is planned for."""
    largest_weekly_spend: FloatArray
    """(G, M) most money that a week ever had, in the data that were fitted."""
    unit_cost: FloatArray
    """(G, M) money per media unit where nothing is planned: of the channel in that geo, else in all geos."""


def fit_window(posterior: Posterior) -> PlanningFrame:
    """The fit window once more."""
    data, n_paid = posterior.data, len(posterior.data.paid_channels)
    spend, media = data.spend[:, :, :n_paid], data.media[:, :, :n_paid]
    return PlanningFrame(
        posterior, effect_units(posterior), True, len(data.dates), spend.max(axis=1), _unit_cost(spend, media)
    )


def _unit_cost(spend: FloatArray, media: FloatArray) -> FloatArray:
    """(G, M) money per media unit; 1 where neither the geo nor any other had media of the channel."""
    money, units = spend.sum(axis=1), media.sum(axis=1)
    everywhere = np.divide(
        money.sum(axis=0), units.sum(axis=0), out=np.ones(money.shape[1]), where=units.sum(axis=0) > 0
    )
    return np.divide(money, units, out=np.broadcast_to(everywhere, money.shape).copy(), where=units > 0)
