"""One channel's part of the specification: carry-over, saturation and effect, with their priors."""

from dataclasses import dataclass

from mmm_core.config.features import AdstockOverride, SaturationOverride
from mmm_core.config.modeling import ChannelPriorsConfig
from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ChannelKind, ModelData
from mmm_core.model import default_priors
from mmm_core.model.model_spec import AdstockFamily, PriorType, SaturationFamily
from mmm_core.model.prior_config import POSITIVE, SHARE, configured_prior, effect_range, lag_shape_range
from mmm_core.model.priors import Prior, log_normal_from_bounds

_PRIORS = "model.priors.channels"
_BOUNDS = "model.priors.roi_bounds"


@dataclass(frozen=True)
class CarryOver:
    """Adstock of one channel."""

    family: AdstockFamily
    alpha: Prior
    lag_shape: Prior


@dataclass(frozen=True)
class Saturation:
    """Saturation of one channel."""

    family: SaturationFamily
    ec: Prior
    slope: Prior


@dataclass(frozen=True)
class Effect:
    """Size of one channel's effect."""

    prior_type: PriorType
    prior: Prior


def carry_over(config: Config, channel: str) -> CarryOver:
    """Its adstock.

    Raises:
        SpecificationError: two priors of the decay, or an impossible one.
    """
    adstock = config.features.adstock
    override = adstock.platform_overrides.get(channel) or AdstockOverride()
    given = config.model.priors.channels.get(channel) or ChannelPriorsConfig()
    family = override.type or adstock.type
    if family == "delayed" and adstock.max_lag < 1:
        raise SpecificationError(
            f"features.adstock.max_lag is 0, but adstock of {channel} is delayed, so its effect comes in later "
            "weeks; use at least 1."
        )
    alpha = default_priors.decay(override.decay)
    if override.fixed and override.decay is not None:
        alpha = Prior("deterministic", (override.decay,))
    if given.alpha is not None:
        _refuse_two(override.decay, f"features.adstock.platform_overrides.{channel}.decay", channel, "alpha")
        alpha = configured_prior(given.alpha, f"{_PRIORS}.{channel}.alpha", SHARE)
    lag_shape = default_priors.lag_shape(family, adstock.max_lag)
    if given.theta is not None:
        key = f"{_PRIORS}.{channel}.theta"
        if family not in ("delayed", "weibull"):
            raise SpecificationError(
                f"{key}: {family} adstock has no theta; remove it, or set "
                f"features.adstock.platform_overrides.{channel}.type to delayed or weibull."
            )
        lag_shape = configured_prior(given.theta, key, lag_shape_range(family, adstock.max_lag))
    return CarryOver(family, alpha, lag_shape)


def saturation(config: Config, channel: str, kind: ChannelKind) -> Saturation:
    """Its saturation.

    Raises:
        SpecificationError: two priors of one parameter, one of a parameter that the saturation lacks, or an
            impossible one.
    """
    override = config.features.saturation.channel_overrides.get(channel) or SaturationOverride()
    given = config.model.priors.channels.get(channel) or ChannelPriorsConfig()
    family = override.type or config.features.saturation.type
    overrides = f"features.saturation.channel_overrides.{channel}"
    if family == "none":
        _refuse_without(given.ec, f"{_PRIORS}.{channel}.ec", "a channel without saturation has no ec")
        _refuse_without(override.k, f"{overrides}.k", "a channel without saturation has no half-saturation")
        ec = default_priors.ONE
    elif given.ec is not None:
        _refuse_two(override.k, f"{overrides}.k", channel, "ec")
        ec = configured_prior(given.ec, f"{_PRIORS}.{channel}.ec", POSITIVE)
    elif override.fixed and override.k is not None:
        ec = Prior("deterministic", (override.k,))
    else:
        ec = default_priors.half_saturation(kind, override.k)
    return Saturation(family, ec, _slope(config, channel, kind, family))


def _slope(config: Config, channel: str, kind: ChannelKind, family: SaturationFamily) -> Prior:
    """Reach and frequency has a free slope unless its own override fixes it, as in Meridian."""
    override = config.features.saturation.channel_overrides.get(channel) or SaturationOverride()
    given = config.model.priors.channels.get(channel) or ChannelPriorsConfig()
    written = f"features.saturation.channel_overrides.{channel}.slope"
    if family != "hill":
        _refuse_without(given.slope, f"{_PRIORS}.{channel}.slope", f"saturation {family} has no slope")
        _refuse_without(override.slope, written, f"saturation {family} has no slope")
        return default_priors.ONE
    if given.slope is not None:
        _refuse_two(override.slope, written, channel, "slope")
        return configured_prior(given.slope, f"{_PRIORS}.{channel}.slope", POSITIVE)
    if override.slope is not None:
        return default_priors.hill_slope(kind, override.slope == "free")
    free = config.features.saturation.slope == "free" or kind == "reach_frequency"
    return default_priors.hill_slope(kind, free)


def effect(config: Config, data: ModelData, channel: str, kind: ChannelKind) -> Effect:
    """Its effect, for the family `gaussian`.

    Raises:
        SpecificationError: a prior that the channel cannot have, two of them, or an impossible one.
    """
    priors = config.model.priors
    given = priors.channels.get(channel) or ChannelPriorsConfig()
    prior_type = _prior_type(config, channel, kind)
    media_effects = "normal" if data.is_national else config.model.media_effects_dist
    bounds = priors.roi_bounds.get(channel)
    if bounds is not None:
        _refuse_bounds_of_another_type(channel, kind, prior_type)
        _refuse_two(given.effect, f"{_PRIORS}.{channel}.effect", channel, "effect", f"{_BOUNDS}.{channel}")
        return Effect(prior_type, _bounded_roi(channel, *bounds))
    if given.effect is not None:
        key = f"{_PRIORS}.{channel}.effect"
        prior = configured_prior(given.effect, key, effect_range(prior_type, media_effects))
        if prior_type == "contribution" and abs(prior.median()) > 1:
            raise SpecificationError(
                f"{key}: the median is {prior.median():g}, but it is a share of the total outcome, which cannot "
                "be expected to be more than 1; use for example beta(a 1, b 99)."
            )
        return Effect(prior_type, prior)
    if priors.spend_share_scaled and prior_type == "coefficient" and kind != "organic_media":
        relative = _relative_spend(data, channel)
        return Effect(prior_type, default_priors.effect_by_spend(relative, media_effects == "log_normal"))
    return Effect(prior_type, default_priors.effect(prior_type))


def _prior_type(config: Config, channel: str, kind: ChannelKind) -> PriorType:
    given = config.model.priors.channels.get(channel) or ChannelPriorsConfig()
    if kind == "organic_media":
        if given.type in ("roi", "mroi"):
            raise SpecificationError(
                f"{_PRIORS}.{channel}.type is {given.type}, but organic media has no spend and so no return on "
                "it; use contribution or coefficient."
            )
        general = config.model.media_prior_type
        return given.type or (general if general in ("contribution", "coefficient") else "contribution")
    if config.model.priors.spend_share_scaled:
        return given.type or "coefficient"
    return given.type or config.model.media_prior_type


def _refuse_bounds_of_another_type(channel: str, kind: ChannelKind, prior_type: PriorType) -> None:
    if kind == "organic_media":
        raise SpecificationError(f"{_BOUNDS}.{channel}: organic media has no spend and so no ROI; remove it.")
    if prior_type != "roi":
        raise SpecificationError(
            f"{_BOUNDS}.{channel} is a prior of the ROI, but the prior type of {channel} is {prior_type}; "
            f"set {_PRIORS}.{channel}.type to roi, or remove the bounds."
        )


def _bounded_roi(channel: str, low: float, high: float) -> Prior:
    try:
        return log_normal_from_bounds(low, high)
    except SpecificationError as error:
        raise SpecificationError(f"{_BOUNDS}.{channel}: {error}") from error


def _relative_spend(data: ModelData, channel: str) -> float:
    """Spend of the channel / mean spend of the paid channels."""
    totals = data.spend.sum(axis=(0, 1))[: len(data.paid_channels)]
    spend = float(totals[data.channels.index(channel)])
    if spend <= 0:
        raise SpecificationError(
            f"model.priors.spend_share_scaled: {channel} has no spend, so its effect would be 0; remove the "
            f"channel from the mapping, or give {_PRIORS}.{channel}.effect."
        )
    return spend / float(totals.mean())


def _refuse_two(other: object, other_key: str, channel: str, parameter: str, key: str = "") -> None:
    if other is not None:
        raise SpecificationError(
            f"{key or f'{_PRIORS}.{channel}.{parameter}'}: {other_key} is another prior of the same parameter; "
            "remove one of them."
        )


def _refuse_without(given: object, key: str, reason: str) -> None:
    if given is not None:
        raise SpecificationError(f"{key}: {reason}; remove it.")
