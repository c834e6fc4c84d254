"""The forward model: expected KPI under a media plan, per posterior draw, from the saved posterior alone.

Contributions, returns, response curves and budgets are all differences of this one function.

    mu[g, t] = tau_g + sum_j knot_weight[t, j] * knot_value_j + sum_k gamma_gk * z[g, t, k]
               + sum_m beta_gm * saturated[g, t, m]

`saturated` is adstock and saturation of scaled media (`media_response`); media of the weeks before the
window carries over into it.  Expected KPI is `(mu * kpi_sd + kpi_mean) * population_g`, and a term of mu
contributes itself times `kpi_sd * population_g`.  In the `robust_log` family expected KPI is
`exp(mu + kpi_mean) - 1` (the median), and a term contributes itself times the logarithmic mean of
`exp(mu + kpi_mean)` with and without media and controls, so that contributions add up exactly.

Controls count from their mean in the fit, non-media treatments from their smallest value in the data at
hand; the baseline holds the rest.  In weeks that are not `present` everything is 0.

The data need not be those that were fitted: `dataclasses.replace(posterior, data=other)` predicts any
panel with the same geos, channels and controls that starts in the same week as the fitted one (knots are
counted from there; the trend is flat after the last).

Sizes: S draws (chains one after the other), G geos, T weeks, P weeks before them, M channels, K controls.
Weekly draws come geo by geo, because all of them together may not fit into memory; their arrays are views
in which the draws of one week lie next to each other, so quantiles over draws are cheap.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mmm_core.errors import InputError
from mmm_core.features.model_data import ChannelKind, FloatArray
from mmm_core.model.adstock import adstock_weights
from mmm_core.model.knot_weights import knot_weights
from mmm_core.model.media_response import ChannelDraws, MediaSeries, media_response
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.model.predictors import (
    Units,
    base_predictors,
    channel_response,
    channel_series,
    channel_terms,
    counted_controls,
    effect_units,
    in_kpi_units,
    predictors,
    stacked_draws,
)

__all__ = [
    "Units",
    "adstock_weights",
    "baseline_contribution",
    "channel_contribution",
    "control_contribution",
    "effect_units",
    "expected_kpi",
    "expected_kpi_by_geo",
    "incremental_kpi",
    "incremental_outcome",
    "knot_weights",
    "linear_predictor",
    "media_contribution",
    "scaled_channel_outcome",
    "summed_control_contribution",
    "transform_media",
]


def transform_media(
    spec: ModelSpec,
    scaled_media: FloatArray,
    alpha: FloatArray,
    ec: FloatArray,
    slope: FloatArray,
    theta: FloatArray | None = None,
    *,
    kinds: Sequence[ChannelKind] = (),
    frequency: FloatArray | None = None,
    n_lead: int = 0,
) -> FloatArray:
    """(S, G, T, M) adstocked and saturated media, all in memory at once.

    Args:
        spec: families, largest lag, order of adstock and saturation.
        scaled_media: (G, P + T, M) media on the model's scale, >= 0.
        alpha: (S, M) decay.
        ec: (S, M) half-saturation, in units of scaled media (or of frequency).
        slope: (S, M) Hill slope.
        theta: (S, M) second adstock parameter; None: 0.
        kinds: (M,) kind of each channel; left out: all `media`.
        frequency: (G, P + T, M) frequency; None where no channel is `reach_frequency`.
        n_lead: P, weeks before the window.
    """
    n_geos, n_all, n_channels = scaled_media.shape
    n_weeks = n_all - n_lead
    theta = np.zeros_like(alpha) if theta is None else theta
    transformed = np.empty((n_channels, n_geos, n_weeks, len(alpha)))
    for m in range(n_channels):
        kind = kinds[m] if kinds else "media"
        draws = ChannelDraws(alpha[:, m], theta[:, m], ec[:, m], slope[:, m])
        response = media_response(spec, m, kind, n_weeks, n_lead, draws)
        for g in range(n_geos):
            of_reached = None if frequency is None else frequency[g, :, m]
            transformed[m, g] = response.weekly(MediaSeries(scaled_media[g, :, m], of_reached))
    return transformed.transpose(3, 1, 2, 0)


def incremental_outcome(
    posterior: Posterior, media: FloatArray | None = None, units: Units | None = None
) -> FloatArray:
    """(S, G, M) outcome that each channel adds over the whole window under a media plan.

    In revenue where it is known, otherwise in KPI units (`ModelData.outcome_per_kpi`).  Divided by spend
    it is the model's ROI.

    Args:
        posterior: the fit.
        media: (G, T, M) media units per week; None for the observed media.
        units: `effect_units(posterior, media)`, where it is there already.

    Raises:
        InputError: the plan has the wrong shape, or negative or missing values.
    """
    return _incremental(posterior, media, posterior.data.outcome_per_kpi, units)


def incremental_kpi(
    posterior: Posterior, media: FloatArray | None = None, units: Units | None = None
) -> FloatArray:
    """(S, G, M) like `incremental_outcome`, in KPI units."""
    return _incremental(posterior, media, np.ones_like(posterior.data.kpi), units)


def scaled_channel_outcome(
    posterior: Posterior,
    channel: int,
    multipliers: Sequence[float] | FloatArray,
    draws: slice = slice(None),
    units: Units | None = None,
    scale_lead: bool = True,
) -> FloatArray:
    """(J, S, G) outcome that one channel adds over the window when its media is scaled.

    The channel's media (reach where there is frequency) in every geo and week, and in the weeks before
    the window, is multiplied by the same number, so its flighting stays as it was.  Where the past stays
    (`scale_lead=False`), what it carries over into the window is part of every outcome, so that the
    outcome of the window's own media is that of a multiplier less that of 0.  Much cheaper than J
    calls of `incremental_outcome`.  In the `robust_log` family the worth of an effect is held at that of
    the observed plan, so the curve is the channel's own saturation (an approximation: in that family
    channels multiply each other, which a curve per channel cannot show).

    Args:
        posterior: the fit.
        channel: index of the channel.
        multipliers: (J,) factors >= 0 of the observed media.
        draws: which draws; all of them by default.
        units: `effect_units(posterior)` of all draws, where it is there already.
        scale_lead: False: media before the window stays as it was, only the window's is multiplied.

    Raises:
        InputError: a negative or missing multiplier.
    """
    factors = np.asarray(multipliers, dtype=np.float64)
    if not np.all(np.isfinite(factors)) or np.any(factors < 0):
        raise InputError(f"Media multipliers are {factors.tolist()}; they must be finite and >= 0.")
    units = effect_units(posterior) if units is None else units
    value = posterior.data.outcome_per_kpi
    return _channel_sums(posterior, channel, None, value, units, factors, draws, scale_lead)


def channel_contribution(
    posterior: Posterior, channel: int, media: FloatArray | None = None, units: Units | None = None
) -> Iterator[FloatArray]:
    """One (S, T) array per geo: KPI units per week that one channel adds.

    Args:
        posterior: the fit.
        channel: index of the channel.
        media: (G, T, M) media units per week; None for the observed media.
        units: `effect_units(posterior, media)`, where it is there already.

    Raises:
        InputError: the plan has the wrong shape, or negative or missing values.
    """
    units = effect_units(posterior, media) if units is None else units
    for term in channel_terms(posterior, channel, media, units):
        yield term.T


def media_contribution(posterior: Posterior, media: FloatArray | None = None) -> Iterator[FloatArray]:
    """One (S, T, M) array per geo: KPI units per week that each channel adds.

    Raises:
        InputError: the plan has the wrong shape, or negative or missing values.
    """
    units = effect_units(posterior, media)
    channels = [channel_contribution(posterior, m, media, units) for m in range(len(posterior.data.channels))]
    for effects in zip(*channels, strict=True):
        yield np.stack([effect.T for effect in effects]).transpose(2, 1, 0)


def control_contribution(
    posterior: Posterior, controls: FloatArray | None = None, units: Units | None = None
) -> Iterator[FloatArray]:
    """One (S, T, K) array per geo: KPI units per week, relative to each control's mean (a non-media
    treatment's smallest value).

    Args:
        posterior: the fit.
        controls: (G, T, K) control values; None for the observed ones.
        units: `effect_units(posterior, controls=controls)`, where it is there already.

    Raises:
        InputError: the controls have the wrong shape.
    """
    units = effect_units(posterior, controls=controls) if units is None else units
    every = range(len(posterior.data.controls))
    single = [summed_control_contribution(posterior, [k], controls, units) for k in every]
    for effects in zip(*single, strict=True) if single else ():
        yield np.stack([effect.T for effect in effects]).transpose(2, 1, 0)
    if not single:
        yield from (np.zeros((posterior.n_draws, len(present), 0)) for present in posterior.data.present)


def summed_control_contribution(
    posterior: Posterior, which: Sequence[int], controls: FloatArray | None = None, units: Units | None = None
) -> Iterator[FloatArray]:
    """One (S, T) array per geo: KPI units per week of some controls together.

    Args:
        posterior: the fit.
        which: indices of the controls to add up; none of them gives zeros.
        controls: (G, T, K) control values; None for the observed ones.
        units: `effect_units(posterior, controls=controls)`, where it is there already.

    Raises:
        InputError: the controls have the wrong shape.
    """
    chosen = list(which)
    units = effect_units(posterior, controls=controls) if units is None else units
    scaled = counted_controls(posterior, controls)[:, :, chosen]
    gamma = stacked_draws(posterior, "gamma_gc")[:, :, chosen]
    for g, unit in enumerate(units):
        yield (scaled[g] @ gamma[:, g].T * unit).T


def baseline_contribution(posterior: Posterior) -> Iterator[FloatArray]:
    """One (S, T) array per geo: KPI units per week without media, with average controls and with non-media
    treatments at their smallest."""
    for g, base in enumerate(base_predictors(posterior)):
        yield in_kpi_units(posterior, g, base).T


def linear_predictor(
    posterior: Posterior, media: FloatArray | None = None, controls: FloatArray | None = None
) -> Iterator[FloatArray]:
    """One (S, T) array per geo: mu, on the model's scale (see the module), absent weeks included.

    Args:
        posterior: the fit.
        media: (G, T, M) media units per week; None for the observed media.
        controls: (G, T, K) control values; None for the observed ones.

    Raises:
        InputError: the plan or the controls have the wrong shape, or media is negative or missing.
    """
    return (mu.T for _, mu in predictors(posterior, media, controls))


def expected_kpi_by_geo(
    posterior: Posterior, media: FloatArray | None = None, controls: FloatArray | None = None
) -> Iterator[FloatArray]:
    """One (S, T) array per geo: expected KPI per week, without noise; the sum of all contributions.

    Args and errors as `linear_predictor`.
    """
    for g, (_, mu) in enumerate(predictors(posterior, media, controls)):
        yield in_kpi_units(posterior, g, mu).T


def expected_kpi(
    posterior: Posterior, media: FloatArray | None = None, controls: FloatArray | None = None
) -> FloatArray:
    """(S, G, T) what `expected_kpi_by_geo` gives, all geos in memory at once (same arguments and errors)."""
    return np.stack([kpi.T for kpi in expected_kpi_by_geo(posterior, media, controls)]).transpose(2, 0, 1)


def _incremental(
    posterior: Posterior, media: FloatArray | None, value: FloatArray, units: Units | None
) -> FloatArray:
    once, every = np.ones(1), range(len(posterior.data.channels))
    units = effect_units(posterior, media) if units is None else units
    sums = [_channel_sums(posterior, m, media, value, units, once, slice(None))[0].T for m in every]
    return np.stack(sums).transpose(2, 1, 0)


def _channel_sums(
    posterior: Posterior,
    channel: int,
    media: FloatArray | None,
    value: FloatArray,
    units: Units,
    factors: FloatArray,
    draws: slice,
    scale_lead: bool = True,
) -> FloatArray:
    """(J, S, G) effect of one channel summed over weeks, each week weighted by the value of a KPI unit."""
    worth = [_weekly_worth(of_geo, unit, draws) for of_geo, unit in zip(value, units, strict=True)]
    response = channel_response(posterior, channel, draws)
    sums = response.summed(channel_series(posterior, channel, media), worth, factors, scale_lead)
    sums *= stacked_draws(posterior, "beta_gm")[draws, :, channel].T
    return sums.transpose(0, 2, 1)


def _weekly_worth(value: FloatArray, unit: FloatArray, draws: slice) -> FloatArray:
    """(T,) or (T, S) outcome of a unit of mu in each week."""
    if unit.shape[1] == 1:
        return value * unit[:, 0]
    return np.asarray(value[:, None] * unit[:, draws])
