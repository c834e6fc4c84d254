"""Limits that contradict each other, found before anything is fitted."""

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.features.model_data import ModelData
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.scenarios import frontier_requests, scenario_requests
from mmm_core.optimization.solving import problem_for


def require_feasible(config: OptimizationConfig, data: ModelData) -> None:
    """Refuse scenarios that no plan of the fit window can keep.

    Only where every channel has spend in every geo and the fit window is planned once more: otherwise what may be
    spent depends on the weeks of the plan, and limits are checked when it is made.

    Args:
        config: the section `optimization`.
        data: what is about to be fitted.

    Raises:
        BudgetError: names the limits that contradict each other.
    """
    current = data.spend[:, :, : len(data.paid_channels)].sum(axis=1)
    if config.future is not None or not (current > 0).all():
        return
    for request in (*scenario_requests(config), *frontier_requests(config)):
        problem_for(Cells(data.paid_channels, data.geos, current, request.allocation == "geo_channel"), request)
