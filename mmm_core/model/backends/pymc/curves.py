"""Adstock weights and saturation curves in JAX, with gradients that are finite wherever the sampler goes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mmm_core.model.specification import AdstockFamily, SaturationFamily

Array = Any
"""A JAX array."""
_SMALLEST_DECAY = 1e-12
"""Below this there is no carryover in float64; keeps 1/alpha, log(alpha) and the gradients of
powers finite."""
_LARGEST_LOG = 600.0
"""Keeps lag^theta finite."""


def adstock_weights(families: Sequence[AdstockFamily], alpha: Array, theta: Array, window: int) -> Array:
    """(M, window) weights of the weeks 0..window-1 ago; each row sums to 1.

    With L = window - 1, `geometric`: alpha^l; `binomial`: (1 - l/window)^(1/alpha - 1); `delayed`:
    alpha^((l - theta)^2); `weibull`: alpha^(l^theta).

    Args:
        families: (M,) family of each channel.
        alpha: (M,) decay in [0, 1].
        theta: (M,) peak in weeks (`delayed`) or shape > 0 (`weibull`); not used by the others.
        window: number of weeks.
    """
    rows = defaultdict(list)
    for row, family in enumerate(families):
        rows[family].append(row)
    if len(rows) == 1:
        return _weights(families[0], alpha, theta, window)
    parts = [_weights(family, alpha[np.array(at)], theta[np.array(at)], window) for family, at in rows.items()]
    order = np.argsort(np.concatenate(list(rows.values())))
    return jnp.concatenate(parts)[order]


def _weights(family: AdstockFamily, alpha: Array, theta: Array, window: int) -> Array:
    lags = np.arange(window, dtype=np.float64)
    if family == "geometric":
        weights = jnp.maximum(alpha, _SMALLEST_DECAY)[:, None] ** lags
    elif family == "binomial":
        power = 1.0 / jnp.maximum(alpha, _SMALLEST_DECAY) - 1.0
        weights = jnp.exp(power[:, None] * np.log1p(-lags / window))
    else:
        log_alpha = jnp.log(jnp.maximum(alpha, _SMALLEST_DECAY))[:, None]
        distance = (lags - theta[:, None]) ** 2 if family == "delayed" else _powers(window, theta)
        return jax.nn.softmax(distance * log_alpha, axis=1)
    return weights / weights.sum(axis=1, keepdims=True)


def _powers(window: int, theta: Array) -> Array:
    """(M, window) l^theta; lag 0 stays out of the logarithm and its gradient."""
    logs = jnp.minimum(theta[:, None] * np.log(np.arange(1.0, window)), _LARGEST_LOG)
    return jnp.concatenate([jnp.zeros((theta.shape[0], 1)), jnp.exp(logs)], axis=1)


def saturate(family: SaturationFamily, media: Array, ec: Array, slope: Array | None) -> Array:
    """Effect of media relative to full saturation, 1/2 at `ec`; `none` gives the media themselves.

    Args:
        family: of the curve.
        media: >= 0.
        ec: half-saturation, > 0; broadcasts against media.
        slope: exponent of the Hill curve; None where it is 1.
    """
    if family == "none":
        return media
    if family == "logistic":
        return jnp.tanh(media * (np.log(3.0) / 2) / ec)
    if family == "michaelis_menten" or slope is None:
        return media / (media + ec)
    # x^s / (x^s + ec^s) in logs; weeks without media stay out of the logarithm and its gradient.
    has_media = media > 0
    logs = jnp.log(jnp.where(has_media, media, 1.0)) - jnp.log(ec)
    return jnp.where(has_media, jax.nn.sigmoid(slope * logs), 0.0)
