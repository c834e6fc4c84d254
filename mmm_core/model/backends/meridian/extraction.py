"""From Meridian's InferenceData to the canonical draws."""

from typing import Any

import numpy as np
import xarray as xr

from mmm_core.errors import SamplingError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.meridian.groups import ChannelGroup, channel_groups
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import PARAMETER_DIMS

_MERIDIAN_DIMS = {"geo": "geo", "control": "control_variable", "knot": "knots"}
_CHANNEL_DIMS = ("channel", "paid_channel")
_MEANINGLESS_WITHOUT_SATURATION = ("ec_m", "slope_m")
_KEPT_STATISTICS = ("diverging", "n_steps", "lp", "step_size")


def canonical_samples(inference: Any, data: ModelData, spec: ModelSpec) -> xr.Dataset:
    """Dataset of the variables of `PARAMETER_DIMS`, geos and channels in the order of `data`.

    `roi_m` is 0 for channels whose prior is not of the ROI (see `roi_is_sampled`).

    Raises:
        SamplingError: some draws are not finite.
    """
    posterior = inference.posterior
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    labels = {
        "geo": np.array(data.geos, dtype=object),
        "channel": np.array(data.channels, dtype=object),
        "paid_channel": np.array(data.paid_channels, dtype=object),
        "control": np.array(data.controls, dtype=object),
        "knot": np.arange(len(spec.knots)),
    }
    values = {}
    for name, dims in PARAMETER_DIMS.items():
        array = np.zeros((chains, draws, *(len(labels[dim]) for dim in dims)))
        if dims and dims[-1] in _CHANNEL_DIMS:
            for group in channel_groups(data):
                _put_group(array, posterior, name, dims, group, labels)
        else:
            _put(array, posterior, name, dims, labels)
        values[name] = array
    without_saturation = [m for m, family in enumerate(spec.saturation) if family == "none"]
    for name in _MEANINGLESS_WITHOUT_SATURATION:
        values[name][:, :, without_saturation] = 1.0
    _require_finite(values)
    return xr.Dataset(
        {name: (("chain", "draw", *PARAMETER_DIMS[name]), array) for name, array in values.items()},
        coords={"chain": np.arange(chains), "draw": np.arange(draws), **labels},
    )


def roi_is_sampled(data: ModelData, spec: ModelSpec) -> bool:
    """Whether Meridian samples the ROI of every paid channel; else it has to be derived."""
    paid = [group for group in channel_groups(data) if group.kind != "organic_media"]
    return all(set(group.prior_types(spec)) == {"roi"} for group in paid)


def canonical_statistics(inference: Any) -> xr.Dataset:
    """Per (chain, draw): `diverging`, `n_steps`, `tree_depth`, `lp`, `step_size`; Meridian records no energy."""
    recorded = inference.sample_stats
    statistics = xr.Dataset(
        {name: (("chain", "draw"), np.asarray(recorded[name].values)) for name in _KEPT_STATISTICS},
        coords={name: np.arange(recorded.sizes[name]) for name in ("chain", "draw")},
    )
    depth = np.ceil(np.log2(statistics["n_steps"].values + 1.0)).astype(np.int64)
    statistics["tree_depth"] = (("chain", "draw"), depth)
    return statistics


def _put_group(
    array: FloatArray,
    posterior: xr.Dataset,
    name: str,
    dims: tuple[str, ...],
    group: ChannelGroup,
    labels: dict[str, Any],
) -> None:
    """Fill in the channels of one group (organic media has no ROI)."""
    if dims[-1] == "paid_channel" and group.kind == "organic_media":
        return
    theirs = f"{name.removesuffix('m')}{group.suffix}"
    of_group = {**labels, dims[-1]: labels["channel"][list(group.channels)]}
    part = np.zeros((*array.shape[:-1], len(group.channels)))
    _put(part, posterior, theirs, dims, of_group, {dims[-1]: group.dimension})
    array[..., list(group.channels)] = part


def _put(
    array: FloatArray,
    posterior: xr.Dataset,
    name: str,
    dims: tuple[str, ...],
    labels: dict[str, Any],
    their_dims: dict[str, str] | None = None,
) -> None:
    """Fill in the draws of one parameter by label; zero stays where Meridian leaves out what is fixed at 0.

    A parameter that Meridian has once for all geos is repeated.
    """
    if name not in posterior:
        return
    theirs = _MERIDIAN_DIMS | (their_dims or {})
    variable = posterior[name]
    variable = variable.rename({theirs[dim]: dim for dim in dims if theirs[dim] in variable.dims})
    for dim in dims:
        if dim in variable.dims and dim != "knot":
            variable = variable.sel({dim: labels[dim]})
    variable = variable.transpose("chain", "draw", *(dim for dim in dims if dim in variable.dims))
    values = np.asarray(variable.values, dtype=np.float64)
    array[...] = values.reshape(values.shape + (1,) * (array.ndim - values.ndim))


def _require_finite(values: dict[str, FloatArray]) -> None:
    broken = [name for name, array in values.items() if not np.all(np.isfinite(array))]
    if broken:
        raise SamplingError(
            f"Meridian returned draws of {', '.join(broken)} that are not finite; raise training.tune, lower "
            "model.knots, or set model.backend to pymc."
        )
