"""The slow, obvious form of the likelihood: loops for the media, one dense covariance for the rest."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.likelihood import Parameters
from mmm_core.model.backends.pymc.media import MediaParameters
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec


@dataclass(frozen=True)
class Dense:
    """scaled KPI ~ Normal(mean, design @ prior_covariance @ design' + noise), geos one after the other.

    N cells in which the KPI is known.
    """

    kpi: FloatArray
    """(N,)"""
    design: FloatArray
    """(N, C) of coefficients: tau of all geos but the largest, knots, gamma_c, deviations by geo."""
    prior_mean: FloatArray
    prior_sd: FloatArray
    media: FloatArray
    """(N,) media effect."""
    noise_sd: FloatArray

    @property
    def mean(self) -> FloatArray:
        return self.media + self.design @ self.prior_mean

    @property
    def covariance(self) -> FloatArray:
        return self.design @ np.diag(self.prior_sd**2) @ self.design.T + np.diag(self.noise_sd**2)

    def conditional(self) -> tuple[FloatArray, FloatArray]:
        """Mean and covariance of the coefficients given the KPI."""
        active = self.prior_sd > 0
        design, sd = self.design[:, active], self.prior_sd[active]
        precision = design.T @ (design / self.noise_sd[:, None] ** 2) + np.diag(sd**-2)
        covariance = np.linalg.inv(precision)
        right = design.T @ ((self.kpi - self.media) / self.noise_sd**2) + self.prior_mean[active] / sd**2
        return covariance @ right, covariance


def adstock_weight(family: str, lag: int, window: int, alpha: float, theta: float) -> float:
    """Not normalised."""
    if family == "binomial":
        return float((1 - lag / window) ** (1 / alpha - 1))
    exponent = {"geometric": lag, "delayed": (lag - theta) ** 2, "weibull": 0 if lag == 0 else lag**theta}
    return float(alpha ** exponent[family])


def saturated(family: str, media: float, ec: float, slope: float) -> float:
    if family == "none":
        return media
    if family == "logistic":
        rate = math.log(3) / ec
        return (1 - math.exp(-rate * media)) / (1 + math.exp(-rate * media))
    exponent = slope if family == "hill" else 1.0
    return media**exponent / (media**exponent + ec**exponent)


def transformed_media(
    data: ModelData,
    spec: ModelSpec,
    scaling: Scaling,
    media: MediaParameters,
    factor: float = 1.0,
    only: int | None = None,
) -> FloatArray:
    """(G, T, M) adstocked and saturated media, all media times `factor`, by loops over everything.

    Other channels than `only` are left at 0.
    """
    alpha, ec, slope, theta = (np.asarray(value) for value in media[:4])
    n_geos, n_weeks, n_channels = data.media.shape
    series = np.concatenate([data.lead_media, data.media], axis=1) / scaling.media_scale[:, None, :] * factor
    n_lead = data.lead_media.shape[1]
    window = min(spec.max_lag_weeks, n_weeks + n_lead - 1) + 1
    result = np.zeros((n_geos, n_weeks, n_channels))
    for m in range(n_channels) if only is None else [only]:
        weights = [adstock_weight(spec.adstock[m], lag, window, alpha[m], theta[m]) for lag in range(window)]
        curve = partial(saturated, spec.saturation[m], ec=ec[m], slope=slope[m])
        is_rf = data.channel_kinds[m] == "reach_frequency"
        for g in range(n_geos):
            if is_rf:
                frequency = np.concatenate([data.lead_frequency[g, :, m], data.frequency[g, :, m]])
                weekly = [reach * curve(often) for reach, often in zip(series[g, :, m], frequency, strict=True)]
            else:
                weekly = [curve(x) if spec.hill_before_adstock else x for x in series[g, :, m]]
            for t in range(n_weeks):
                now = t + n_lead
                stock = sum(weights[lag] * weekly[now - lag] for lag in range(window) if now >= lag) / sum(weights)
                result[g, t, m] = stock if is_rf or spec.hill_before_adstock else curve(stock)
    return result


def prior_quantity(
    data: ModelData, spec: ModelSpec, scaling: Scaling, media: MediaParameters, beta: FloatArray, m: int
) -> float:
    """ROI, mROI or share of the outcome of a channel under (G, M) effects, straight from the definitions."""

    def outcome(factor: float) -> float:
        curves = transformed_media(data, spec, scaling, media, factor, m)[:, :, m]
        per_week = beta[:, m, None] * curves * scaling.kpi_sd * data.population[:, None] * data.outcome_per_kpi
        return float(per_week.sum())

    spend = data.spend[:, :, m].sum()
    if spec.prior_types[m] == "mroi":
        return (outcome(1.01) - outcome(1.0)) / (0.01 * spend)
    if spec.prior_types[m] == "contribution":
        return outcome(1.0) / float(np.nansum(data.kpi * data.outcome_per_kpi))
    return outcome(1.0) / spend


def media_effects(
    data: ModelData, spec: ModelSpec, scaling: Scaling, parameters: Parameters
) -> tuple[FloatArray, FloatArray]:
    """(G, M) beta_gm and (G, T) summed effect on the model's scale."""
    media = parameters.media
    effect, eta, z = (np.asarray(value) for value in media[4:])
    beta = np.zeros_like(z)
    for m in range(len(data.channels)):

        def quantity(beta_m: float, m: int = m) -> float:
            by_geo = np.zeros_like(z)
            by_geo[:, m] = beta_of(beta_m, m)
            return prior_quantity(data, spec, scaling, media, by_geo, m)

        def beta_of(beta_m: float, m: int = m) -> FloatArray:
            if spec.media_effects == "normal":
                return np.asarray(beta_m + eta[m] * z[:, m])
            return np.exp(beta_m + eta[m] * z[:, m])

        # The quantity is linear in beta_m, or in its exponential.
        if spec.prior_types[m] == "coefficient":
            beta_m = float(effect[m])
        elif spec.media_effects == "normal":
            at_zero = quantity(0.0)
            beta_m = (effect[m] - at_zero) / (quantity(1.0) - at_zero)
        else:
            beta_m = float(np.log(effect[m] / quantity(0.0)))
        beta[:, m] = beta_of(beta_m)
    curves = transformed_media(data, spec, scaling, media)
    return beta, np.einsum("gm,gtm->gt", beta, curves)


def dense_model(data: ModelData, spec: ModelSpec, scaling: Scaling, parameters: Parameters) -> Dense:
    """Write the whole linear part out as one design matrix."""
    n_geos, n_weeks = data.kpi.shape
    controls = scaling.scale_controls(data.control_values)
    xi = np.asarray(parameters.xi)
    columns, means, sds = [], [], []

    def add(column: FloatArray, mean: float, sd: float) -> None:
        columns.append(column.ravel())
        means.append(mean)
        sds.append(sd)

    for g in range(n_geos):
        if not data.is_national and g != int(np.argmax(data.population)):
            column = np.zeros((n_geos, n_weeks))
            column[g] = 1
            add(column, *spec.tau.parameters)
    for unit in np.eye(len(spec.knots)):
        add(np.tile(np.interp(np.arange(n_weeks), spec.knots, unit), (n_geos, 1)), *spec.knot_values.parameters)
    for k in range(len(data.controls)):
        add(controls[:, :, k], *spec.gamma.parameters)
    for g in range(n_geos):
        for k in range(len(data.controls)):
            column = np.zeros((n_geos, n_weeks))
            column[g] = controls[g, :, k]
            add(column, 0.0, 0.0 if data.is_national else float(xi[k]))
    known = np.isfinite(data.kpi.ravel())
    return Dense(
        kpi=scaling.scale_kpi(data.kpi).ravel()[known],
        design=np.stack(columns, axis=1)[known],
        prior_mean=np.array(means),
        prior_sd=np.array(sds),
        media=media_effects(data, spec, scaling, parameters)[1].ravel()[known],
        noise_sd=np.repeat(np.asarray(parameters.sigma), n_weeks)[known],
    )
