"""A panel with all that real ones have, and canonical draws in Meridian's own form."""

import dataclasses
from typing import Any

import numpy as np
import xarray as xr

from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.meridian.groups import channel_groups
from mmm_core.model.posterior import PARAMETER_DIMS, Posterior
from tests.factories import EVERYTHING, tiny_model_data

_DIMS = {"control": "control_variable", "knot": "knots"}


def everything(n_weeks: int = 40) -> ModelData:
    """Media, reach and frequency, media, organic media; weeks before the window, gaps, ragged geos, treatments."""
    data = tiny_model_data(3, n_weeks, extras=EVERYTHING)
    assert data.channel_kinds == ("media", "media", "reach_frequency", "organic_media")
    return reordered(data, [0, 2, 1, 3])


def reordered(data: ModelData, order: list[int]) -> ModelData:
    """The same data with its channels in another order."""
    cubes = ("media", "spend", "frequency", "lead_media", "lead_frequency")
    return dataclasses.replace(
        data,
        channels=tuple(data.channels[m] for m in order),
        channel_kinds=tuple(data.channel_kinds[m] for m in order),
        **{name: getattr(data, name)[:, :, order] for name in cubes if getattr(data, name) is not None},
    )


def as_meridian_gives_it(posterior: Posterior) -> xr.Dataset:
    """The draws under Meridian's names, each group of channels on its own, a pooled sigma once."""
    variables: dict[str, Any] = {}
    for name, dims in PARAMETER_DIMS.items():
        array = posterior.samples[name]
        if dims and dims[-1] in ("channel", "paid_channel"):
            for group in channel_groups(posterior.data):
                if name == "theta_m" or (dims[-1] == "paid_channel" and group.kind == "organic_media"):
                    continue
                part = array.isel({dims[-1]: list(group.channels)}).rename({dims[-1]: group.dimension})
                variables[f"{name.removesuffix('m')}{group.suffix}"] = part
        elif array.size:
            variables[name] = array.rename({dim: _DIMS[dim] for dim in dims if dim in _DIMS})
    if not posterior.spec.unique_sigma_for_each_geo:
        variables["sigma"] = variables["sigma"].isel(geo=0, drop=True)
    return xr.Dataset(variables).transpose("chain", "draw", ...)


def trend(posterior: Posterior, weights: np.ndarray) -> xr.DataArray:
    """Meridian's `mu_t`: (chain, draw, time), with its (knots, time) weights."""
    values = posterior.samples["knot_values"].values @ weights
    return xr.DataArray(values, dims=("chain", "draw", "time"))
