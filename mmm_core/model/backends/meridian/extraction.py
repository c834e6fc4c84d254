"""From Meridian's InferenceData to the canonical draws."""

from typing import Any

import numpy as np
import xarray as xr

from mmm_core.errors import SamplingError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.posterior import PARAMETER_DIMS
from mmm_core.model.specification import ModelSpec

_MERIDIAN_DIMS = {
    "geo": "geo",
    "channel": "media_channel",
    "paid_channel": "media_channel",
    "control": "control_variable",
    "knot": "knots",
}
_KEPT_STATISTICS = ("diverging", "n_steps", "lp", "step_size")


def canonical_samples(inference: Any, data: ModelData, spec: ModelSpec, ec_unit: FloatArray) -> xr.Dataset:
    """Dataset of the variables of `PARAMETER_DIMS`, geos and channels in the order of `data`.

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
        shape = (chains, draws, *(len(labels[dim]) for dim in dims))
        values[name] = _parameter(posterior, name, dims, shape, labels)
    values["ec_m"] = values["ec_m"] * ec_unit
    if data.is_national:
        values["beta_m"] = np.log(values["beta_gm"][:, :, 0, :])
    _require_finite(values)
    return xr.Dataset(
        {name: (("chain", "draw", *PARAMETER_DIMS[name]), array) for name, array in values.items()},
        coords={"chain": np.arange(chains), "draw": np.arange(draws), **labels},
    )


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


def _parameter(
    posterior: xr.Dataset, name: str, dims: tuple[str, ...], shape: tuple[int, ...], labels: dict[str, Any]
) -> FloatArray:
    """Draws of one parameter in the canonical shape; zero where Meridian leaves out what is fixed at 0."""
    if name not in posterior:
        return np.zeros(shape)
    variable = posterior[name].rename(
        {_MERIDIAN_DIMS[ours]: ours for ours in dims if _MERIDIAN_DIMS[ours] in posterior[name].dims}
    )
    for dim in ("geo", "channel", "paid_channel", "control"):
        if dim in variable.dims:
            variable = variable.sel({dim: labels[dim]})
    variable = variable.transpose("chain", "draw", *(dim for dim in dims if dim in variable.dims))
    array = np.asarray(variable.values, dtype=np.float64)
    missing = len(shape) - array.ndim
    return np.array(np.broadcast_to(array.reshape(array.shape + (1,) * missing), shape))


def _require_finite(values: dict[str, FloatArray]) -> None:
    broken = [name for name, array in values.items() if not np.all(np.isfinite(array))]
    if broken:
        raise SamplingError(
            f"Meridian returned draws of {', '.join(broken)} that are not finite; raise training.tune, lower "
            "model.knots, or set model.backend to pymc."
        )
