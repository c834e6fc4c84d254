"""The forward model: expected KPI under a media plan, per posterior draw, from the saved posterior alone.

Contributions, returns, response curves and budgets are all differences of this one function.

    scaled_kpi[g, t] = tau_g + sum_j knot_weight[t, j] * knot_value_j + sum_k gamma_gk * z[g, t, k]
                       + sum_m beta_gm * Hill(Adstock(media[g, :, m] / media_scale[g, m]))[t]

with Hill(x) = x^slope / (x^slope + ec^slope), adstock weights that sum to 1, and no media before the first
week.  Effects are in KPI units after multiplication with `kpi_sd * population_g`.

Sizes: S draws (chains one after the other), G geos, T weeks, M channels, K controls, L lags.  Weekly draws
come geo by geo, because all of them together may not fit into memory; their arrays are views in which the
draws of one week lie next to each other, so quantiles over draws are cheap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mmm_core.errors import InputError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec

_BLOCK_VALUES = 32_768
"""Weeks x draws that are worked on at a time: a quarter megabyte, so that it stays in the processor cache."""
_BLOCK_PRODUCTS = 262_144
"""Weeks x draws x lags at a time.  BLAS splits larger products over threads that wait for each other, which
costs far more than it saves here as soon as the processor has something else to do."""


def adstock_weights(alpha: ArrayLike, kind: Literal["geometric", "binomial"], max_lag: int) -> FloatArray:
    """(..., max_lag + 1) weights of lags 0, 1, ..., max_lag that sum to 1.

    Geometric: `alpha^l`.  Binomial: `(1 - l / (max_lag + 1))^(1 / alpha - 1)`.  In a panel of T weeks
    pass `min(max_lag, T - 1)`, since earlier media cannot matter.

    Args:
        alpha: (...) decay in [0, 1]; 0 is no carry-over.
        kind: family of the decay.
        max_lag: largest lag in weeks, >= 0.
    """
    decay = np.asarray(alpha, dtype=np.float64)[..., None]
    lags = np.arange(max_lag + 1)
    if kind == "geometric":
        weights = decay**lags
    else:
        with np.errstate(divide="ignore", over="ignore"):
            weights = (1 - lags / (max_lag + 1)) ** (1 / decay - 1)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype=np.float64)


def knot_weights(knots: Sequence[int], n_weeks: int) -> FloatArray:
    """(n_weeks, n_knots) piecewise-linear weights of the knots, flat before the first and after the last."""
    weeks = np.arange(n_weeks)
    columns = [np.interp(weeks, knots, unit) for unit in np.eye(len(knots))]
    return np.stack(columns, axis=1)


def transform_media(
    spec: ModelSpec, scaled_media: FloatArray, alpha: FloatArray, ec: FloatArray, slope: FloatArray
) -> FloatArray:
    """(S, G, T, M) adstocked and saturated media, in [0, 1), all in memory at once.

    Args:
        spec: gives the adstock family and the largest lag.
        scaled_media: (G, T, M) media on the model's scale, >= 0.
        alpha: (S, M) decay.
        ec: (S, M) half-saturation, in units of scaled media.
        slope: (S, M) Hill slope.
    """
    n_geos, n_weeks, n_channels = scaled_media.shape
    transformed = np.empty((n_channels, n_geos, n_weeks, len(alpha)))
    for m in range(n_channels):
        curve = _curve(spec, n_weeks, alpha[:, m], ec[:, m], slope[:, m])
        for g in range(n_geos):
            transformed[m, g] = _weekly_hill(scaled_media[g, :, m], curve)
    return transformed.transpose(3, 1, 2, 0)


def incremental_outcome(posterior: Posterior, media: FloatArray | None = None) -> FloatArray:
    """(S, G, M) outcome that each channel adds over the whole window under a media plan.

    In revenue where it is known, otherwise in KPI units (`ModelData.outcome_per_kpi`).  Divided by spend
    it is the model's ROI.

    Args:
        posterior: the fit.
        media: (G, T, M) media units per week; None for the observed media.

    Raises:
        InputError: the plan has the wrong shape, or negative or missing values.
    """
    return _incremental(posterior, media, posterior.data.outcome_per_kpi)


def incremental_kpi(posterior: Posterior, media: FloatArray | None = None) -> FloatArray:
    """(S, G, M) like `incremental_outcome`, in KPI units."""
    return _incremental(posterior, media, np.ones_like(posterior.data.kpi))


def scaled_channel_outcome(
    posterior: Posterior, channel: int, multipliers: Sequence[float] | FloatArray, draws: slice = slice(None)
) -> FloatArray:
    """(J, S, G) outcome that one channel adds over the window when its media is scaled.

    The channel's media in every geo and week is multiplied by the same number, so its flighting stays as
    it was.  Much cheaper than J calls of `incremental_outcome`.

    Args:
        posterior: the fit.
        channel: index of the channel.
        multipliers: (J,) factors >= 0 of the observed media.
        draws: which draws; all of them by default.

    Raises:
        InputError: a negative or missing multiplier.
    """
    factors = np.asarray(multipliers, dtype=np.float64)
    if not np.all(np.isfinite(factors)) or np.any(factors < 0):
        raise InputError(f"Media multipliers are {factors.tolist()}; they must be finite and >= 0.")
    scaled = _scaled_media(posterior, None, channel)
    return _channel_sums(posterior, channel, scaled, posterior.data.outcome_per_kpi, factors, draws)


def channel_contribution(
    posterior: Posterior, channel: int, media: FloatArray | None = None
) -> Iterator[FloatArray]:
    """One (S, T) array per geo: KPI units per week that one channel adds.

    Raises:
        InputError: the plan has the wrong shape, or negative or missing values.
    """
    scaled = _scaled_media(posterior, media, channel)
    curve = _posterior_curve(posterior, channel)
    unit = posterior.scaling.kpi_sd * posterior.scaling.population
    beta = _draws(posterior, "beta_gm")[:, :, channel]
    for g in range(len(scaled)):
        yield _weekly_hill(scaled[g], curve, beta[:, g] * unit[g]).T


def media_contribution(posterior: Posterior, media: FloatArray | None = None) -> Iterator[FloatArray]:
    """One (S, T, M) array per geo: KPI units per week that each channel adds.

    Raises:
        InputError: the plan has the wrong shape, or negative or missing values.
    """
    channels = [channel_contribution(posterior, m, media) for m in range(len(posterior.data.channels))]
    for effects in zip(*channels, strict=True):
        yield np.stack([effect.T for effect in effects]).transpose(2, 1, 0)


def control_contribution(posterior: Posterior, controls: FloatArray | None = None) -> Iterator[FloatArray]:
    """One (S, T, K) array per geo: KPI units per week, relative to each control's mean.

    Args:
        posterior: the fit.
        controls: (G, T, K) control values; None for the observed ones.

    Raises:
        InputError: the controls have the wrong shape.
    """
    scaled = _scaled_controls(posterior, controls)
    gamma = _draws(posterior, "gamma_gc")
    unit = posterior.scaling.kpi_sd * posterior.scaling.population
    for g in range(len(scaled)):
        effect = scaled[g].T[:, :, None] * (gamma[:, g].T * unit[g])[:, None, :]
        yield effect.transpose(2, 1, 0)


def summed_control_contribution(
    posterior: Posterior, which: Sequence[int], controls: FloatArray | None = None
) -> Iterator[FloatArray]:
    """One (S, T) array per geo: KPI units per week of some controls together.

    Args:
        posterior: the fit.
        which: indices of the controls to add up; none of them gives zeros.
        controls: (G, T, K) control values; None for the observed ones.

    Raises:
        InputError: the controls have the wrong shape.
    """
    chosen = list(which)
    scaled = _scaled_controls(posterior, controls)[:, :, chosen]
    gamma = _draws(posterior, "gamma_gc")[:, :, chosen]
    unit = posterior.scaling.kpi_sd * posterior.scaling.population
    for g in range(len(scaled)):
        yield (scaled[g] @ (gamma[:, g].T * unit[g])).T


def baseline_contribution(posterior: Posterior) -> Iterator[FloatArray]:
    """One (S, T) array per geo: KPI units per week without media and with average controls."""
    scaling = posterior.scaling
    trend = knot_weights(posterior.spec.knots, len(posterior.data.dates)) @ _draws(posterior, "knot_values").T
    tau = _draws(posterior, "tau_g")
    for g, population in enumerate(scaling.population):
        yield (((trend + tau[:, g]) * scaling.kpi_sd + scaling.kpi_mean) * population).T


def expected_kpi_by_geo(
    posterior: Posterior, media: FloatArray | None = None, controls: FloatArray | None = None
) -> Iterator[FloatArray]:
    """One (S, T) array per geo: expected KPI per week, without noise; the sum of all contributions.

    Args:
        posterior: the fit.
        media: (G, T, M) media units per week; None for the observed media.
        controls: (G, T, K) control values; None for the observed ones.

    Raises:
        InputError: the plan or the controls have the wrong shape, or media is negative or missing.
    """
    channels = [channel_contribution(posterior, m, media) for m in range(len(posterior.data.channels))]
    which = range(len(posterior.data.controls))
    without_media = zip(
        baseline_contribution(posterior), summed_control_contribution(posterior, which, controls), strict=True
    )
    for baseline, control_effect in without_media:
        expected = baseline + control_effect
        for channel in channels:
            expected += next(channel)
        yield expected


def expected_kpi(
    posterior: Posterior, media: FloatArray | None = None, controls: FloatArray | None = None
) -> FloatArray:
    """(S, G, T) what `expected_kpi_by_geo` gives, all geos in memory at once (same arguments and errors)."""
    return np.stack([kpi.T for kpi in expected_kpi_by_geo(posterior, media, controls)]).transpose(2, 0, 1)


@dataclass(frozen=True)
class _Curve:
    """Adstock and saturation of one channel over its draws."""

    lag_weights: FloatArray
    """(L, S) adstock weights divided by the half-saturation, largest lag first."""
    slope: FloatArray | None
    """(S,) Hill slope; None where it is 1 in every draw."""

    @property
    def n_lags(self) -> int:
        return len(self.lag_weights)

    def odds(self, lagged: FloatArray, draws: slice) -> FloatArray:
        """(T, block) `(adstocked media / ec)^slope`, which is Hill / (1 - Hill)."""
        odds = lagged @ self.lag_weights[:, draws]
        if self.slope is not None:
            np.power(odds, self.slope[draws], out=odds)
        return np.asarray(odds)


def _curve(spec: ModelSpec, n_weeks: int, alpha: FloatArray, ec: FloatArray, slope: FloatArray) -> _Curve:
    weights = adstock_weights(alpha, spec.adstock[0], min(spec.max_lag_weeks, n_weeks - 1))
    lag_weights = np.ascontiguousarray((weights / ec[:, None]).T[::-1])
    return _Curve(lag_weights, None if np.all(slope == 1) else slope)


def _posterior_curve(posterior: Posterior, channel: int, draws: slice = slice(None)) -> _Curve:
    alpha, ec, slope = (_draws(posterior, name)[draws, channel] for name in ("alpha_m", "ec_m", "slope_m"))
    return _curve(posterior.spec, len(posterior.data.dates), alpha, ec, slope)


def _draws(posterior: Posterior, name: str) -> FloatArray:
    return np.asarray(posterior.stacked(name), dtype=np.float64)


def _lagged(series: FloatArray, n_lags: int) -> FloatArray:
    """(T, L) the series and its past, largest lag first, zero before the first week."""
    padded = np.concatenate([np.zeros(n_lags - 1), series])
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, n_lags))


def _blocks(n_weeks: int, n_lags: int, n_draws: int) -> Iterator[slice]:
    size = max(1, min(_BLOCK_VALUES, _BLOCK_PRODUCTS // n_lags) // n_weeks)
    return (slice(start, min(start + size, n_draws)) for start in range(0, n_draws, size))


def _media_plan(posterior: Posterior, media: FloatArray | None) -> FloatArray:
    if media is None:
        return posterior.data.media
    expected = posterior.data.media.shape
    if media.shape != expected:
        raise InputError(f"A media plan of shape {media.shape} was given; (geos, weeks, channels) is {expected}.")
    if not np.all(np.isfinite(media)) or np.any(media < 0):
        raise InputError("A media plan has negative or missing values; media must be finite and >= 0.")
    return np.asarray(media, dtype=np.float64)


def _scaled_media(posterior: Posterior, media: FloatArray | None, channel: int) -> FloatArray:
    """(G, T) media of one channel on the model's scale."""
    plan = _media_plan(posterior, media)
    return np.asarray(plan[:, :, channel] / posterior.scaling.media_scale[:, channel, None], dtype=np.float64)


def _scaled_controls(posterior: Posterior, controls: FloatArray | None) -> FloatArray:
    observed = posterior.data.control_values
    values = observed if controls is None else controls
    if values.shape != observed.shape:
        raise InputError(
            f"Controls of shape {values.shape} were given; (geos, weeks, controls) is {observed.shape}."
        )
    return posterior.scaling.scale_controls(values)


def _weekly_hill(series: FloatArray, curve: _Curve, effect: FloatArray | float = 1.0) -> FloatArray:
    """(T, S) saturated media of one geo and channel, times (S,) the effect of full saturation."""
    n_draws = curve.lag_weights.shape[1]
    lagged = _lagged(series, curve.n_lags)
    hill = np.empty((len(series), n_draws))
    for draws in _blocks(len(series), curve.n_lags, n_draws):
        odds = curve.odds(lagged, draws)
        np.divide(odds, odds + 1, out=hill[:, draws])
    hill *= effect
    return hill


def _incremental(posterior: Posterior, media: FloatArray | None, value: FloatArray) -> FloatArray:
    once = np.ones(1)
    sums = [
        _channel_sums(posterior, m, _scaled_media(posterior, media, m), value, once, slice(None))[0].T
        for m in range(len(posterior.data.channels))
    ]
    return np.stack(sums).transpose(2, 1, 0)


def _channel_sums(
    posterior: Posterior,
    channel: int,
    scaled_media: FloatArray,
    value: FloatArray,
    factors: FloatArray,
    draws: slice,
) -> FloatArray:
    """(J, S, G) effect of one channel summed over weeks, each week weighted by the value of a KPI unit.

    Scaling media by a factor multiplies the odds of the Hill function by `factor^slope`, so adstock is
    computed once for all factors.
    """
    curve = _posterior_curve(posterior, channel, draws)
    beta = _draws(posterior, "beta_gm")[draws, :, channel].T
    n_geos, n_weeks = scaled_media.shape
    sums = np.zeros((len(factors), n_geos, beta.shape[1]))
    for block in _blocks(n_weeks, curve.n_lags, beta.shape[1]):
        slope = 1.0 if curve.slope is None else curve.slope[block]
        scratch = np.empty((n_weeks, block.stop - block.start))
        inverse = [_inverse_power(factor, slope) for factor in factors]
        for g in range(n_geos):
            odds = curve.odds(_lagged(scaled_media[g], curve.n_lags), block)
            for j, shift in enumerate(inverse):
                np.add(odds, shift, out=scratch)
                np.divide(odds, scratch, out=scratch)
                sums[j, g, block] = value[g] @ scratch
    unit = posterior.scaling.kpi_sd * posterior.scaling.population
    sums *= beta * unit[:, None]
    return sums.transpose(0, 2, 1)


def _inverse_power(factor: float, slope: FloatArray | float) -> FloatArray:
    """`factor^-slope`: infinite for no media, never 0 (where no media would divide 0 by 0)."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        power = np.asarray(np.float64(factor) ** -np.asarray(slope), dtype=np.float64)
    return np.maximum(power, np.finfo(np.float64).tiny)
