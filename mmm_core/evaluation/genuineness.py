"""Whether draws are a posterior at all: from several chains that moved by themselves, and informed by the KPI.

Convergence statistics cannot tell: independent draws from the prior, or the same chain twice, have a perfect
R-hat and effective sample size.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.quality.check import CheckResult

GENUINENESS_CHECKS: Mapping[str, str] = {
    "chains_differ": "Whether every chain is one of its own and moved",
    "learned_from_data": "Whether baseline and noise have left their priors, as they do in every fit to data",
}
"""Check name -> what it looks at, in the order of the results."""
_MOST_REPEATED = 0.5
"""Share of draws that equal the one before, above which a chain counts as one that did not move."""
_LEAST_DISTANCE = 0.25
"""Smallest median distance (Kolmogorov-Smirnov) of baseline and noise to their priors; in fits it is near 1."""


def check_genuineness(posterior: Posterior) -> list[CheckResult]:
    """All checks of `GENUINENESS_CHECKS`, in that order; both block."""
    return [_check_chains(posterior), _check_learning(posterior)]


def _check_chains(posterior: Posterior) -> CheckResult:
    chains = _all_draws(posterior)
    same = [(a, b) for a in range(len(chains)) for b in range(a) if np.array_equal(chains[a], chains[b])]
    repeated = [float(np.mean((chain[1:] == chain[:-1]).all(axis=1))) for chain in chains]
    stuck = [c for c, share in enumerate(repeated) if share > _MOST_REPEATED]
    message = f"All {len(chains)} chains differ, and each moved."
    if same:
        first, second = same[0]
        message = (
            f"Chains {second} and {first} are the same, so they say nothing about convergence; fit again with one "
            "seed per chain (training.seed)."
        )
    elif stuck:
        message = (
            f"In chain {stuck[0]}, {repeated[stuck[0]]:.0%} of the draws equal the one before: the sampler hardly "
            "moved; raise training.tune and training.target_accept."
        )
    return CheckResult("chains_differ", not same and not stuck, "error", message, max(repeated), _MOST_REPEATED)


def _all_draws(posterior: Posterior) -> FloatArray:
    """(chain, draw, quantity) everything that the file holds."""
    shape = (posterior.samples.sizes["chain"], posterior.samples.sizes["draw"], -1)
    arrays = [posterior.samples[name].transpose("chain", "draw", ...) for name in posterior.samples.data_vars]
    return np.concatenate([array.values.reshape(shape) for array in arrays if array.size], axis=2)


def _check_learning(posterior: Posterior) -> CheckResult:
    distances = [distance for of_name in distances_to_priors(posterior).values() for distance in of_name]
    median = float(np.median(distances)) if distances else 1.0
    passed = median >= _LEAST_DISTANCE
    message = (
        f"Baseline and noise are {median:.2f} away from their priors (median; 0: the same, 1: nothing in common)."
    )
    if not passed:
        message += (
            " These draws are the prior's: the KPI did not enter. Materialize posterior again from model_data, "
            "and check that the KPI column is the right one."
        )
    return CheckResult("learned_from_data", passed, "error", message, median, _LEAST_DISTANCE)


def distances_to_priors(posterior: Posterior) -> dict[str, list[float]]:
    """Parameter -> distance of each of its elements to the prior, of what any KPI says much about."""
    found: dict[str, list[float]] = {}
    for name, prior, draws in _informed(posterior):
        found.setdefault(name, []).append(distance_to_prior(draws, prior))
    return found


def _informed(posterior: Posterior) -> Iterator[tuple[str, Prior, FloatArray]]:
    """Name, prior and (S,) draws of each parameter that any KPI says much about."""
    spec, data = posterior.spec, posterior.data
    if spec.sigma.family != "deterministic":
        for g in range(len(data.geos) if spec.unique_sigma_for_each_geo else 1):
            yield "sigma", spec.sigma, posterior.stacked("sigma")[:, g]
    if spec.knot_values.family != "deterministic":
        for draws in posterior.stacked("knot_values").T:
            yield "knot_values", spec.knot_values, draws
    if not data.is_national and spec.tau.family != "deterministic":
        for g in np.flatnonzero(np.arange(len(data.geos)) != np.argmax(data.population)):
            yield "tau_g", spec.tau, posterior.stacked("tau_g")[:, g]


def distance_to_prior(draws: FloatArray, prior: Prior) -> float:
    """Largest difference of the draws' empirical distribution function and the prior's (Kolmogorov-Smirnov)."""
    ordered, n = np.sort(draws), len(draws)
    cdf = np.asarray(prior.frozen_scipy().cdf(ordered))
    above, below = np.arange(1, n + 1) / n - cdf, cdf - np.arange(n) / n
    return float(max(above.max(), below.max()))
