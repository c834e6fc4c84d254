"""Sampling the reference model with PyMC's own interfaces to the samplers."""

import time
from importlib.util import find_spec
from typing import Any

import numpy as np
import xarray as xr

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.posterior import FitInfo, Posterior, parameter_dims
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec

_STATISTICS = {
    "diverging": "diverging",
    "energy": "energy",
    "tree_depth": "tree_depth",
    "n_steps": "n_steps",
    "lp": "lp",
}
_COMPILES_FIRST = ("pymc", "nutpie")
"""Samplers whose own clock starts after compilation."""


def sample_reference(data: ModelData, spec: ModelSpec, settings: SamplerSettings, sampler: str) -> Posterior:
    """Draw from the posterior of the reference model.

    Args:
        data: what is fitted to.
        spec: the model.
        settings: chains, draws and so on.
        sampler: pymc, numpyro, blackjax or nutpie.

    Raises:
        SpecificationError: the sampler is not installed, or the model has no gaussian family.
    """
    if find_spec(sampler) is None:
        raise SpecificationError(
            f"{sampler} is not installed in this Python environment (nutpie cannot be, beside Meridian 2.1); "
            f"choose another sampler, or pymc_marketing:{sampler} with benchmark.peer_python."
        )
    import pymc as pm

    from mmm_core.benchmark.reference_model import build_reference_model

    began = time.perf_counter()
    scaling = fit_scaling(data, spec.media_scaling)
    with build_reference_model(data, spec, scaling):
        idata = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores,
            target_accept=settings.target_accept,
            random_seed=settings.seed,
            nuts_sampler=sampler,
            progressbar=False,
            compute_convergence_checks=False,
            idata_kwargs={"log_likelihood": False},
            **({"nuts": {"max_treedepth": settings.max_tree_depth}} if sampler == "pymc" else {}),
        )
    seconds = time.perf_counter() - began
    sampling = idata.posterior.attrs.get("sampling_time")
    known = sampler in _COMPILES_FIRST and sampling is not None
    info = FitInfo(
        backend="pymc_reference",
        backend_version=pm.__version__,
        seconds=seconds,
        compile_seconds=seconds - float(sampling) if known else None,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        seed=settings.seed,
        max_tree_depth=settings.max_tree_depth,
    )
    samples = _samples(idata.posterior, data, spec)
    return Posterior(samples, _statistics(idata.sample_stats), data, spec, scaling, info)


def _samples(drawn: xr.Dataset, data: ModelData, spec: ModelSpec) -> xr.Dataset:
    variables = {
        name: (("chain", "draw", *dims), np.asarray(drawn[name].transpose("chain", "draw", ...).values))
        for name, dims in parameter_dims(spec).items()
    }
    coordinates: dict[str, Any] = {
        "chain": np.arange(drawn.sizes["chain"]),
        "draw": np.arange(drawn.sizes["draw"]),
        "geo": np.array(data.geos, dtype=object),
        "channel": np.array(data.channels, dtype=object),
        "paid_channel": np.array(data.paid_channels, dtype=object),
        "control": np.array(data.controls, dtype=object),
        "knot": np.arange(len(spec.knots)),
    }
    return xr.Dataset(variables, coords=coordinates)


def _statistics(stats: xr.Dataset) -> xr.Dataset:
    dims = ("chain", "draw")
    return xr.Dataset(
        {ours: (dims, stats[theirs].values) for ours, theirs in _STATISTICS.items() if theirs in stats}
    )
