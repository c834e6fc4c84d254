"""The media part of the model in JAX: channel effects that give what the prior is on.

Channels that are transformed alike form a block, so nothing is computed that a channel does not need.
Arrays are laid out (channel, lag, geo x time), so that the adstock is one batched matrix product along
contiguous memory; that layout, not the arithmetic, decides how long a gradient takes.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.backends.pymc.curves import Array as Array
from mmm_core.model.backends.pymc.curves import adstock_weights, saturate
from mmm_core.model.specification import AdstockFamily, PriorType, SaturationFamily

MORE_MEDIA = 1.01
"""An mROI is the return of the next 1 % of media."""


class MediaParameters(NamedTuple):
    """One draw of what shapes the media effects."""

    alpha: Array
    """(M,) carryover, in [0, 1]."""
    ec: Array
    """(M,) half-saturation, on the scale of scaled media (of frequency for `reach_frequency`)."""
    slope: Array
    """(M,) exponent of the Hill curve."""
    theta: Array
    """(M,) second adstock parameter; see `adstock_weights`."""
    effect: Array
    """(M,) ROI, mROI, share of the outcome or `beta_m`, as the channel's prior type says."""
    eta: Array
    """(M,) spread of effects over geos."""
    z: Array
    """(G, M) standard normal position of each geo."""


class Transformed(NamedTuple):
    """Media after adstock and saturation."""

    saturated: tuple[Array, ...]
    """Per block: (B, G, T) effect of each week at `beta_gm` 1."""
    outcome: Array
    """(G, M) outcome over the window at `beta_gm` 1."""
    difference: Array
    """(G, M) the outcome that the prior speaks of: all of it, or for an mROI that of 1 % more media."""


class MediaEffect(NamedTuple):
    """What the media do on the model's scale."""

    beta_m: Array
    """(M,) effect of a geo at z = 0; its logarithm where effects are log-normal."""
    beta_gm: Array
    """(G, M) effect of fully saturated media."""
    total: Array
    """(G, T) sum over channels."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["media", "reach"],
    meta_fields=["channels", "saturation", "free_slope", "saturates_first", "marginal"],
)
@dataclass(frozen=True)
class MediaBlock:
    """Channels that are transformed alike.  B channels, W weeks in the adstock window."""

    media: FloatArray
    """Scaled media: (B, W, G*T) shifted by 0..W-1 weeks, or, where saturation comes first, (B, G, W-1+T) with the
    weeks before the first (there, frequency for `reach_frequency`)."""
    reach: FloatArray | None
    """(B, G, W-1+T) scaled reach of `reach_frequency` channels."""
    channels: tuple[int, ...]
    """Positions of the B channels."""
    saturation: SaturationFamily
    free_slope: bool
    """Whether some slope of a Hill curve is not the constant 1, so that powers are needed."""
    saturates_first: bool
    marginal: bool
    """Whether the priors are on mROI."""

    def transform(
        self, weights: Array, ec: Array, slope: Array, shape: tuple[int, int], factor: float = 1.0
    ) -> Array:
        """(B, G, T) media, times `factor`, after adstock and saturation.

        Args:
            weights: (B, W) adstock weights.
            ec: (B,) half-saturation.
            slope: (B,) exponent.
            shape: G, T.
            factor: of media (of reach for `reach_frequency`).
        """
        weights, ec, slope = (value.astype(self.media.dtype) for value in (weights, ec, slope))
        if not self.saturates_first:
            stock = jnp.einsum("mw,mwx->mx", weights, self.media)
            return self._saturate(_times(factor, stock), ec[:, None], slope[:, None]).reshape(-1, *shape)
        ec, slope = ec[:, None, None], slope[:, None, None]
        if self.reach is None:
            saturated = self._saturate(_times(factor, self.media), ec, slope)
        else:
            saturated = _times(factor, self.reach) * self._saturate(self.media, ec, slope)
        return _adstock(weights, saturated, shape[1])

    def _saturate(self, media: Array, ec: Array, slope: Array) -> Array:
        return saturate(self.saturation, media, ec, slope if self.free_slope else None)


def _times(factor: float, values: Array) -> Array:
    return values if factor == 1.0 else factor * values


def _adstock(weights: Array, series: Array, n_weeks: int) -> Array:
    """(B, W), (B, G, W-1+T) -> (B, G, T); XLA fuses the sum over lags into one loop."""
    window = weights.shape[1]
    return sum(
        weights[:, lag, None, None] * series[:, :, window - 1 - lag : window - 1 - lag + n_weeks]
        for lag in range(window)
    )


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["blocks", "outcome_weight", "observed", "spend", "target_unit"],
    meta_fields=["adstock", "prior_types", "media_effects", "window"],
)
@dataclass(frozen=True)
class MediaTransform:
    """Constants of the media part.  G geos, T weeks, M channels, of which N are paid."""

    blocks: tuple[MediaBlock, ...]
    outcome_weight: FloatArray
    """(G, T) outcome that an effect of 1 on the model's scale means."""
    observed: FloatArray
    """(G, T) 1 where the KPI is known, 0 elsewhere."""
    spend: FloatArray
    """(N,) money over geos and weeks."""
    target_unit: FloatArray
    """(M,) outcome that 1 of the prior's quantity means; 1 for coefficients."""
    adstock: tuple[AdstockFamily, ...]
    prior_types: tuple[PriorType, ...]
    media_effects: Literal["log_normal", "normal"]
    window: int
    """Weeks that adstock reaches, the current one included."""

    @property
    def values_per_draw(self) -> int:
        """M * G * T, the size of the saturated media of one draw."""
        return int(len(self.adstock) * np.prod(self.outcome_weight.shape))

    def in_single_precision(self) -> "MediaTransform":
        """The same with the big arrays, and what is computed from them week by week, in float32."""
        return replace(self, blocks=jax.tree.map(lambda values: values.astype(np.float32), self.blocks))

    def transform(self, parameters: MediaParameters) -> Transformed:
        """Adstock, saturation and what comes of them over the window."""
        weights = adstock_weights(self.adstock, parameters.alpha, parameters.theta, self.window)
        shape = self.outcome_weight.shape
        saturated, more = [], []
        for block in self.blocks:
            at = np.array(block.channels)
            arguments = _rows(weights, at), _rows(parameters.ec, at), _rows(parameters.slope, at), shape
            saturated.append(block.transform(*arguments))
            more.append(
                block.transform(*arguments, MORE_MEDIA) - saturated[-1] if block.marginal else saturated[-1]
            )
        outcomes = [self._outcome(curves) for curves in saturated]
        differences = [self._outcome(curves) for curves in more]
        return Transformed(tuple(saturated), self._by_channel(outcomes), self._by_channel(differences))

    def effect(self, parameters: MediaParameters, transformed: Transformed) -> MediaEffect:
        """Effects that give the prior's quantity over the window."""
        shift = parameters.eta * parameters.z
        if self.media_effects == "normal":
            shifted = (shift * transformed.difference).sum(axis=0)
            target = parameters.effect * self.target_unit
            beta_m = self._beta_m(parameters, (target - shifted) / transformed.difference.sum(axis=0))
            beta_gm = beta_m + shift
        else:
            relative = jnp.exp(shift)
            difference = (relative * transformed.difference).sum(axis=0)
            beta_m = self._beta_m(parameters, self._log_target(parameters) - jnp.log(difference))
            beta_gm = jnp.exp(beta_m) * relative
        return MediaEffect(beta_m, beta_gm, self.total(beta_gm, transformed))

    def total(self, beta_gm: Array, transformed: Transformed) -> Array:
        """(G, T) effect of all channels."""
        parts = zip(self.blocks, transformed.saturated, strict=True)
        return sum(
            _contracted("mg,mgt->gt", _rows(beta_gm.T, np.array(block.channels)), curves)
            for block, curves in parts
        )

    def roi(self, beta_gm: Array, transformed: Transformed) -> Array:
        """(N,) return per unit of money of the paid channels."""
        paid = slice(0, self.spend.shape[0])
        return (beta_gm * transformed.outcome).sum(axis=0)[paid] / self.spend

    def weighted(self, transformed: Transformed, weight: Array) -> Array:
        """(G, M) saturated media summed over weeks with (G, T) weights."""
        return self._by_channel([_contracted("gt,mgt->mg", weight, curves) for curves in transformed.saturated])

    def information(self, parameters: MediaParameters, sigma: Array, transformed: Transformed) -> Array:
        """(G, M) rough information of the data on the deviation of each geo (`eta * z`).

        That of a regression on the channel alone with an intercept, at the effect that all geos share.  A
        log-normal deviation moves the effect in proportion to it, a normal one by itself.
        """
        squares = self._by_channel([self._squares(curves) for curves in transformed.saturated])
        information = jnp.maximum(squares, 0.0) / sigma[:, None] ** 2
        if self.media_effects == "normal":
            return information
        log_beta = self._log_target(parameters) - jnp.log(transformed.difference.sum(axis=0))
        return jnp.exp(2 * self._beta_m(parameters, log_beta)) * information

    def _outcome(self, curves: Array) -> Array:
        """(B, G, T) -> (B, G)."""
        return _contracted("gt,mgt->mg", self.outcome_weight, curves)

    def _squares(self, curves: Array) -> Array:
        """(B, G) variation of the media over observed weeks."""
        observed = curves * _like(self.observed, curves)
        weeks = jnp.maximum(self.observed.sum(axis=1), 1.0)
        squares = jnp.einsum("mgt,mgt->mg", observed, curves) - observed.sum(axis=2) ** 2 / _like(weeks, curves)
        return squares.astype(weeks.dtype)

    def _by_channel(self, blocks: list[Array]) -> Array:
        """(B, G) of each block -> (G, M)."""
        if len(blocks) == 1:
            return blocks[0].T
        order = np.argsort(np.concatenate([block.channels for block in self.blocks]))
        return jnp.concatenate(blocks)[order].T

    def _log_target(self, parameters: MediaParameters) -> Array:
        """(M,) log of the outcome that the effects must give; without meaning for coefficients."""
        target = parameters.effect * self.target_unit
        return jnp.log(target if "coefficient" not in self.prior_types else jnp.where(self._given, 1.0, target))

    def _beta_m(self, parameters: MediaParameters, solved: Array) -> Array:
        """(M,) the parameter itself where the prior is on it."""
        return jnp.where(self._given, parameters.effect, solved) if self._given.any() else solved

    @property
    def _given(self) -> FloatArray:
        """(M,) whether the prior is on `beta_m`."""
        return np.array([prior_type == "coefficient" for prior_type in self.prior_types])


def _contracted(subscripts: str, small: Array, curves: Array) -> Array:
    """Contraction with saturated media in their precision; the result in that of the small operand."""
    return jnp.einsum(subscripts, _like(small, curves), curves).astype(small.dtype)


def _like(values: Array, curves: Array) -> Array:
    return jnp.asarray(values, curves.dtype)


def _rows(values: Array, at: np.ndarray) -> Array:
    """Rows of some channels; no copy where it is all of them."""
    return values if len(at) == values.shape[0] else values[at]
