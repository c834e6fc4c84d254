"""Log densities of a posterior's draws, by what they come from: priors of media, of the rest, and the data.

Densities are those of the scale on which a prior's family is simplest (the logarithm for log-normal ones), so
that a prior to a power is one of the same family and median, only narrower or wider.  Priors of single geos given
their common mean and spread are not counted: to scale those at the same time would count one belief twice
(Kallioinen et al. 2023, section 2.5).
"""

from collections.abc import Iterator

import numpy as np

from mmm_core.evaluation.plausibility import effects_with_priors
from mmm_core.features.model_data import FloatArray
from mmm_core.model.lift import lift_draws
from mmm_core.model.noise import log_densities
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior

_TINY = 1e-12
"""Distance to an end of the support at which a draw (in single precision, on the end itself) is taken to be."""


def media_log_prior(posterior: Posterior) -> FloatArray:
    """(S,) log prior density of carryover, saturation, size and spread of media effects."""
    return _summed(posterior, _media_parts(posterior))


def baseline_log_prior(posterior: Posterior) -> FloatArray:
    """(S,) log prior density of knots, geo intercepts, control effects and noise."""
    return _summed(posterior, _baseline_parts(posterior))


def log_likelihood(posterior: Posterior) -> FloatArray:
    """(S,) log density of all known KPI values, and of the experiments in the model's likelihood."""
    total = np.zeros(posterior.n_draws)
    for weekly in log_densities(posterior):
        total += np.nansum(weekly, axis=1)
    for test in posterior.spec.lift_tests:
        total += -0.5 * ((test.measured - lift_draws(posterior, test)) / test.sd) ** 2
    return total


def log_density(prior: Prior, values: FloatArray) -> FloatArray:
    """Log density of values under a prior, on the scale of its family (see the module), up to a constant."""
    if prior.family in ("log_normal", "shifted_log_normal"):
        mu, sigma = prior.parameters[:2]
        above = np.maximum(values - prior.named.get("shift", 0.0), _TINY)
        return np.asarray(-0.5 * ((np.log(above) - mu) / sigma) ** 2)
    low, high = prior.support
    inside = np.clip(values, low + _TINY, high - _TINY)
    return np.asarray(prior.frozen_scipy().logpdf(inside))


def _summed(posterior: Posterior, parts: Iterator[tuple[Prior, FloatArray]]) -> FloatArray:
    total = np.zeros(posterior.n_draws)
    for prior, values in parts:
        if prior.family != "deterministic" and values.size:
            total += log_density(prior, np.asarray(values, dtype=np.float64)).reshape(len(total), -1).sum(axis=1)
    return total


def _media_parts(posterior: Posterior) -> Iterator[tuple[Prior, FloatArray]]:
    """Prior and (S, ...) draws of what has it."""
    spec = posterior.spec
    for name, priors in (
        ("alpha_m", spec.alpha),
        ("theta_m", spec.lag_shape),
        ("ec_m", spec.ec),
        ("slope_m", spec.slope),
    ):
        draws = posterior.stacked(name)
        for m, prior in enumerate(priors):
            yield prior, draws[:, m]
    if spec.family == "robust_log":
        scale = posterior.stacked("sigma_beta")
        yield spec.sigma_beta, scale
        yield Prior("half_normal", (1.0,)), posterior.stacked("beta_m") / scale[:, None]
        return
    for _, _, prior, draws in effects_with_priors(posterior):
        yield prior, draws
    if not posterior.data.is_national:
        yield spec.eta, posterior.stacked("eta_m")


def _baseline_parts(posterior: Posterior) -> Iterator[tuple[Prior, FloatArray]]:
    spec, data = posterior.spec, posterior.data
    yield spec.knot_values, posterior.stacked("knot_values")
    yield spec.gamma, posterior.stacked("gamma_c")
    sigma = posterior.stacked("sigma")
    yield spec.sigma, sigma if spec.unique_sigma_for_each_geo else sigma[:, :1]
    if not data.is_national:
        varies = np.arange(len(data.geos)) != np.argmax(data.population)
        yield spec.tau, posterior.stacked("tau_g")[:, varies]
        yield spec.xi, posterior.stacked("xi_c")
    if spec.family == "robust_log":
        yield spec.nu, posterior.stacked("nu")
