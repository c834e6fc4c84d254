"""Parts of the cube: earlier weeks, a window of weeks, cells without their KPI, channels left out."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import ModelData


def truncate(data: ModelData, weeks: int) -> ModelData:
    """The first weeks of the data; everything before the window stays.

    Args:
        data: T weeks.
        weeks: 1 <= weeks <= T.
    """
    return dataclasses.replace(
        data,
        dates=data.dates[:weeks],
        kpi=data.kpi[:, :weeks],
        revenue_per_kpi=None if data.revenue_per_kpi is None else data.revenue_per_kpi[:, :weeks],
        media=data.media[:, :weeks],
        spend=data.spend[:, :weeks],
        control_values=data.control_values[:, :weeks],
        frequency=None if data.frequency is None else data.frequency[:, :weeks],
        present=data.present[:, :weeks],
    )


def without_later_events(data: ModelData, weeks: int) -> ModelData:
    """The data without controls that are 0 in all of the first weeks, in every geo: events that are still to come.

    Nothing can be learned about them from these weeks; what they add later stays in the error, of every
    candidate alike.

    Args:
        data: T weeks.
        weeks: 1 <= weeks <= T.
    """
    cells = data.control_values[:, :weeks][data.present[:, :weeks]]
    kept = np.flatnonzero((cells != 0).any(axis=0))
    return data if len(kept) == len(data.controls) else with_controls(data, kept.tolist())


def with_controls(data: ModelData, kept: Sequence[int]) -> ModelData:
    """The data with only the controls at these positions."""
    return dataclasses.replace(
        data,
        controls=tuple(data.controls[k] for k in kept),
        control_roles=tuple(data.control_roles[k] for k in kept),
        control_values=data.control_values[:, :, list(kept)],
        control_per_capita=tuple(data.control_per_capita[k] for k in kept),
    )


def window(data: ModelData, first: int, end: int, n_lead: int) -> ModelData:
    """The weeks from `first` to before `end`; media of up to `n_lead` weeks before them stays as lead media.

    Args:
        data: T weeks.
        first: 0 <= first < end.
        end: at most T.
        n_lead: weeks of media before the window that are kept, >= 0.
    """
    cut = truncate(data, end)
    if first == 0:
        return cut
    past = np.concatenate([data.lead_media, data.media], axis=1)[:, : data.lead_media.shape[1] + first]
    lead_frequency = None
    if data.frequency is not None:
        lead = np.ones_like(data.lead_media) if data.lead_frequency is None else data.lead_frequency
        frequency = np.concatenate([lead, data.frequency], axis=1)[:, : past.shape[1]]
        lead_frequency = frequency[:, max(0, past.shape[1] - n_lead) :]
    return dataclasses.replace(
        cut,
        dates=cut.dates[first:],
        kpi=cut.kpi[:, first:],
        revenue_per_kpi=None if cut.revenue_per_kpi is None else cut.revenue_per_kpi[:, first:],
        media=cut.media[:, first:],
        spend=cut.spend[:, first:],
        control_values=cut.control_values[:, first:],
        frequency=None if cut.frequency is None else cut.frequency[:, first:],
        present=cut.present[:, first:],
        lead_media=past[:, max(0, past.shape[1] - n_lead) :],
        lead_frequency=lead_frequency,
    )


def without_kpi(data: ModelData, cells: NDArray[np.bool_]) -> ModelData:
    """The data in which the KPI of some (G, T) cells is not known."""
    return dataclasses.replace(data, kpi=np.where(cells, np.nan, data.kpi))


def without_channel(data: ModelData, channel: str) -> ModelData:
    """The data as if a channel had never been recorded."""
    kept = [m for m, name in enumerate(data.channels) if name != channel]
    return dataclasses.replace(
        data,
        channels=tuple(data.channels[m] for m in kept),
        channel_kinds=tuple(data.channel_kinds[m] for m in kept),
        media=data.media[:, :, kept],
        spend=data.spend[:, :, kept],
        frequency=None if data.frequency is None else data.frequency[:, :, kept],
        lead_media=data.lead_media[:, :, kept],
        lead_frequency=None if data.lead_frequency is None else data.lead_frequency[:, :, kept],
    )
