"""The specification as an ordinary PyMC model: nothing integrated out, no coordinates of our own.

Written for being read, not for speed: it is the peer that our sampler is measured against, and the oracle
that the collapsed model is checked with.  G geos, T weeks, P lead weeks, M channels, K controls, all in the
order of the data.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from mmm_core.config.prior_families import Family
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec

_DISTRIBUTIONS: dict[Family, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "uniform": (pm.Uniform, ("lower", "upper")),
    "beta": (pm.Beta, ("alpha", "beta")),
    "normal": (pm.Normal, ("mu", "sigma")),
    "half_normal": (pm.HalfNormal, ("sigma",)),
    "log_normal": (pm.LogNormal, ("mu", "sigma")),
    "truncated_normal": (pm.TruncatedNormal, ("mu", "sigma", "lower", "upper")),
    "exponential": (pm.Exponential, ("lam",)),
    "gamma": (pm.Gamma, ("alpha", "beta")),
}
_MORE_MEDIA = 1.01


@dataclass(frozen=True)
class _Curve:
    """Symbolic adstock and saturation parameters of one channel."""

    alpha: Any
    theta: Any
    ec: Any
    slope: Any


def build_reference_model(data: ModelData, spec: ModelSpec, scaling: Scaling) -> pm.Model:
    """A PyMC model whose variables have the canonical names (`PARAMETER_DIMS`).

    Raises:
        SpecificationError: the family is not gaussian.
    """
    if spec.family != "gaussian":
        raise SpecificationError(
            f"The reference model knows the gaussian family only, model.family is {spec.family}; use pymc."
        )
    with pm.Model() as model:
        curves = _curves(spec)
        sigma = _sigma(data, spec)
        saturated = _saturated(data, spec, scaling, curves, 1.0)
        beta_gm = _media_effects(data, spec, scaling, curves, saturated)
        media = sum(beta_gm[:, m, None] * saturated[m] for m in range(len(data.channels)))
        expected = _baseline(data, spec) + media + _controls(data, spec, scaling)
        geo, week = np.nonzero(data.observed)
        pm.Normal("kpi", mu=expected[geo, week], sigma=sigma[geo], observed=scaling.scale_kpi(data.kpi)[geo, week])
    return model


def _curves(spec: ModelSpec) -> list[_Curve]:
    columns = {
        "alpha_m": _channel_variable("alpha_m", spec.alpha),
        "theta_m": _channel_variable("theta_m", spec.lag_shape),
        "ec_m": _channel_variable("ec_m", spec.ec),
        "slope_m": _channel_variable("slope_m", spec.slope),
    }
    return [_Curve(*(values[m] for values in columns.values())) for m in range(len(spec.channels))]


def _sigma(data: ModelData, spec: ModelSpec) -> Any:
    """(G,) noise."""
    shape = (len(data.geos),) if spec.unique_sigma_for_each_geo else ()
    return pm.Deterministic(
        "sigma", pt.broadcast_to(_variable("sigma_free", spec.sigma, shape), (len(data.geos),))
    )


def _baseline(data: ModelData, spec: ModelSpec) -> Any:
    """(G, T) intercepts and trend."""
    n_geos, n_weeks = len(data.geos), len(data.dates)
    knots = pm.Deterministic("knot_values", _variable("knots_free", spec.knot_values, (len(spec.knots),)))
    between = np.array([np.interp(np.arange(n_weeks), spec.knots, unit) for unit in np.eye(len(spec.knots))]).T
    trend = pt.dot(pt.constant(between), knots)
    others = np.delete(np.arange(n_geos), np.argmax(data.population))
    tau = pt.zeros(n_geos)
    if len(others):
        tau = tau[others].set(_variable("tau_free", spec.tau, (len(others),)))
    return pm.Deterministic("tau_g", tau)[:, None] + trend[None, :]


def _controls(data: ModelData, spec: ModelSpec, scaling: Scaling) -> Any:
    """(G, T) effect of all controls."""
    n_geos, n_controls = len(data.geos), len(data.controls)
    if not n_controls:
        for name, shape in (("gamma_c", (0,)), ("xi_c", (0,)), ("gamma_gc", (n_geos, 0))):
            pm.Deterministic(name, pt.zeros(shape))
        return 0.0
    gamma = pm.Deterministic("gamma_c", _variable("gamma_free", spec.gamma, (n_controls,)))
    if data.is_national:
        xi, by_geo = pt.zeros(n_controls), gamma[None, :]
    else:
        xi = _variable("xi_free", spec.xi, (n_controls,))
        by_geo = gamma + xi * pm.Normal("gamma_z", shape=(n_geos, n_controls))
    pm.Deterministic("xi_c", xi)
    gamma_gc = pm.Deterministic("gamma_gc", by_geo)
    return (gamma_gc[:, None, :] * pt.constant(scaling.scale_controls(data.control_values))).sum(axis=2)


def _media_effects(
    data: ModelData, spec: ModelSpec, scaling: Scaling, curves: Sequence[_Curve], saturated: Sequence[Any]
) -> Any:
    """(G, M) effects, such that each channel's outcome is what its prior speaks of."""
    n_geos, n_channels = len(data.geos), len(data.channels)
    worth = pt.constant(scaling.unscale_effect(np.ones((n_geos, len(data.dates)))) * data.outcome_per_kpi)
    outcome = pt.stack([(worth * saturated[m]).sum(axis=1) for m in range(n_channels)], axis=1)
    effect = _channel_variable("effect", spec.effect)
    eta = pt.zeros(n_channels) if data.is_national else _variable("eta_free", spec.eta, (n_channels,))
    pm.Deterministic("eta_m", eta)
    deviation = pt.zeros((n_geos, n_channels))
    if not data.is_national:
        deviation = eta * pm.Normal("beta_z", shape=(n_geos, n_channels))
    more = outcome
    if "mroi" in spec.prior_types:
        raised = _saturated(data, spec, scaling, curves, _MORE_MEDIA)
        more = pt.stack([(worth * raised[m]).sum(axis=1) for m in range(n_channels)], axis=1)
    spend, total = data.spend.sum(axis=(0, 1)), float(np.nansum(data.kpi * data.outcome_per_kpi))
    beta_m, beta_gm = [], []
    for m, kind in enumerate(spec.prior_types):
        gained = more[:, m] - outcome[:, m] if kind == "mroi" else outcome[:, m]
        size = {"roi": spend[m], "mroi": (_MORE_MEDIA - 1) * spend[m], "contribution": total, "coefficient": 1.0}[
            kind
        ]
        centre = _centre(kind, spec, effect[m] * size, gained, deviation[:, m])
        beta_m.append(centre)
        beta_gm.append(
            pt.exp(centre + deviation[:, m]) if spec.media_effects == "log_normal" else centre + deviation[:, m]
        )
    pm.Deterministic("beta_m", pt.stack(beta_m))
    by_geo = pm.Deterministic("beta_gm", pt.stack(beta_gm, axis=1))
    paid = len(data.paid_channels)
    pm.Deterministic("roi_m", (by_geo * outcome).sum(axis=0)[:paid] / pt.constant(spend[:paid]))
    return by_geo


def _centre(kind: str, spec: ModelSpec, target: Any, outcome: Any, deviation: Any) -> Any:
    """`beta_m` at which the effects' outcome over all geos is the target."""
    if kind == "coefficient":
        return target
    if spec.media_effects == "log_normal":
        return pt.log(target) - pt.log((pt.exp(deviation) * outcome).sum())
    return (target - (deviation * outcome).sum()) / outcome.sum()


def _saturated(
    data: ModelData, spec: ModelSpec, scaling: Scaling, curves: Sequence[_Curve], factor: float
) -> list[Any]:
    """(G, T) adstocked and saturated media of each channel, all media multiplied by a factor."""
    media = factor * np.concatenate(
        [scaling.scale_media(data.lead_media), scaling.scale_media(data.media)], axis=1
    )
    last_lag = min(spec.max_lag_weeks, media.shape[1] - 1)
    out = []
    for m, (kind, curve) in enumerate(zip(data.channel_kinds, curves, strict=True)):
        weights = _weights(spec, m, curve, last_lag)
        lagged = pt.constant(_lagged(media[:, :, m], len(data.dates), last_lag))
        if kind == "reach_frequency":
            frequency = np.concatenate([_frequency(data.lead_frequency, m), _frequency(data.frequency, m)], axis=1)
            contacts = pt.constant(_lagged(frequency, len(data.dates), last_lag))
            out.append(pt.tensordot(weights, lagged * _saturation(spec.saturation[m], contacts, curve), 1))
        elif spec.hill_before_adstock:
            out.append(pt.tensordot(weights, _saturation(spec.saturation[m], lagged, curve), 1))
        else:
            out.append(_saturation(spec.saturation[m], pt.tensordot(weights, lagged, 1), curve))
    return out


def _frequency(values: FloatArray | None, channel: int) -> FloatArray:
    if values is None:
        raise SpecificationError("A reach_frequency channel has no frequency; map data.channel_map.*.frequency.")
    return values[:, :, channel]


def _lagged(series: FloatArray, n_weeks: int, last_lag: int) -> FloatArray:
    """(L + 1, G, T) the last T weeks, 0 ... L weeks earlier; before the first week there is nothing."""
    padded = np.concatenate([np.zeros((len(series), last_lag)), series], axis=1)
    end = padded.shape[1]
    return np.stack([padded[:, end - n_weeks - lag : end - lag] for lag in range(last_lag + 1)])


def _weights(spec: ModelSpec, channel: int, curve: _Curve, last_lag: int) -> Any:
    """(L + 1,) adstock weights, summing to 1."""
    lags = np.arange(last_lag + 1, dtype=np.float64)
    kind, alpha, theta = spec.adstock[channel], curve.alpha, curve.theta
    if kind == "geometric":
        weights = alpha**lags
    elif kind == "binomial":
        weights = (1 - lags / (last_lag + 1)) ** (1 / alpha - 1)
    elif kind == "delayed":
        weights = alpha ** ((lags - theta) ** 2)
    else:
        weights = alpha ** pt.concatenate([pt.zeros(1), lags[1:] ** theta])
    return weights / weights.sum()


def _saturation(kind: str, x: Any, curve: _Curve) -> Any:
    """Half of the largest effect at `ec`, where there is a largest effect."""
    if kind == "none":
        return x
    if kind == "logistic":
        decay = pt.exp(-np.log(3.0) / curve.ec * x)
        return (1 - decay) / (1 + decay)
    if kind == "michaelis_menten":
        return x / (x + curve.ec)
    # x^s / (x^s + ec^s) through logarithms, away from weeks without media.
    active = pt.switch(x > 0, x, 1.0)
    return pt.switch(x > 0, pt.sigmoid(curve.slope * (pt.log(active) - pt.log(curve.ec))), 0.0)


def _channel_variable(name: str, priors: Sequence[Prior]) -> Any:
    """(M,) Deterministic of that name; channels of one prior family share a random variable."""
    positions: dict[Family, list[int]] = defaultdict(list)
    for position, prior in enumerate(priors):
        positions[prior.family].append(position)
    assembled = pt.zeros(len(priors))
    for family, where in positions.items():
        values = np.array([priors[position].parameters for position in where])
        assembled = assembled[where].set(_declare(f"{name}_{family}", family, values))
    return pm.Deterministic(name, assembled)


def _variable(name: str, prior: Prior, shape: tuple[int, ...]) -> Any:
    return _declare(name, prior.family, np.broadcast_to(prior.parameters, (*shape, len(prior.parameters))))


def _declare(name: str, family: Family, values: FloatArray) -> Any:
    """Independent entries of one family; `values` is (..., number of the family's parameters)."""
    columns = list(np.moveaxis(np.asarray(values, dtype=np.float64), -1, 0))
    if family == "deterministic":
        return pt.constant(columns[0])
    if family == "shifted_log_normal":
        mu, sigma, shift = columns
        return shift + pm.LogNormal(name, mu=mu, sigma=sigma, shape=mu.shape)
    distribution, names = _DISTRIBUTIONS[family]
    return distribution(name, **dict(zip(names, columns, strict=True)), shape=columns[0].shape)
