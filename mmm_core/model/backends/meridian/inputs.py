"""From ModelData and ModelSpec to Meridian's own objects.

Meridian scales media by population and the pooled median of non-zero weeks, whatever it is given.  For
`geo_max` it gets media that is already divided by each geo's maximum; what its own scaling then still
divides by, one constant c per channel, moves into the half-saturation: Hill(x / c; ec / c) = Hill(x; ec).
So its prior of ec is that of the specification divided by c, and its draws are multiplied by c.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored, import_meridian
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec

_ZERO = Prior("deterministic", (0.0,))
_LINEAR_FAMILIES = ("deterministic", "uniform", "normal", "half_normal", "truncated_normal")


@dataclass(frozen=True)
class MeridianModel:
    """A Meridian model and what its draws still have to be multiplied by."""

    model: Any
    """`meridian.model.model.Meridian`, not yet sampled."""
    ec_unit: FloatArray
    """(M,) the specification's half-saturation that is 1 in Meridian's units."""


def build_model(data: ModelData, spec: ModelSpec) -> MeridianModel:
    """A Meridian model of this data and specification.

    Raises:
        SpecificationError: Meridian refuses the data or the specification.
    """
    import_meridian()
    from meridian.model.model import Meridian

    media, ec_unit = media_for_meridian(data, spec.media_scaling)
    try:
        with expected_warnings_ignored():
            model = Meridian(input_data=input_data(data, media), model_spec=model_spec(data, spec, ec_unit))
    except ValueError as error:
        raise SpecificationError(
            f"Meridian refuses this data or specification: {error} Correct it, or set model.backend to pymc."
        ) from error
    return MeridianModel(model, ec_unit)


def media_for_meridian(
    data: ModelData, media_scaling: Literal["pooled_median", "geo_max"]
) -> tuple[FloatArray, FloatArray]:
    """Media as Meridian must be given it, (G, T, M), and the unit of its half-saturation, (M,)."""
    if media_scaling == "pooled_median":
        return data.media, np.ones(len(data.channels))
    scaled = fit_scaling(data, media_scaling).scale_media(data.media)
    unit = np.nanmedian(np.where(scaled > 0, scaled, np.nan), axis=(0, 1))
    return scaled * data.population[:, None, None], unit


def input_data(data: ModelData, media: FloatArray) -> Any:
    """Meridian's `InputData`, geos in the order of `data`.

    The outcome per KPI unit is always given, ones included: without it Meridian would replace the ROI
    prior by one of its own.
    """
    from meridian.data.input_data import InputData

    weeks = np.datetime_as_string(data.dates, unit="D").astype(object)
    coordinates = {
        "geo": list(data.geos),
        "time": weeks,
        "media_time": weeks,
        "media_channel": list(data.channels),
        "control_variable": list(data.controls),
    }

    def array(name: str, values: FloatArray, *dims: str) -> xr.DataArray:
        return xr.DataArray(values, dims=dims, coords={dim: coordinates[dim] for dim in dims}, name=name)

    controls = array("controls", data.control_values, "geo", "time", "control_variable")
    return InputData(
        kpi=array("kpi", data.kpi, "geo", "time"),
        kpi_type="non_revenue",
        population=array("population", data.population, "geo"),
        controls=controls if data.controls else None,
        revenue_per_kpi=array("revenue_per_kpi", data.outcome_per_kpi, "geo", "time"),
        media=array("media", media, "geo", "media_time", "media_channel"),
        media_spend=array("media_spend", data.spend, "geo", "time", "media_channel"),
    )


def model_spec(data: ModelData, spec: ModelSpec, ec_unit: FloatArray) -> Any:
    """Meridian's `ModelSpec`; its baseline geo is the most populous one, as it is for Meridian itself."""
    from meridian.model.spec import ModelSpec as MeridianSpec

    national = data.is_national
    return MeridianSpec(
        prior=prior_distribution(spec, ec_unit, national),
        media_effects_dist="normal" if national else "log_normal",
        max_lag=spec.max_lag_weeks,
        unique_sigma_for_each_geo=spec.unique_sigma_for_each_geo,
        media_prior_type="roi",
        knots=list(spec.knots),
        baseline_geo=int(np.argmax(data.population)),
        adstock_decay_spec=spec.adstock[0],
    )


def prior_distribution(spec: ModelSpec, ec_unit: FloatArray, national: bool) -> Any:
    """Meridian's `PriorDistribution`; in a national model nothing varies over geos."""
    from meridian.model.prior_distribution import PriorDistribution

    ec = tuple(_divided(prior, float(unit)) for prior, unit in zip(spec.ec, ec_unit, strict=True))
    return PriorDistribution(
        alpha_m=tfp_distribution("alpha_m", spec.alpha),
        ec_m=tfp_distribution("ec_m", ec),
        slope_m=tfp_distribution("slope_m", spec.slope),
        roi_m=tfp_distribution("roi_m", spec.effect),
        eta_m=tfp_distribution("eta_m", (_ZERO if national else spec.eta,)),
        xi_c=tfp_distribution("xi_c", (_ZERO if national else spec.xi,)),
        tau_g_excl_baseline=tfp_distribution("tau_g_excl_baseline", (_ZERO if national else spec.tau,)),
        knot_values=tfp_distribution("knot_values", (spec.knot_values,)),
        gamma_c=tfp_distribution("gamma_c", (spec.gamma,)),
        sigma=tfp_distribution("sigma", (spec.sigma,)),
    )


def tfp_distribution(name: str, priors: tuple[Prior, ...]) -> Any:
    """A float64 TensorFlow Probability distribution: scalar if all priors are equal, else one per channel.

    Raises:
        SpecificationError: fixed and free priors are mixed, which Meridian cannot do.
    """
    families = {prior.family for prior in priors}
    if len(set(priors)) == 1:
        return _distribution(priors[0].family, *(np.float64(value) for value in priors[0].parameters), name=name)
    if len(families) == 1:
        columns = np.array([prior.parameters for prior in priors], dtype=np.float64).T
        return _distribution(priors[0].family, *columns, name=name)
    if "deterministic" in families:
        raise SpecificationError(
            f"The prior of {name} is fixed for some channels and free for others, which Meridian cannot fit; "
            "set model.backend to pymc."
        )
    return _mixed_families(
        [_distribution(prior.family, *(np.float64(value) for value in prior.parameters)) for prior in priors], name
    )


def _mixed_families(distributions: list[Any], name: str) -> Any:
    """Meridian's container of different families, one scalar distribution per channel.

    Its density (Meridian 2.1) cannot be compiled by JAX, because the positions at which it splits the
    channels become traced values; the same density with fixed positions can.
    """
    from meridian import backend
    from meridian.model.prior_distribution import IndependentMultivariateDistribution

    def log_prob(self: Any, value: Any) -> Any:
        parts = [part.log_prob(value[..., m : m + 1]) for m, part in enumerate(self.distributions)]
        return backend.concatenate(parts, axis=-1)

    compilable = type("MixedFamilies", (IndependentMultivariateDistribution,), {"_log_prob": log_prob})
    return compilable(distributions, name=name)


def _distribution(family: str, *parameters: Any, name: str | None = None) -> Any:
    from meridian import backend

    constructors: dict[str, Callable[..., Any]] = {
        "deterministic": backend.tfd.Deterministic,
        "uniform": backend.tfd.Uniform,
        "beta": backend.tfd.Beta,
        "normal": backend.tfd.Normal,
        "half_normal": backend.tfd.HalfNormal,
        "log_normal": backend.tfd.LogNormal,
        "truncated_normal": backend.tfd.TruncatedNormal,
    }
    constructor = constructors[family]
    return constructor(*parameters) if name is None else constructor(*parameters, name=name)


def _divided(prior: Prior, unit: float) -> Prior:
    """The prior of `x / unit` where this is the prior of `x`."""
    if unit == 1:
        return prior
    if prior.family in _LINEAR_FAMILIES:
        return Prior(prior.family, tuple(value / unit for value in prior.parameters))
    if prior.family == "log_normal":
        mu, sigma = prior.parameters
        return Prior("log_normal", (mu - math.log(unit), sigma))
    raise SpecificationError(
        f"Meridian cannot fit media_scaling geo_max with a {prior.family} prior of ec; set model.backend to pymc."
    )
