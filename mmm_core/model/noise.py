"""What the model leaves open about a week once its parameters are known.

`gaussian`: normal with sd `sigma_g * kpi_sd * population_g` around expected KPI.  `robust_log`:
log(KPI + 1) is Student-T with `nu` degrees of freedom and scale `sigma_g * kpi_sd` around mu.
"""

from collections.abc import Iterator

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import expected_kpi_by_geo, linear_predictor
from mmm_core.model.posterior import Posterior

_LARGEST_LOG = 700.0
"""log(KPI) beyond which a simulated KPI is cut, just below what a number can hold."""


def predictive_draws(posterior: Posterior) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Per geo (S, T) expected KPI, and the same with the noise of a week, in KPI units.

    The noise is seeded from the fit's seed, geo by geo.  Weeks that are not present are 0.
    """
    scaling, sigma = posterior.scaling, posterior.stacked("sigma") * posterior.scaling.kpi_sd
    for g, expected in enumerate(expected_kpi_by_geo(posterior)):
        rng = np.random.default_rng([posterior.info.seed, g])
        present = posterior.data.present[g][:, None]
        if posterior.spec.family == "robust_log":
            noise = rng.standard_t(posterior.stacked("nu"), expected.T.shape) * sigma[:, g]
            logs = np.minimum(np.log1p(expected.T) + noise, _LARGEST_LOG)
            drawn = np.expm1(logs) * present
        else:
            noise = rng.standard_normal(expected.T.shape) * (sigma[:, g] * scaling.population[g])
            drawn = expected.T + noise * present
        yield expected, drawn.T


def log_densities(posterior: Posterior) -> Iterator[FloatArray]:
    """Per geo (S, T) log density of the week's KPI, in KPI units; NaN where it is not known."""
    robust = posterior.spec.family == "robust_log"
    densities = _student_t_of_log(posterior) if robust else _normal(posterior)
    known = posterior.data.observed & posterior.data.present
    return (np.where(known[g], density, np.nan) for g, density in enumerate(densities))


def _normal(posterior: Posterior) -> Iterator[FloatArray]:
    kpi, scaling = posterior.data.kpi, posterior.scaling
    sd = posterior.stacked("sigma") * scaling.kpi_sd * scaling.population
    for g, expected in enumerate(expected_kpi_by_geo(posterior)):
        distance = (kpi[g] - expected) / sd[:, g, None]
        yield -0.5 * (distance**2 + np.log(2 * np.pi)) - np.log(sd[:, g, None])


def _student_t_of_log(posterior: Posterior) -> Iterator[FloatArray]:
    """Density of log(KPI + 1), times the derivative 1 / (KPI + 1) that takes it to KPI units."""
    from scipy.special import gammaln

    logs, scaling = np.log1p(posterior.data.kpi), posterior.scaling
    sigma, nu = posterior.stacked("sigma") * scaling.kpi_sd, posterior.stacked("nu")[:, None]
    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * nu)
    for g, mu in enumerate(linear_predictor(posterior)):
        distance = (logs[g] - scaling.kpi_mean - mu) / sigma[:, g, None]
        tail = np.log1p(distance**2 / nu) * (nu + 1) / 2
        yield constant - tail - np.log(sigma[:, g, None]) - logs[g]
