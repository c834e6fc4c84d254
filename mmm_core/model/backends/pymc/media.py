"""The media part of the model in JAX: adstock, saturation and geo effects that give the stated ROI.

Arrays are laid out (channel, lag, geo x time), so that the adstock is one batched matrix product along
contiguous memory; that layout, not the arithmetic, decides how long a gradient takes.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec

Array = Any
"""A JAX array of float64."""
_SMALLEST_DECAY = 1e-12
"""Below this, binomial adstock has no carryover in float64; keeps 1/alpha finite."""


class MediaParameters(NamedTuple):
    """One draw of what shapes the media effects."""

    alpha: Array
    """(M,) carryover, in [0, 1]."""
    ec: Array
    """(M,) half-saturation, on the scale of scaled media."""
    slope: Array
    """(M,) exponent of the Hill curve."""
    roi: Array
    """(M,) return per unit of money over the window."""
    eta: Array
    """(M,) spread of log effects over geos."""
    z: Array
    """(G, M) standard normal position of each geo."""


class MediaEffect(NamedTuple):
    """What the media do on the model's scale."""

    beta_m: Array
    """(M,) log effect of a geo at z = 0."""
    beta_gm: Array
    """(G, M) effect of fully saturated media."""
    total: Array
    """(G, T) sum over channels."""


@dataclass(frozen=True)
class MediaTransform:
    """Constants of the media part.  G geos, T weeks, M channels, W weeks in the adstock window."""

    lagged: FloatArray
    """(M, W, G*T) scaled media, shifted by 0..W-1 weeks, zero before the first week."""
    outcome_weight: FloatArray
    """(G, T) outcome that an effect of 1 on the model's scale means."""
    spend: FloatArray
    """(M,) money over geos and weeks."""
    adstock: Literal["geometric", "binomial"]
    fixed_slope: bool
    """Every slope is the constant 1, so no power is needed."""

    @property
    def values_per_draw(self) -> int:
        """M * G * T, the size of the saturated media of one draw."""
        channels, _, geo_weeks = self.lagged.shape
        return int(channels * geo_weeks)

    def adstock_weights(self, alpha: Array) -> Array:
        """(M, W) weights of the weeks 0..W-1 ago; each row sums to 1."""
        window = self.lagged.shape[1]
        lags = np.arange(window, dtype=np.float64)
        if self.adstock == "geometric":
            weights = alpha[:, None] ** lags
        else:
            power = 1.0 / jnp.maximum(alpha, _SMALLEST_DECAY) - 1.0
            weights = jnp.exp(power[:, None] * np.log1p(-lags / window))
        return weights / weights.sum(axis=1, keepdims=True)

    def saturation(self, alpha: Array, ec: Array, slope: Array) -> Array:
        """(M, G, T) Hill of adstock, in [0, 1)."""
        stock = jnp.einsum("mw,mwx->mx", self.adstock_weights(alpha), self.lagged)
        if self.fixed_slope:
            saturated = stock / (stock + ec[:, None])
        else:
            # x^s / (x^s + ec^s) in logs; weeks without media stay out of the logarithm and its gradient.
            has_media = stock > 0
            logs = jnp.log(jnp.where(has_media, stock, 1.0)) - jnp.log(ec)[:, None]
            saturated = jnp.where(has_media, jax.nn.sigmoid(slope[:, None] * logs), 0.0)
        return saturated.reshape(-1, *self.outcome_weight.shape)

    def outcome(self, saturated: Array) -> Array:
        """(G, M) outcome over the window at an effect of 1."""
        return jnp.einsum("mgt,gt->gm", saturated, self.outcome_weight)

    def effect(self, parameters: MediaParameters, saturated: Array) -> MediaEffect:
        """Effects whose outcome over the window is `roi * spend` per channel."""
        relative = jnp.exp(parameters.eta * parameters.z)
        outcome = (relative * self.outcome(saturated)).sum(axis=0)
        beta_m = jnp.log(parameters.roi * self.spend) - jnp.log(outcome)
        beta_gm = jnp.exp(beta_m) * relative
        return MediaEffect(beta_m, beta_gm, jnp.einsum("gm,mgt->gt", beta_gm, saturated))

    def information(self, roi: Array, sigma: Array, saturated: Array) -> Array:
        """(G, M) rough information of the data on the log effect of each geo.

        That of a regression on the channel alone with an intercept, at the effect that all geos share.
        """
        beta = roi * self.spend / self.outcome(saturated).sum(axis=0)
        squares = jnp.einsum("mgt,mgt->mg", saturated, saturated) - saturated.sum(axis=2) ** 2 / saturated.shape[2]
        return beta**2 * jnp.maximum(squares, 0.0).T / sigma[:, None] ** 2


def media_transform(data: ModelData, spec: ModelSpec, scaling: Scaling) -> MediaTransform:
    """Precompute the constants.

    Raises:
        SpecificationError: a channel without spend, whose ROI is undefined.
    """
    spend = data.spend.sum(axis=(0, 1))
    unpaid = [name for name, money in zip(data.channels, spend, strict=True) if money <= 0]
    if unpaid:
        raise SpecificationError(
            f"Channel(s) {', '.join(unpaid)} have media but no spend, so ROI is undefined; "
            "remove them from data.channel_map or map their spend column."
        )
    media = scaling.scale_media(data.media).transpose(2, 0, 1)
    window = min(spec.max_lag_weeks + 1, len(data.dates))
    return MediaTransform(
        lagged=_shifted(media, window).reshape(len(data.channels), window, -1),
        outcome_weight=scaling.unscale_effect(np.ones_like(data.kpi)) * data.outcome_per_kpi,
        spend=spend,
        adstock=spec.adstock[0],  # type: ignore[arg-type]
        fixed_slope=all(prior.family == "deterministic" and prior.parameters == (1.0,) for prior in spec.slope),
    )


def _shifted(media: FloatArray, window: int) -> FloatArray:
    """(M, G, T) -> (M, window, G, T)."""
    channels, geos, weeks = media.shape
    shifted = np.zeros((channels, window, geos, weeks))
    for lag in range(window):
        shifted[:, lag, :, lag:] = media[:, :, : weeks - lag]
    return shifted
