"""Make Meridian use the system's own scaling constants.

Meridian takes its constants from whatever it is given: held-out weeks and weeks outside a geo's range enter
the mean and sd of the KPI and of the controls, and the total outcome of contribution priors; weeks before
the window enter the median of media; and media is always scaled by population times a median.  So its own
transformers are built from made-up series that have exactly the wanted constants, and put in the place
of those that it made.  Where the data are complete, scaling is `pooled_median` and there are no earlier
weeks, both are the same.
"""

import dataclasses
from typing import Any

import numpy as np

from mmm_core.features.model_data import ChannelKind, FloatArray, ModelData
from mmm_core.model.backends.meridian.groups import ChannelGroup, channel_groups
from mmm_core.model.scaling import Scaling

_MEDIA_NAMES: dict[ChannelKind, tuple[str, str, str]] = {
    "media": ("media_tensors", "media", "media_transformer"),
    "reach_frequency": ("rf_tensors", "reach", "reach_transformer"),
    "organic_media": ("organic_media_tensors", "organic_media", "organic_media_transformer"),
}
"""Meridian's names: container of the channels' arrays, their media in it, and what scales that."""
_PRIOR_TYPE_NAMES: dict[ChannelKind, str] = {
    "media": "effective_media",
    "reach_frequency": "effective_rf",
    "organic_media": "organic_media",
}


def put_scaling(context: Any, data: ModelData, scaling: Scaling, media_unit: FloatArray) -> None:
    """Replace the constants in Meridian's `ModelContext` before anything is sampled.

    Args:
        context: Meridian's, fresh.
        data: what it was built from.
        scaling: the constants it shall use.
        media_unit: (G, M) what the media that it was given had been divided by.
    """
    _put_kpi(context, data, scaling)
    if data.controls:
        _put_controls(context, data, scaling)
    scale = scaling.media_scale / media_unit
    for group in channel_groups(data):
        _put_media(context, data, group, scale[:, list(group.channels)])


def total_outcome(data: ModelData) -> float:
    """Outcome of all weeks in which the KPI is known; contribution priors are about shares of it."""
    return float(np.nansum(data.kpi * data.outcome_per_kpi))


def _put_kpi(context: Any, data: ModelData, scaling: Scaling) -> None:
    from meridian.model.transformers import KpiTransformer

    around_mean = scaling.kpi_mean + scaling.kpi_sd * np.array([-1.0, 1.0])
    context.kpi_transformer = KpiTransformer(
        _tensor(data.population[:, None] * around_mean), _tensor(data.population)
    )
    context.kpi_scaled = context.kpi_transformer.forward(context.kpi)
    context.total_outcome = _tensor(total_outcome(data))


def _put_controls(context: Any, data: ModelData, scaling: Scaling) -> None:
    from meridian import backend
    from meridian.model.transformers import CenteringAndScalingTransformer

    around_mean = scaling.control_mean + scaling.control_sd * np.array([[-1.0], [1.0]])
    per_capita = np.array(data.control_per_capita)
    people = np.where(per_capita, data.population[:, None], 1.0)
    context.controls_transformer = CenteringAndScalingTransformer(
        _tensor(people[:, None, :] * around_mean),
        _tensor(data.population),
        backend.to_tensor(per_capita, dtype=backend.bool_) if per_capita.any() else None,
    )
    context.controls_scaled = context.controls_transformer.forward(context.controls)


def _put_media(context: Any, data: ModelData, group: ChannelGroup, scale: FloatArray) -> None:
    """`scale` (G, channels of the group) is proportional to population, as all of Meridian's are."""
    from meridian import constants
    from meridian.model.transformers import MediaTransformer

    container, values, transformer = _MEDIA_NAMES[group.kind]
    tensors = getattr(context, container)
    changes: dict[str, Any] = {transformer: MediaTransformer(_tensor(scale[:, None, :]), _tensor(data.population))}
    scaled = changes[f"{values}_scaled"] = changes[transformer].forward(getattr(tensors, values))
    prior_type = getattr(context.model_spec, f"{_PRIOR_TYPE_NAMES[group.kind]}_prior_type")
    if group.kind != "organic_media" and prior_type == "contribution":
        changes["prior_denominator"] = _tensor(np.full(len(group.channels), total_outcome(data)))
    elif group.kind != "organic_media" and prior_type == "mroi":
        changes[f"prior_{values}_scaled_counterfactual"] = scaled * constants.MROI_FACTOR
    setattr(context, container, dataclasses.replace(tensors, **changes))


def _tensor(values: float | FloatArray) -> Any:
    from meridian import backend

    return backend.to_tensor(values, dtype=backend.float_dtype)
