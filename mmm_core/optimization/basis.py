"""The media that plans are multiples of: what is planned, and an even flighting where nothing is."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.planning.frame import PlanningFrame


@dataclass(frozen=True)
class Basis:
    """A frame in which every channel has media to scale in every geo.  G geos, M paid channels."""

    frame: PlanningFrame
    """With the even flighting filled in; `units` stay those of the plan as it was given."""
    current: FloatArray
    """(G, M) money that is planned now."""
    money: FloatArray
    """(G, M) money that the media of the frame costs: `current`, or that of the even flighting; 0 where media is
    free and where the geo is absent."""
    free: NDArray[np.bool_]
    """(G, M) media that costs nothing: it cannot be scaled by money."""

    @property
    def idle(self) -> NDArray[np.bool_]:
        """(G, M) where the even flighting is."""
        return np.asarray((self.current == 0) & (self.money > 0))


def basis_of(frame: PlanningFrame) -> Basis:
    """Fill an even flighting into every channel and geo without planned spend and media.

    Its money is the same in all weeks in which the geo is present; per channel it is the average spend of a
    channel, split over geos by population, so that all of a channel that is planned nowhere scales to a plan that
    is even per head.  Media is money / `frame.unit_cost`; its frequency, for reach, the channel's average.  In the
    fit window, media of such a cell before the window is left out; it would be scaled along.
    """
    data, n_weeks = frame.posterior.data, frame.n_weeks
    n_paid = len(data.paid_channels)
    current = data.spend[:, :n_weeks, :n_paid].sum(axis=1)
    has_media = (data.media[:, :n_weeks, :n_paid] > 0).any(axis=1)
    there = data.present[:, :n_weeks]
    idle: NDArray[np.bool_] = (current == 0) & ~has_media & there.any(axis=1, keepdims=True)
    free: NDArray[np.bool_] = (current == 0) & has_media
    if not idle.any():
        return Basis(frame, current, current, free)
    typical = max(float(current.sum()), 1.0) / n_paid
    money = current + idle * (typical * data.population / data.population.sum())[:, None]
    filled = _filled(data, n_weeks, idle, money / frame.unit_cost, frame.scale_lead)
    return Basis(replace(frame, posterior=replace(frame.posterior, data=filled)), current, money, free)


def _filled(
    data: ModelData, n_weeks: int, idle: NDArray[np.bool_], media: FloatArray, without_lead: bool
) -> ModelData:
    """The data with (G, M) media spread evenly over the weeks in which idle cells are present."""
    there = data.present[:, :n_weeks]
    share = there / np.maximum(there.sum(axis=1), 1)[:, None]
    planned, lead = data.media.copy(), data.lead_media.copy()
    for geo, channel in np.argwhere(idle).tolist():
        planned[geo, :n_weeks, channel] = share[geo] * media[geo, channel]
        if without_lead:
            lead[geo, :, channel] = 0.0
    return replace(data, media=planned, lead_media=lead, frequency=_with_usual_frequency(data, n_weeks, idle))


def _with_usual_frequency(data: ModelData, n_weeks: int, idle: NDArray[np.bool_]) -> FloatArray | None:
    """(G, T, M) frequencies, in idle cells of reach the channel's average per person reached (1 where unknown)."""
    if data.frequency is None:
        return None
    found = data.frequency.copy()
    lead = np.ones(data.lead_media.shape) if data.lead_frequency is None else data.lead_frequency
    reach = np.concatenate([data.lead_media, data.media], axis=1)
    contacts = reach * np.concatenate([lead, data.frequency], axis=1)
    for geo, channel in np.argwhere(idle).tolist():
        if data.channel_kinds[channel] == "reach_frequency":
            reached = float(reach[:, :, channel].sum())
            usual = float(contacts[:, :, channel].sum()) / reached if reached > 0 else 1.0
            found[geo, :n_weeks, channel] = usual
    return found
