"""The media and the outcome of a plan over weeks, from all draws, and its table."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.flight_outcome import week_factors
from mmm_core.optimization.flight_weeks import FlightWeeks
from mmm_core.planning.frame import PlanningFrame

FLIGHTING_COLUMNS = ("scenario", "geo", "channel", "date", "current_spend", "optimal_spend")


def flighted_media(frame: PlanningFrame, cells: Cells, spend: FloatArray) -> FloatArray:
    """(G, T, M) media units of all channels under a plan, weeks after its end included; organic media stays.

    Args:
        frame: the weeks.
        cells: what the money was split over.
        spend: (N, W) money of cells and weeks.
    """
    return _with_flight(frame, cells, spend, {}).data.media


def flighted_outcomes(
    frame: PlanningFrame, cells: Cells, spend: FloatArray, wear: Mapping[str, float] | None = None
) -> tuple[FloatArray, FloatArray]:
    """(S,) outcome draws of all paid media and (G, M) mean outcomes of paid channels under a plan.

    From all draws, without interpolation: what the plan brings, as counted for plans without flighting.

    Args:
        frame: the weeks.
        cells: what the money was split over.
        spend: (N, W) money of cells and weeks.
        wear: channel -> how fast its creatives wear out.
    """
    n_paid = len(cells.channels)
    found = incremental_outcome(_with_flight(frame, cells, spend, wear or {}), units=frame.units)[:, :, :n_paid]
    if not frame.scale_lead and frame.posterior.data.lead_media.any():
        nothing = frame.posterior.data.media.copy()
        nothing[:, :, :n_paid] = 0.0
        found = found - incremental_outcome(frame.posterior, nothing, frame.units)[:, :, :n_paid]
    return found.sum(axis=(1, 2)), found.mean(axis=0)


def flighting_table(scenario: str, frame: PlanningFrame, cells: Cells, spend: FloatArray) -> pd.DataFrame:
    """One row per geo, channel and week: scenario, geo, channel, date, current_spend, optimal_spend (money).

    Args:
        scenario: its name.
        frame: the weeks.
        cells: what the money was split over.
        spend: (N, W) money of cells and weeks.
    """
    weeks = FlightWeeks.of(frame, cells, 1)
    optimal = weeks.by_geo(weeks.factors(spend)).transpose(0, 2, 1)
    n_geos, n_channels, n_weeks = optimal.shape
    dates = frame.posterior.data.dates[:n_weeks]
    current = frame.posterior.data.spend[:, :n_weeks, :n_channels].transpose(0, 2, 1)
    return pd.DataFrame(
        {
            "scenario": np.full(optimal.size, scenario, dtype=object),
            "geo": np.repeat(np.array(cells.geos, dtype=object), n_channels * n_weeks),
            "channel": np.tile(np.repeat(np.array(cells.channels, dtype=object), n_weeks), n_geos),
            "date": np.tile(dates.astype("datetime64[ns]"), n_geos * n_channels),
            "current_spend": current.ravel(),
            "optimal_spend": optimal.ravel(),
        },
        columns=list(FLIGHTING_COLUMNS),
    )


def _with_flight(frame: PlanningFrame, cells: Cells, spend: FloatArray, wear: Mapping[str, float]) -> Posterior:
    """The draws with the media of a plan, as much of it as counts where creatives wear out."""
    posterior, data = frame.posterior, frame.posterior.data
    weeks = FlightWeeks.of(frame, cells, 1)
    factors = week_factors(frame, weeks, weeks.factors(spend), wear)
    n_paid, n_lead = len(cells.channels), data.lead_media.shape[1]
    lead, media = data.lead_media.copy(), data.media.copy()
    lead[:, :, :n_paid] *= factors[:, :n_lead]
    media[:, :, :n_paid] *= factors[:, n_lead:]
    return replace(posterior, data=replace(data, media=media, lead_media=lead))
