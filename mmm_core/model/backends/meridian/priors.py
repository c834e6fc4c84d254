"""Priors of the specification as Meridian's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.meridian.groups import ChannelGroup, channel_groups
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.priors import Prior

_ZERO = Prior("deterministic", (0.0,))
_EFFECT_NAMES = {"roi": "roi", "mroi": "mroi", "contribution": "contribution", "coefficient": "beta"}


def prior_distribution(data: ModelData, spec: ModelSpec) -> Any:
    """Meridian's `PriorDistribution`; in a national model nothing varies over geos.

    Only what the model has is set, because Meridian warns of priors that it does not use.
    """
    from meridian.model.prior_distribution import PriorDistribution

    national = data.is_national
    priors: dict[str, tuple[Prior, ...]] = {
        "xi_c": (_ZERO if national else spec.xi,),
        "tau_g_excl_baseline": (_ZERO if national else spec.tau,),
        "knot_values": (spec.knot_values,),
        "gamma_c": (spec.gamma,),
        "sigma": (spec.sigma,),
    }
    for group in channel_groups(data):
        priors |= _group_priors(spec, group, national)
    return PriorDistribution(**{name: tfp_distribution(name, values) for name, values in priors.items()})


def _group_priors(spec: ModelSpec, group: ChannelGroup, national: bool) -> dict[str, tuple[Prior, ...]]:
    priors = {
        "alpha": group.take(spec.alpha),
        "ec": group.of_saturation(spec, spec.ec),
        "slope": group.of_saturation(spec, spec.slope),
        "eta": (_ZERO if national else spec.eta,),
        _EFFECT_NAMES[group.prior_types(spec)[0]]: group.take(spec.effect),
    }
    return {f"{name}_{group.suffix}": values for name, values in priors.items()}


def tfp_distribution(name: str, priors: tuple[Prior, ...]) -> Any:
    """A float64 TensorFlow Probability distribution: scalar if all priors are equal, else one per channel.

    Args:
        name: Meridian's name of the parameter.
        priors: one, or one per channel; fixed and free ones cannot be mixed.
    """
    families = {prior.family for prior in priors}
    if len(set(priors)) == 1:
        return _distribution(priors[0].family, *(np.float64(value) for value in priors[0].parameters), name=name)
    if len(families) == 1:
        columns = np.array([prior.parameters for prior in priors], dtype=np.float64).T
        return _distribution(priors[0].family, *columns, name=name)
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
        "shifted_log_normal": _shifted_log_normal,
        "truncated_normal": backend.tfd.TruncatedNormal,
        "exponential": backend.tfd.Exponential,
        "gamma": backend.tfd.Gamma,
    }
    constructor = constructors[family]
    return constructor(*parameters) if name is None else constructor(*parameters, name=name)


def _shifted_log_normal(mu: Any, sigma: Any, shift: Any, name: str = "ShiftedLogNormal") -> Any:
    from meridian import backend

    return backend.tfd.TransformedDistribution(
        backend.tfd.LogNormal(mu, sigma), backend.bijectors.Shift(shift), name=name
    )
