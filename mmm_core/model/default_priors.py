"""Priors where the configuration gives none: Meridian 2.1's, so that both backends can be compared."""

import math

from mmm_core.features.model_data import ChannelKind
from mmm_core.model.model_spec import AdstockFamily, PriorType
from mmm_core.model.priors import Prior

ZERO = Prior("deterministic", (0.0,))
ONE = Prior("deterministic", (1.0,))
HALF_SATURATION_BOUNDS = (0.1, 10.0)
_DECAY_PRIOR_STRENGTH = 10.0
"""Pseudo-observations of the Beta prior that a decay override gives."""
_FREQUENCY_SHIFT = 0.1
_EFFECTS: dict[PriorType, Prior] = {
    "roi": Prior("log_normal", (0.2, 0.9)),
    "mroi": Prior("log_normal", (0.0, 0.5)),
    "contribution": Prior("beta", (1.0, 99.0)),
    "coefficient": Prior("half_normal", (5.0,)),
}
GAUSSIAN = {
    "eta": Prior("half_normal", (1.0,)),
    "knot_values": Prior("normal", (0.0, 5.0)),
    "tau": Prior("normal", (0.0, 5.0)),
    "gamma": Prior("normal", (0.0, 5.0)),
    "xi": Prior("half_normal", (5.0,)),
    "sigma": Prior("half_normal", (5.0,)),
}
"""What all channels, geos and controls have in common."""
ROBUST_LOG = {
    "eta": ZERO,
    "knot_values": Prior("normal", (0.0, 2.0)),
    "tau": Prior("normal", (0.0, 2.0)),
    "gamma": Prior("normal", (0.0, 0.5)),
    "xi": ZERO,
    "sigma": Prior("half_normal", (1.0,)),
}
"""The same for the family `robust_log`."""


def decay(mean: float | None = None) -> Prior:
    """Prior of `alpha`: uniform, or a Beta with that mean that weighs 10 observations."""
    if mean is None:
        return Prior("uniform", (0.0, 1.0))
    return Prior("beta", (mean * _DECAY_PRIOR_STRENGTH, (1 - mean) * _DECAY_PRIOR_STRENGTH))


def half_saturation(kind: ChannelKind, centre: float | None = None) -> Prior:
    """Prior of `ec`, in units of scaled media, or of frequency for `reach_frequency`.

    Args:
        kind: of the channel.
        centre: mean before truncation, or median for `reach_frequency`; None: the default.
    """
    if kind == "reach_frequency":
        mu = 0.7 if centre is None else math.log(centre - _FREQUENCY_SHIFT)
        return Prior("shifted_log_normal", (mu, 0.4, _FREQUENCY_SHIFT))
    return Prior("truncated_normal", (0.8 if centre is None else centre, 0.8, *HALF_SATURATION_BOUNDS))


def hill_slope(kind: ChannelKind, free: bool) -> Prior:
    """Prior of the Hill exponent: 1 if it is not free."""
    if not free:
        return ONE
    return Prior("log_normal", (0.7 if kind == "reach_frequency" else 0.3, 0.4))


def lag_shape(family: AdstockFamily, max_lag_weeks: int) -> Prior:
    """Prior of `theta`: the peak in weeks (`delayed`, which needs a lag of a week) or the shape (`weibull`)."""
    if family == "delayed":
        return Prior("truncated_normal", (1.0, 1.0, 0.0, float(max_lag_weeks)))
    return Prior("log_normal", (0.0, 0.5)) if family == "weibull" else ZERO


def effect(prior_type: PriorType) -> Prior:
    """Prior of a channel's effect, in terms of its prior type."""
    return _EFFECTS[prior_type]


def effect_by_spend(relative_spend: float, log_scale: bool) -> Prior:
    """Prior of `beta_m` in proportion to spend.

    Args:
        relative_spend: the channel's spend / the mean of the paid channels' (so their mean is 1), > 0.
        log_scale: whether `beta_m` is the logarithm of the effect (`log_normal` effects).
    """
    if log_scale:
        return Prior("normal", (math.log(relative_spend), 1.0))
    return Prior("half_normal", (relative_spend,))
