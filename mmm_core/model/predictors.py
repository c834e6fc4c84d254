"""Terms of the forward model per geo, and what they are worth in KPI units (formulas: `model.forward`).

Sizes: S draws, G geos, T weeks, M channels, K controls.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mmm_core.errors import InputError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.knot_weights import knot_weights
from mmm_core.model.media_response import ChannelDraws, MediaResponse, MediaSeries, media_response
from mmm_core.model.posterior import Posterior

Units = Sequence[FloatArray]
"""Per geo, KPI units that a unit of mu is worth: (1, 1), (T, 1) or (T, S)."""


def effect_units(
    posterior: Posterior, media: FloatArray | None = None, controls: FloatArray | None = None
) -> Units:
    """Per geo, what one unit of mu is worth in KPI units: an array that broadcasts to (T, S); 0 where absent.

    Only in the `robust_log` family it depends on draws and on the plan; there it takes as long as
    `expected_kpi_by_geo` and G x T x S numbers, so pass it on where several contributions are needed.

    Args:
        posterior: the fit.
        media: (G, T, M) media units per week; None for the observed media.
        controls: (G, T, K) control values; None for the observed ones.

    Raises:
        InputError: the plan or the controls have the wrong shape, or media is negative or missing.
    """
    scaling, present = posterior.scaling, posterior.data.present
    if posterior.spec.family == "robust_log":
        return [
            logarithmic_mean(base + scaling.kpi_mean, mu - base) * present[g][:, None]
            for g, (mu, base) in enumerate(predictors(posterior, media, controls))
        ]
    units = scaling.kpi_sd * scaling.population
    return [
        np.full((1, 1), unit) if present[g].all() else unit * present[g][:, None] for g, unit in enumerate(units)
    ]


def in_kpi_units(posterior: Posterior, geo: int, mu: FloatArray) -> FloatArray:
    """(T, S) expected KPI from mu, 0 where absent; overwrites its argument."""
    scaling, present = posterior.scaling, posterior.data.present[geo]
    if posterior.spec.family == "robust_log":
        mu += scaling.kpi_mean
        np.expm1(mu, out=mu)
    else:
        mu *= scaling.kpi_sd * scaling.population[geo]
        mu += scaling.kpi_mean * scaling.population[geo]
    if not present.all():
        mu[~present] = 0
    return mu


def predictors(
    posterior: Posterior, media: FloatArray | None, controls: FloatArray | None
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Per geo (T, S) mu without media and with reference controls, and with all of them."""
    data, gamma = posterior.data, stacked_draws(posterior, "gamma_gc")
    every_media = [channel_terms(posterior, m, media) for m in range(len(data.channels))]
    scaled = counted_controls(posterior, controls)
    for g, base in enumerate(base_predictors(posterior)):
        mu = scaled[g] @ gamma[:, g].T
        mu += base
        for terms in every_media:
            mu += next(terms)
        yield base, mu


def base_predictors(posterior: Posterior) -> Iterator[FloatArray]:
    """Per geo (T, S) mu without media and with reference controls."""
    trend = (
        knot_weights(posterior.spec.knots, len(posterior.data.dates)) @ stacked_draws(posterior, "knot_values").T
    )
    at_reference = stacked_draws(posterior, "gamma_gc") @ _control_reference(posterior)
    intercept = stacked_draws(posterior, "tau_g") + at_reference
    return (trend + intercept[:, g] for g in range(len(posterior.data.geos)))


def channel_terms(
    posterior: Posterior, channel: int, media: FloatArray | None, units: Units | None = None
) -> Iterator[FloatArray]:
    """Per geo (T, S) term of mu of one channel; in KPI units where `units` are given."""
    response = channel_response(posterior, channel)
    beta = stacked_draws(posterior, "beta_gm")[:, :, channel]
    for g, series in enumerate(channel_series(posterior, channel, media)):
        term = response.weekly(series)
        unit = np.ones((1, 1)) if units is None else units[g]
        if unit.size == 1:
            term *= beta[:, g] * unit
        else:
            term *= beta[:, g]
            term *= unit
        yield term


def channel_response(posterior: Posterior, channel: int, draws: slice = slice(None)) -> MediaResponse:
    """Adstock and saturation of one channel, for some of the draws."""
    data = posterior.data
    alpha, theta, ec, slope = (
        stacked_draws(posterior, name)[draws, channel] for name in ("alpha_m", "theta_m", "ec_m", "slope_m")
    )
    return media_response(
        posterior.spec,
        channel,
        data.channel_kinds[channel],
        len(data.dates),
        data.lead_media.shape[1],
        ChannelDraws(alpha, theta, ec, slope),
    )


def stacked_draws(posterior: Posterior, name: str) -> FloatArray:
    """(S, ...) draws of one parameter in double precision."""
    return np.asarray(posterior.stacked(name), dtype=np.float64)


def channel_series(posterior: Posterior, channel: int, media: FloatArray | None) -> list[MediaSeries]:
    """Per geo, media of one channel under a plan, after the observed media of the weeks before."""
    data = posterior.data
    plan = _media_plan(posterior, media)[:, :, channel]
    reach = np.concatenate([data.lead_media[:, :, channel], plan], axis=1)
    reach = reach / posterior.scaling.media_scale[:, channel, None]
    if data.frequency is None or data.channel_kinds[channel] != "reach_frequency":
        return [MediaSeries(one) for one in reach]
    lead = np.ones(data.lead_media.shape) if data.lead_frequency is None else data.lead_frequency
    frequency = np.concatenate([lead[:, :, channel], data.frequency[:, :, channel]], axis=1)
    return [MediaSeries(one, of_reached) for one, of_reached in zip(reach, frequency, strict=True)]


def _media_plan(posterior: Posterior, media: FloatArray | None) -> FloatArray:
    if media is None:
        return posterior.data.media
    expected = posterior.data.media.shape
    if media.shape != expected:
        raise InputError(f"A media plan of shape {media.shape} was given; (geos, weeks, channels) is {expected}.")
    if not np.all(np.isfinite(media)) or np.any(media < 0):
        raise InputError("A media plan has negative or missing values; media must be finite and >= 0.")
    return np.asarray(media, dtype=np.float64)


def counted_controls(posterior: Posterior, controls: FloatArray | None) -> FloatArray:
    """(G, T, K) scaled controls, each from the value that it counts from."""
    observed = posterior.data.control_values
    values = observed if controls is None else controls
    if values.shape != observed.shape:
        raise InputError(
            f"Controls of shape {values.shape} were given; (geos, weeks, controls) is {observed.shape}."
        )
    return posterior.scaling.scale_controls(values) - _control_reference(posterior)


def _control_reference(posterior: Posterior) -> FloatArray:
    """(K,) scaled value from which each control counts: its mean, a non-media treatment's smallest."""
    data = posterior.data
    treatments = np.array([role == "non_media_treatment" for role in data.control_roles], dtype=bool)
    if not treatments.any():
        return np.zeros(len(data.controls))
    scaled = posterior.scaling.scale_controls(data.control_values)
    return np.where(treatments, scaled[data.present].min(axis=0), 0.0)


def logarithmic_mean(base: FloatArray, change: FloatArray) -> FloatArray:
    """`(exp(base + change) - exp(base)) / change`, and its limit `exp(base)` where nothing changes."""
    there = change != 0
    ratio = np.divide(np.expm1(change), change, out=np.ones_like(change), where=there)
    return np.asarray(np.exp(base) * ratio, dtype=np.float64)
