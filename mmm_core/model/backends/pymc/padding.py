"""More weeks than there are, so that the panel of the next weeks has the shape that is compiled already.

The weeks that are added are absent and unobserved: they have no media, no outcome and no part in the
likelihood, so the posterior is that of the panel itself.
"""

import dataclasses

import numpy as np

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.model_spec import ModelSpec

_GRIDS = ((13, 6), (4, 0))
"""Lengths to fill up to are `rest` modulo `step`.  By default there is a knot per 13 weeks, and the number of
knots changes 6.5 weeks after a multiple of 13: the first grid changes with it."""
_LARGEST_SHARE = 0.13
"""Most weeks added, as a share of those there are: from 98 weeks on the first grid always serves.  A week adds
less than its share to a gradient, and a shape that changes costs more than a small panel takes to sample."""


def padded_length(n_weeks: int) -> int:
    """Weeks to fill up to; `n_weeks` if that would cost too much."""
    for step, rest in _GRIDS:
        length = n_weeks + (rest - n_weeks) % step
        if length <= n_weeks * (1 + _LARGEST_SHARE):
            return length
    return n_weeks


def pad_weeks(data: ModelData, length: int) -> ModelData:
    """The panel with absent weeks at its end.

    Args:
        data: T weeks; scaling and knots are to be those of this panel, not of the result.
        length: weeks of the result, at least T.
    """
    missing = length - len(data.dates)
    if missing <= 0:
        return data
    dates = data.dates[-1] + np.arange(1, missing + 1) * np.timedelta64(7, "D")
    controls = np.broadcast_to(data.control_values.mean(axis=1, keepdims=True), data.control_values.shape)
    return dataclasses.replace(
        data,
        dates=np.concatenate([data.dates, dates]),
        kpi=_extended(data.kpi, missing, np.nan),
        revenue_per_kpi=None if data.revenue_per_kpi is None else _extended(data.revenue_per_kpi, missing, 1.0),
        media=_extended(data.media, missing, 0.0),
        spend=_extended(data.spend, missing, 0.0),
        control_values=np.concatenate([data.control_values, controls[:, :1].repeat(missing, axis=1)], axis=1),
        frequency=None if data.frequency is None else _extended(data.frequency, missing, 1.0),
        present=np.concatenate([data.present, np.zeros((len(data.geos), missing), dtype=bool)], axis=1),
    )


def known_lags(spec: ModelSpec, data: ModelData) -> ModelSpec:
    """The specification with no lag beyond the weeks there are: weeks that are added must not lengthen it.

    Args:
        spec: the model.
        data: the panel before weeks are added.
    """
    longest = len(data.dates) + data.lead_media.shape[1] - 1
    return dataclasses.replace(spec, max_lag_weeks=min(spec.max_lag_weeks, longest))


def _extended(values: FloatArray, missing: int, fill: float) -> FloatArray:
    """(G, T, ...) with `missing` more weeks."""
    shape = (values.shape[0], missing, *values.shape[2:])
    return np.concatenate([values, np.full(shape, fill)], axis=1)
