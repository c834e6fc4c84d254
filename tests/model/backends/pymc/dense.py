"""The slow, obvious form of the likelihood: loops for the media, one dense covariance for the rest."""

from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.likelihood import Parameters
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec


@dataclass(frozen=True)
class Dense:
    """scaled KPI ~ Normal(mean, design @ prior_covariance @ design' + noise), geos one after the other."""

    kpi: FloatArray
    design: FloatArray
    """(G*T, C) of coefficients: tau of all geos but the largest, knots, gamma_c, deviations by geo."""
    prior_mean: FloatArray
    prior_sd: FloatArray
    media: FloatArray
    """(G*T,) media effect."""
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


def media_effects(
    data: ModelData, spec: ModelSpec, scaling: Scaling, parameters: Parameters
) -> tuple[FloatArray, FloatArray]:
    """(G, M) beta_gm and (G, T) summed effect on the model's scale, by loops."""
    alpha, ec, slope, roi, eta, z = (np.asarray(value) for value in parameters.media)
    n_geos, n_weeks, n_channels = data.media.shape
    scaled = data.media / scaling.media_scale[:, None, :]
    window = min(spec.max_lag_weeks + 1, n_weeks)
    hill = np.zeros_like(scaled)
    for g in range(n_geos):
        for m in range(n_channels):
            weights = [
                alpha[m] ** lag if spec.adstock[0] == "geometric" else (1 - lag / window) ** (1 / alpha[m] - 1)
                for lag in range(window)
            ]
            for t in range(n_weeks):
                stock = sum(weights[lag] * scaled[g, t - lag, m] for lag in range(window) if t >= lag)
                stock /= sum(weights)
                hill[g, t, m] = stock ** slope[m] / (stock ** slope[m] + ec[m] ** slope[m])
    beta = np.zeros((n_geos, n_channels))
    for m in range(n_channels):
        outcome = sum(
            np.exp(eta[m] * z[g, m])
            * hill[g, t, m]
            * data.population[g]
            * scaling.kpi_sd
            * data.outcome_per_kpi[g, t]
            for g in range(n_geos)
            for t in range(n_weeks)
        )
        beta_m = np.log(roi[m] * data.spend[:, :, m].sum()) - np.log(outcome)
        beta[:, m] = np.exp(beta_m + eta[m] * z[:, m])
    return beta, np.einsum("gm,gtm->gt", beta, hill)


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
    return Dense(
        kpi=scaling.scale_kpi(data.kpi).ravel(),
        design=np.stack(columns, axis=1),
        prior_mean=np.array(means),
        prior_sd=np.array(sds),
        media=media_effects(data, spec, scaling, parameters)[1].ravel(),
        noise_sd=np.repeat(np.asarray(parameters.sigma), n_weeks),
    )
