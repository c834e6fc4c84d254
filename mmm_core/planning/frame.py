"""Which weeks a budget is planned for, and what an effect is worth in them."""

from dataclasses import dataclass

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import Units, effect_units
from mmm_core.model.posterior import Posterior
from mmm_core.planning.past import unit_cost


@dataclass(frozen=True)
class PlanningFrame:
    """Weeks of a plan, with the draws that say what media brings in them.  G geos, T weeks, M paid channels."""

    posterior: Posterior
    """The fit; for coming weeks its `data` are those weeks, followed by weeks without paid media where carryover
    after the end is counted, and before them what was observed.  The trend stays at the last knot, and population
    is the plan's, so the forward model predicts these weeks as it does those of the fit."""
    units: Units
    """What one unit of mu is worth in KPI units in these weeks (`model.forward.effect_units`).  In the family
    `robust_log` and for coming weeks: the mean worth between the plan and no paid media in its weeks, so that the
    outcomes of all channels add up to the change of the expected KPI."""
    scale_lead: bool
    """Whether media before the window is scaled along (the fit window once more) or stays (coming weeks)."""
    n_weeks: int
    """Weeks that money is planned for."""
    largest_weekly_spend: FloatArray
    """(G, M) most money that a week ever had, in the data that were fitted."""
    unit_cost: FloatArray
    """(G, M) money per media unit where nothing is planned: of the channel in that geo's past, else in all geos;
    for coming weeks times the plan's price level of that channel against the past."""
    notes: tuple[str, ...] = ()
    """What was assumed about coming weeks, and what lies beyond the data, in sentences."""


def fit_window(posterior: Posterior) -> PlanningFrame:
    """The fit window once more."""
    data, n_paid = posterior.data, len(posterior.data.paid_channels)
    spend, media = data.spend[:, :, :n_paid], data.media[:, :, :n_paid]
    return PlanningFrame(
        posterior, effect_units(posterior), True, len(data.dates), spend.max(axis=1), unit_cost(spend, media)
    )
