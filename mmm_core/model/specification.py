"""From the configuration and the data to a `ModelSpec`."""

import dataclasses
from typing import Any

from mmm_core.config.modeling import PriorConfig
from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model import channel_spec, default_priors
from mmm_core.model.channel_spec import Effect
from mmm_core.model.knots import knot_locations
from mmm_core.model.model_spec import AdstockFamily, ModelSpec, PriorType, SaturationFamily
from mmm_core.model.prior_config import ANY, NOT_NEGATIVE, POSITIVE, Range, configured_prior
from mmm_core.model.priors import Prior

__all__ = ["AdstockFamily", "ModelSpec", "PriorType", "SaturationFamily", "build_spec"]

_INTEGRATED_OUT = ("knot_values", "tau", "gamma")
_ROBUST_EFFECT = Effect("coefficient", Prior("half_normal", (0.5,)))


def build_spec(config: Config, data: ModelData) -> ModelSpec:
    """Compile the configuration to a specification for this data.

    Raises:
        SpecificationError: impossible priors or knots, or a prior of something that the model does not have.
    """
    model, robust = config.model, config.model.family == "robust_log"
    if robust:
        _refuse_effect_priors(config)
    carry_over = [channel_spec.carry_over(config, channel) for channel in data.channels]
    kinds = list(zip(data.channels, data.channel_kinds, strict=True))
    saturation = [channel_spec.saturation(config, channel, kind) for channel, kind in kinds]
    effects = [
        _ROBUST_EFFECT if robust else channel_spec.effect(config, data, channel, kind) for channel, kind in kinds
    ]
    without_knots = ModelSpec(
        channels=data.channels,
        controls=data.controls,
        adstock=tuple(part.family for part in carry_over),
        saturation=tuple(part.family for part in saturation),
        max_lag_weeks=config.features.adstock.max_lag,
        media_scaling=model.media_scaling,
        knots=(),
        unique_sigma_for_each_geo=model.unique_sigma_for_each_geo and not data.is_national,
        alpha=tuple(part.alpha for part in carry_over),
        ec=tuple(part.ec for part in saturation),
        slope=tuple(part.slope for part in saturation),
        prior_types=tuple(part.prior_type for part in effects),
        effect=tuple(part.prior for part in effects),
        lag_shape=tuple(part.lag_shape for part in carry_over),
        hill_before_adstock=model.hill_before_adstock,
        media_effects="normal" if data.is_national or robust else model.media_effects_dist,
        family=model.family,
        **_common_priors(config, data.is_national),
    )
    return dataclasses.replace(without_knots, knots=knot_locations(model.knots, data, without_knots))


def _common_priors(config: Config, is_national: bool) -> dict[str, Any]:
    """Field of the specification -> prior, of what all channels, geos and controls have in common."""
    given = config.model.priors
    robust = config.model.family == "robust_log"
    configured: dict[str, tuple[PriorConfig | None, Range]] = {
        "eta": (given.eta, NOT_NEGATIVE),
        "knot_values": (given.knot_values, ANY),
        "tau": (given.tau, ANY),
        "gamma": (given.gamma, ANY),
        "xi": (given.xi, NOT_NEGATIVE),
        "sigma": (given.sigma, POSITIVE),
    }
    priors = dict(default_priors.ROBUST_LOG if robust else default_priors.GAUSSIAN)
    for name, (written, allowed) in configured.items():
        if written is not None:
            priors[name] = _common_prior(name, configured_prior(written, f"model.priors.{name}", allowed), robust)
    if is_national:
        priors |= {"eta": default_priors.ZERO, "xi": default_priors.ZERO}
    return priors


def _common_prior(name: str, prior: Prior, robust: bool) -> Prior:
    if robust and name in ("eta", "xi"):
        raise SpecificationError(
            f"model.priors.{name}: effects do not differ by geo in the family robust_log; remove it."
        )
    if name in _INTEGRATED_OUT and prior.family != "normal":
        raise SpecificationError(
            f"model.priors.{name} is {prior.family}, but it must be normal, because these effects are integrated "
            "out of the posterior; use {family: normal, mean: ..., sd: ...}."
        )
    return prior


def _refuse_effect_priors(config: Config) -> None:
    """The effects of `robust_log` share one prior."""
    priors = config.model.priors
    keys = ["model.priors.spend_share_scaled"] if priors.spend_share_scaled else []
    keys += [f"model.priors.roi_bounds.{channel}" for channel in priors.roi_bounds]
    for channel, given in priors.channels.items():
        written = {"type": given.type, "effect": given.effect}
        keys += [f"model.priors.channels.{channel}.{key}" for key, value in written.items() if value is not None]
    if keys:
        raise SpecificationError(
            f"{', '.join(keys)}: in the family robust_log all media effects share one prior, "
            "half_normal(sigma_beta); remove the key(s), or set model.family to gaussian."
        )
