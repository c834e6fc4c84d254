"""How returns would move if priors, or the data, counted more or less: power-scaling, without a refit.

The density of a part (priors of media, priors of the rest, likelihood) to the power a instead of 1 makes a
posterior whose draws are the old ones with weights proportional to density ** (a - 1), Pareto-smoothed.  Changes
are given per doubling of the power: (value at a - value at 1 / a) / (2 log2 a).

A shift with the prior alone does not tell a conflict: where a prior of sd s0 and data of sd s1 are about as
precise, it is up to 0.35 sd per doubling for a prior that is right.  So what the prior says is set against what
the data say by their distance, (m0 - m1) / sqrt(s0^2 + s1^2), which follows from prior and posterior:

    share of the precision that is the prior's   w = (sd of posterior / s0)^2
    distance                                     (m0 - mean of posterior) / (s0 sqrt(1 - w))

This is exact for normal priors and likelihoods; effects with log-normal priors are taken by their logarithm.

Reference: Kallioinen, Paananen, Bürkner, Vehtari (2023), Detecting and diagnosing prior and likelihood sensitivity
with power-scaling, Statistics and Computing 34.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.attribution.returns import roi_draws
from mmm_core.config.stability import StabilityConfig
from mmm_core.evaluation.plausibility import effects_with_priors
from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.stability.leave_one_out import RELIABLE_K
from mmm_core.stability.log_prior import (
    baseline_log_prior,
    log_density,
    log_likelihood,
    media_log_prior,
)

CONFLICT, DOMINATES = "prior-data conflict", "prior dominates"
_MOST_ROOTS = 6
"""How often the square root of the power is taken where weights are unreliable; 1.25 becomes 1.003."""
_LEAST_SHARE = 0.02
"""Share of the precision that the data are taken to have at least: less cannot be told from draws."""
_SHUFFLES, _SEED = 20, 20240401
"""Random pairings of weights and draws, which tell the distance that chance alone gives."""


@dataclass(frozen=True)
class PowerScaled:
    """Weights of S draws when a part counts less, and more."""

    power: float
    """The part to the power of 1 / power, and of power."""
    lower: FloatArray
    """(S,) weights, adding up to 1."""
    upper: FloatArray
    """(S,) likewise."""
    pareto_k: float
    """The larger of both; above 0.7 they are not reliable."""

    @property
    def doublings(self) -> float:
        """Doublings of the power from the lower to the upper one."""
        return float(2 * np.log2(self.power))

    def shift(self, draws: FloatArray) -> float:
        """Change of the mean of (S,) draws per doubling, in their standard deviation; 0 if they have none."""
        moved, sd = float((self.upper - self.lower) @ draws) / self.doublings, float(draws.std())
        return moved / sd if sd > 0 else 0.0

    def sensitivity(self, draws: FloatArray) -> float:
        """Cumulative Jensen-Shannon distance of (S,) draws with and without weights, per doubling.

        Weights that have nothing to do with the draws give a distance too, as draws are finitely many.  What
        random pairings give on average is taken off (in squares); a distance within their range is 0.
        """
        rng, found = np.random.default_rng(_SEED), self._distance(draws)
        chance = np.array([self._distance(rng.permutation(draws)) for _ in range(_SHUFFLES)])
        return float(np.sqrt(found**2 - (chance**2).mean())) if found > chance.max() else 0.0

    def _distance(self, draws: FloatArray) -> float:
        return (cjs_distance(draws, self.lower) + cjs_distance(draws, self.upper)) / self.doublings


def power_scaled(log_density: FloatArray, power: float) -> PowerScaled:
    """Weights for a part, at the given power or, where they would not be reliable, at one nearer to 1.

    Args:
        log_density: (S,) of the part.
        power: > 1.
    """
    found = _at(log_density, power)
    for _ in range(_MOST_ROOTS):
        if found.pareto_k <= RELIABLE_K:
            break
        power = float(np.sqrt(power))
        found = _at(log_density, power)
    return found


def _at(log_density: FloatArray, power: float) -> PowerScaled:
    if np.ptp(log_density) == 0:
        equal = np.full(len(log_density), 1 / len(log_density))
        return PowerScaled(power, equal, equal, 0.0)
    (lower, low_k), (upper, high_k) = (_smoothed((a - 1) * log_density) for a in (1 / power, power))
    return PowerScaled(power, lower, upper, max(low_k, high_k))


def _smoothed(log_weights: FloatArray) -> tuple[FloatArray, float]:
    """Pareto-smoothed weights that add up to 1, and Pareto k."""
    import arviz as az

    smoothed, k = az.psislw(log_weights - log_weights.max())
    weights = np.exp(np.asarray(smoothed) - np.max(smoothed))
    return weights / weights.sum(), float(k)


def cjs_distance(draws: FloatArray, weights: FloatArray) -> float:
    """Cumulative Jensen-Shannon distance (0 to 1) of the (S,) draws from the same with weights.

    With distribution functions P and Q, `sqrt((D(P, Q) + D(Q, P)) / (integral of P + Q))` with
    `D(P, Q) = integral of P log2(2 P / (P + Q)) + (Q - P) / (2 ln 2)`; of the draws or of their negatives,
    whichever gives more (Nguyen and Vreeken 2015).
    """
    if np.ptp(draws) == 0:
        return 0.0
    order = np.argsort(draws)
    width, q = np.diff(draws[order]), np.cumsum(weights[order])[:-1]
    p = np.arange(1, len(draws)) / len(draws)
    return max(_one_sided(p, q, width), _one_sided(1 - p, 1 - q, width))


def _one_sided(p: FloatArray, q: FloatArray, width: FloatArray) -> float:
    q = np.clip(q, 0.0, 1.0)
    middle = (p + q) / 2
    divergence = [
        width @ (one * np.log2(np.divide(one, middle, out=np.ones_like(one), where=one > 0))) for one in (p, q)
    ]
    # The terms (Q - P) / (2 ln 2) of both directions cancel.
    return float(np.sqrt(max(0.0, float(sum(divergence))) / (width @ (p + q))))


def prior_sensitivity(posterior: Posterior, settings: StabilityConfig) -> pd.DataFrame:
    """What each paid channel's ROI owes to priors and to data.

    Returns:
        channel; roi_mean; roi_weaker_prior and roi_stronger_prior (mean where the prior counts less and more);
        prior_share and conflict (`prior_against_data`; missing where the effect has no prior of its own).  Then
        for `prior` (of the channel's effect; of all media where it has none of its own), `media_prior` (effects,
        carryover, saturation, spread of all channels), `baseline_prior` (knots, intercepts, controls, noise) and
        `likelihood`: `_shift` (sd per doubling), `_sensitivity` (distance of distributions per doubling), `_power`
        (that was used), `_pareto_k`.  diagnosis: `prior-data conflict`, `prior dominates` (its share is large, and
        ROI does not change with the weight of the data), or empty.
    """
    names = posterior.data.paid_channels
    roi = roi_draws(posterior)[:, : len(names)]
    draws = _on_its_scale(roi)
    media = power_scaled(media_log_prior(posterior), settings.power)
    effects = {name: (prior, of) for name, _, prior, of in effects_with_priors(posterior)}
    own = {name: power_scaled(log_density(*effect), settings.power) for name, effect in effects.items()}
    apart = {name: prior_against_data(*effect) for name, effect in effects.items()}
    parts = {
        "prior": [own.get(name, media) for name in names],
        "media_prior": [media] * len(names),
        "baseline_prior": [power_scaled(baseline_log_prior(posterior), settings.power)] * len(names),
        "likelihood": [power_scaled(log_likelihood(posterior), settings.power)] * len(names),
    }
    unknown = (np.nan, np.nan)
    rows = [
        {
            "channel": name,
            "roi_mean": float(roi[:, m].mean()),
            "roi_weaker_prior": float(parts["prior"][m].lower @ roi[:, m]),
            "roi_stronger_prior": float(parts["prior"][m].upper @ roi[:, m]),
            **dict(zip(("prior_share", "conflict"), apart.get(name, unknown), strict=True)),
            **{key: value for part, of in parts.items() for key, value in _moves(part, of[m], draws[:, m])},
        }
        for m, name in enumerate(names)
    ]
    table = pd.DataFrame(rows)
    table["diagnosis"] = _diagnoses(table, settings)
    return table


def _moves(part: str, scaled: PowerScaled, draws: FloatArray) -> Iterator[tuple[str, float]]:
    """Column -> value of one part for one channel."""
    yield f"{part}_shift", scaled.shift(draws)
    yield f"{part}_sensitivity", scaled.sensitivity(draws)
    yield f"{part}_power", scaled.power
    yield f"{part}_pareto_k", scaled.pareto_k


def prior_against_data(prior: Prior, draws: FloatArray) -> tuple[float, float]:
    """What an effect's prior says, against what the data say (see the module).

    Args:
        prior: of the effect, not `deterministic`.
        draws: (S,) of the effect.

    Returns:
        Share of the effect's precision that is the prior's, 0 to 1; distance of the prior from the data in
        standard deviations of what both leave open, above 0 where the prior says more.
    """
    if prior.family in ("log_normal", "shifted_log_normal"):
        (mean, sd), values = prior.parameters[:2], np.log(np.maximum(draws - prior.named.get("shift", 0.0), 1e-12))
    else:
        known = prior.frozen_scipy()
        mean, sd, values = float(known.mean()), float(known.std()), draws
    share = min(1.0, float(values.var()) / sd**2)
    of_data = max(1 - share, _LEAST_SHARE)
    return share, (mean - float(values.mean())) / (sd * float(np.sqrt(of_data)))


def _on_its_scale(roi: FloatArray) -> FloatArray:
    """(S, M) the logarithm where all draws are positive; 0 for a channel without spend, which has no return."""
    positive = (roi > 0).all(axis=0)
    scaled = np.where(positive, np.log(np.where(positive, roi, 1.0)), roi)
    return np.asarray(np.nan_to_num(scaled, nan=0.0))


def _diagnoses(table: pd.DataFrame, settings: StabilityConfig) -> list[str]:
    sensitive = table["prior_sensitivity"] >= settings.min_sensitivity
    conflict = sensitive & (table["conflict"].abs() > settings.max_conflict)
    unmoved = table["likelihood_sensitivity"] < settings.min_sensitivity
    dominates = sensitive & unmoved & ~(table["prior_share"] <= settings.max_prior_share)
    return [CONFLICT if c else DOMINATES if d else "" for c, d in zip(conflict, dominates, strict=True)]
