"""How precisely a test measures, and what it can detect.

The test geos are expected to keep the share w of the controls' outcome that they had in the P weeks before; the
measured effect is their outcome in n weeks less w times that of the controls (without controls: less the average
week before, n times).  Its standard error is the larger one of two:

- of the model: `sqrt(n (1 + n / P) (sum_test s_g^2 + w^2 sum_control s_g^2))`, s_g the noise of a week in a geo;
- of placebo tests in time: the root mean square of what the same comparison finds in all stretches of n weeks of
  the history, in which nothing was done (Vaver and Koehler 2011 judge designs alike).  With
  `calibration.planner.adjust` it is of the outcome less what the fit explains.

An effect d is detected with probability `Phi(|d| / se - z) + Phi(-|d| / se - z)`, z the normal quantile of
`(1 + level) / 2`; the smallest detectable effect is the one of which that is the wanted power (very nearly
`(z + z_power) se`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmm_core.experiment_planning.design import Design
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import expected_kpi_by_geo
from mmm_core.model.posterior import Posterior

NoiseSource = Literal["model", "placebo"]
_FEWEST_PLACEBOS = 8
"""Stretches from which the spread of placebo tests counts."""
_LEAST_FREEDOM = 3.0
"""Degrees of freedom of a Student-T below which its variance is taken as that of 3."""


@dataclass(frozen=True)
class Precision:
    """Standard errors of a test's measured effect, in outcome."""

    model: float
    placebo: float
    """NaN where the history has too few stretches."""
    placebos: int
    """Stretches that were compared; they overlap."""

    @property
    def se(self) -> float:
        """The larger one."""
        return self.placebo if self.source == "placebo" else self.model

    @property
    def source(self) -> NoiseSource:
        """Which one is larger."""
        return "placebo" if self.placebo > self.model else "model"


def precision_of(
    posterior: Posterior, design: Design, outcome: FloatArray, compared: FloatArray | None = None
) -> Precision:
    """Of a proposed test.

    Args:
        posterior: the fit.
        design: the test.
        outcome: (G, T) `outcome_series(posterior.data)`.
        compared: (G, T) what placebo tests compare, e.g. `unexplained`; None: the outcome as it is.
    """
    series = outcome if compared is None else compared
    test = series[list(design.split.test)].sum(axis=0)
    control = series[list(design.split.control)].sum(axis=0) if design.split.control else np.ones(len(test))
    weeks = np.flatnonzero(posterior.data.present[list(design.split.test + design.split.control)].all(axis=0))
    found = pseudo_effects(test[weeks], control[weeks], design.history, design.measured)
    enough = len(found) >= _FEWEST_PLACEBOS
    placebo = float(np.sqrt(np.mean(found**2))) if enough else float("nan")
    return Precision(_model_error(posterior, design, outcome), placebo, len(found))


def unexplained(posterior: Posterior, outcome: FloatArray) -> FloatArray:
    """(G, T) each geo's mean outcome, plus what the fit's posterior mean leaves open of each week.

    Args:
        posterior: the fit.
        outcome: (G, T) `outcome_series(posterior.data)`.
    """
    worth, present = posterior.data.outcome_per_kpi, posterior.data.present
    left = [
        own - kpi.mean(axis=0) * value
        for own, kpi, value in zip(outcome, expected_kpi_by_geo(posterior), worth, strict=True)
    ]
    level = outcome.sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return np.asarray(np.stack(left) + level[:, None] * present)


def pseudo_effects(test: FloatArray, control: FloatArray, history: int, weeks: int) -> FloatArray:
    """Measured effect in every stretch of `weeks` that has `history` weeks before it.

    Args:
        test: (T,) outcome of the test geos.
        control: (T,) that of the controls; ones without any.
        history: weeks that set the share.
        weeks: weeks that are measured.
    """
    starts = np.arange(history, len(test) - weeks + 1)
    sums = [np.concatenate([[0.0], np.cumsum(values)]) for values in (test, control)]
    (test_in, test_before), (control_in, control_before) = (
        (total[starts + weeks] - total[starts], total[starts] - total[starts - history]) for total in sums
    )
    there = control_before > 0
    return np.asarray(test_in[there] - control_in[there] * test_before[there] / control_before[there])


def detectable_effect(se: float, level: float, power: float) -> float:
    """The smallest effect (its size) that a test detects with that power, which is above 1 - level."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    most = norm.ppf((1 + level) / 2) + norm.ppf(power) + 1e-9
    return se * float(brentq(lambda size: float(power_of(np.array(size), 1.0, level)) - power, 0.0, most))


def power_of(effect: FloatArray, se: float, level: float) -> FloatArray:
    """Probability that a two-sided test at that level detects each effect."""
    from scipy.stats import norm

    z, size = norm.ppf((1 + level) / 2), np.abs(effect) / se
    return np.asarray(norm.cdf(size - z) + norm.cdf(-size - z))


def _model_error(posterior: Posterior, design: Design, outcome: FloatArray) -> float:
    variance, weight = _weekly_sd(posterior, design) ** 2, design.control_weight(outcome)
    weekly = variance[list(design.split.test)].sum() + weight**2 * variance[list(design.split.control)].sum()
    n = design.measured
    return float(np.sqrt(n * (1 + n / design.history) * weekly))


def _weekly_sd(posterior: Posterior, design: Design) -> FloatArray:
    """(G,) standard deviation of a geo's week in outcome, from the posterior means of the model's noise.

    In the family `robust_log`: the mean KPI times the standard deviation of its logarithm.
    """
    scaling, data = posterior.scaling, posterior.data
    weeks = slice(design.first, design.first + design.measured)
    worth = data.outcome_per_kpi[:, weeks].mean(axis=1)
    sigma = posterior.stacked("sigma").mean(axis=0) * scaling.kpi_sd
    if posterior.spec.family != "robust_log":
        return np.asarray(sigma * scaling.population * worth)
    nu = max(float(posterior.stacked("nu").mean()), _LEAST_FREEDOM)
    known = data.observed & data.present
    mean = np.where(known, data.kpi, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.asarray(sigma * np.sqrt(nu / (nu - 2)) * (mean + 1) * worth)
