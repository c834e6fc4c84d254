"""What a careful plan maximises: one number from the outcome of every posterior draw, and its weights.

The weights w (S,) are the gradient with respect to the draws.  For `mean_minus_sd` and `cvar`, which are
concave, the measure is the smallest weighted sum over a set of weights, so for these weights at any plan

    measure(outcome) <= w @ outcome        (Rockafellar and Uryasev 2000; the standard deviation is a supremum too)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmm_core.config.optimization import Objective, RiskConfig
from mmm_core.features.model_data import FloatArray

RISK_OBJECTIVES = ("mean_minus_sd", "quantile", "cvar", "probability_better")
_TIE = 1e-6
"""Part of a probability by which equally probable plans are told apart (by their mean)."""
_WINDOW = 0.04
"""Part of the draws, on either side, over which the gradient of a quantile is averaged."""


@dataclass(frozen=True)
class Measure:
    """One number from (S,) outcomes."""

    value: Callable[[FloatArray], float]
    weights: Callable[[FloatArray], FloatArray]
    """(S,) gradient."""
    is_concave: bool
    """Whether `value(y) <= weights(z) @ y` for all y and z, so that a bound can be proven."""
    shown: Callable[[FloatArray], float] | None = None
    """The number that is reported, where `value` tells apart what it counts as equal; None: `value`."""

    def reported(self, outcome: FloatArray) -> float:
        """The measure of (S,) outcomes, as it is reported."""
        return self.value(outcome) if self.shown is None else self.shown(outcome)


def measure_of(objective: Objective, risk: RiskConfig, current: FloatArray) -> Measure:
    """The measure of a risk-aware objective.

    Args:
        objective: one of `RISK_OBJECTIVES`.
        risk: how careful.
        current: (S,) outcome of the current plan, for `probability_better`.
    """
    if objective == "mean_minus_sd":
        return _mean_minus_sd(risk.aversion)
    if objective == "cvar":
        return _cvar(risk.tail)
    if objective == "quantile":
        return _quantile(risk.quantile)
    return _probability_above(current * (1 + risk.least_gain))


def _mean_minus_sd(aversion: float) -> Measure:
    def weights(outcome: FloatArray) -> FloatArray:
        sd = float(outcome.std())
        away = (outcome - outcome.mean()) / sd if sd > 0 else np.zeros_like(outcome)
        return np.asarray((1 - aversion * away) / len(outcome))

    return Measure(lambda outcome: float(outcome.mean() - aversion * outcome.std()), weights, True)


def _cvar(tail: float) -> Measure:
    def weights(outcome: FloatArray) -> FloatArray:
        left = tail * len(outcome)
        shares = np.clip(left - np.arange(len(outcome)), 0.0, 1.0) / left
        found = np.empty(len(outcome))
        found[np.argsort(outcome, kind="stable")] = shares
        return found

    return Measure(lambda outcome: float(weights(outcome) @ outcome), weights, True)


def _quantile(level: float) -> Measure:
    def weights(outcome: FloatArray) -> FloatArray:
        n_draws = len(outcome)
        distance = np.abs(np.arange(n_draws) - level * (n_draws - 1)) / max(_WINDOW * n_draws, 1.0)
        kernel = np.clip(1 - distance, 0.0, None)
        found = np.empty(n_draws)
        found[np.argsort(outcome, kind="stable")] = kernel / kernel.sum()
        return found

    return Measure(lambda outcome: float(np.quantile(outcome, level)), weights, False)


def _probability_above(current: FloatArray) -> Measure:
    scale = max(float(np.abs(current).mean()), 1e-300)

    def probability(outcome: FloatArray) -> float:
        return float(np.mean(outcome - current > 1e-9 * np.abs(current)))

    def value(outcome: FloatArray) -> float:
        return probability(outcome) + _TIE * float(np.tanh((outcome - current).mean() / scale))

    def weights(outcome: FloatArray) -> FloatArray:
        lift = outcome - current
        width = max(float(lift.std()) * len(lift) ** -0.2, 1e-3 * scale)
        density = np.exp(-0.5 * (lift / width) ** 2) / (width * np.sqrt(2 * np.pi))
        return np.asarray((density + _TIE / scale) / len(lift))

    return Measure(value, weights, False, probability)
