"""From the result of one test to the ROI of its channel over the whole window, with every step on record.

A test tells the return on a change of spend, in some geos and weeks, as far as it came within them.  The model's
prior is of the return on all spend of the window.  The first becomes the second through the priors of carryover
and saturation: per prior draw, ROI = measured effect x (outcome of the window / spend) / (effect of the test),
both at a media effect of 1.  All doubt is log-normal, so steps multiply medians and add variances of logarithms.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mmm_core.config.experiments import CalibrationConfig
from mmm_core.experiments.cells import as_lift_test, without_test
from mmm_core.experiments.experiment import Experiment
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.adstock import adstock_weights
from mmm_core.model.forward import scaled_channel_outcome
from mmm_core.model.lift import lift_draws
from mmm_core.model.lift_test import LiftTest
from mmm_core.model.posterior import Posterior

_LEAST_SHARE = 1e-3
"""Least share of an effect that a test is taken to have seen; less says nothing of the rest."""


@dataclass(frozen=True)
class LogNormal:
    """Belief in a positive number."""

    mu: float
    sigma: float

    @property
    def mean(self) -> float:
        """Its mean."""
        return float(np.exp(self.mu + self.sigma**2 / 2))

    @property
    def sd(self) -> float:
        """Its standard deviation."""
        return float(self.mean * np.sqrt(np.expm1(self.sigma**2)))

    def times(self, logs: FloatArray) -> "LogNormal":
        """The product with a factor of which draws of the logarithm are given; see `_normal`."""
        centre, spread = _normal(logs)
        return LogNormal(self.mu + centre, float(np.hypot(self.sigma, spread)))

    def wider(self, sigma: float) -> "LogNormal":
        """The same median with more doubt."""
        return replace(self, sigma=float(np.hypot(self.sigma, sigma)))


@dataclass(frozen=True)
class Step:
    """What one consideration made of the result of a test."""

    experiment: str
    channel: str
    step: str
    before: LogNormal
    after: LogNormal
    why: str

    def row(self) -> dict[str, object]:
        """Of the table of adjustments."""
        return {
            "experiment": self.experiment,
            "channel": self.channel,
            "step": self.step,
            "raw_mean": self.before.mean,
            "raw_sd": self.before.sd,
            "adjusted_mean": self.after.mean,
            "adjusted_sd": self.after.sd,
            "why": self.why,
        }


def window_roi(
    experiment: Experiment, unit: Posterior, settings: CalibrationConfig
) -> tuple[LogNormal, list[Step]]:
    """The ROI of the test's one channel over the window, and how it came about.

    Args:
        experiment: of one paid channel, inside the data.
        unit: prior draws with every `beta_gm` 1.
        settings: `calibration`.
    """
    data, test = unit.data, as_lift_test(experiment, unit.data)
    channel = data.channels.index(experiment.channels[0])
    change = without_test(experiment, data).spend_change
    roas = positive(*_roas(test, change, data))
    whole = scaled_channel_outcome(unit, channel, (1.0,))[0].sum(axis=1) / data.spend[:, :, channel].sum()
    seen = lift_draws(unit, test) / change * _worth(test, data)
    carryover = -np.log(np.maximum(captured_share(unit, test, channel), _LEAST_SHARE))
    transfer = np.log(np.maximum(whole, 1e-300) / np.maximum(seen, _LEAST_SHARE * whole))
    steps: list[Step] = []

    def take(name: str, before: LogNormal, after: LogNormal, why: str) -> LogNormal:
        steps.append(Step(experiment.name, experiment.channels[0], name, before, after, why))
        return after

    measured = take("measured", roas, roas, _in_words(experiment, test, change))
    complete = take(
        "carryover",
        measured,
        measured.times(carryover),
        f"{np.exp(-carryover).mean():.0%} of the effect falls within the test, by the prior of the carryover",
    )
    level = _level(measured, complete, transfer)
    share = _share_of_spend(experiment, change, data)
    level = take("spend level", complete, level, share)
    return _beyond(experiment, level, unit, settings, take), steps


def _level(measured: LogNormal, complete: LogNormal, transfer: FloatArray) -> LogNormal:
    """Carryover and saturation together; never less doubt than carryover alone leaves."""
    together = measured.times(transfer)
    return replace(together, sigma=max(together.sigma, complete.sigma))


def _normal(draws: FloatArray) -> tuple[float, float]:
    """Mean and sd of the normal with the draws' median and central 68 %: priors of curves have long tails, which
    belong to shapes that hardly any channel has."""
    low, middle, high = np.quantile(draws, [0.158655, 0.5, 0.841345])
    return float(middle), float(high - low) / 2


def _beyond(
    experiment: Experiment,
    roi: LogNormal,
    unit: Posterior,
    settings: CalibrationConfig,
    take: Callable[[str, LogNormal, LogNormal, str], LogNormal],
) -> LogNormal:
    """Doubt about other geos and later times."""
    data = unit.data
    distance = settings.geo_spread * _distance_of_geos(experiment, data)
    if distance > 0:
        why = f"{len(experiment.geos)} of {len(data.geos)} geos; effects differ by {settings.geo_spread:g} in logs"
        roi = take("geos", roi, roi.wider(distance), why)
    age = float((data.dates[-1] + 6 - experiment.end) / np.timedelta64(7, "D"))
    if settings.age_half_life_weeks is not None and age > 0:
        doubled = 2 ** (age / settings.age_half_life_weeks / 2)
        why = f"{age:.0f} weeks before the end of the data; half life {settings.age_half_life_weeks:g} weeks"
        roi = take("age", roi, LogNormal(roi.mu, roi.sigma * doubled), why)
    return roi


def positive(mean: float, sd: float) -> LogNormal:
    """The log-normal with the mean and sd of a normal that is cut at 0 (an effect of media is positive)."""
    from scipy import stats

    cut = stats.truncnorm(-mean / sd, np.inf, mean, sd)
    relative = float(cut.std() / cut.mean())
    sigma = float(np.sqrt(np.log1p(relative**2)))
    return LogNormal(float(np.log(cut.mean())) - sigma**2 / 2, sigma)


def captured_share(unit: Posterior, test: LiftTest, channel: int) -> FloatArray:
    """(S,) share of a steady change's effect that comes before the test stops counting."""
    n, counted = test.n_weeks, test.n_weeks + test.post_weeks
    longest = min(unit.spec.max_lag_weeks, len(unit.data.dates) + unit.data.lead_media.shape[1] - 1)
    alpha, theta = unit.stacked("alpha_m")[:, channel], unit.stacked("theta_m")[:, channel]
    arrived = np.cumsum(adstock_weights(alpha, unit.spec.adstock[channel], longest, theta), axis=1)
    last = np.minimum(counted - 1 - np.arange(n), longest)
    return np.asarray(arrived[:, last].mean(axis=1))


def _roas(test: LiftTest, change: float, data: ModelData) -> tuple[float, float]:
    """Measured return on the change of spend, in the terms of ROI, and its standard error."""
    factor = _worth(test, data) / change
    return test.measured * factor, test.sd * abs(factor)


def _worth(test: LiftTest, data: ModelData) -> float:
    """What one unit of the test's result is worth in the terms of ROI."""
    if test.unit == "outcome":
        return 1.0
    cells = test.worth(data) > 0
    return float(data.outcome_per_kpi[cells].mean())


def _distance_of_geos(experiment: Experiment, data: ModelData) -> float:
    """Euclidean distance between the test's and the window's shares of spend by geo; 0 for all geos alike."""
    spend = data.spend[:, :, data.channels.index(experiment.channels[0])].sum(axis=1)
    tested = spend * np.isin(data.geos, experiment.geos)
    if tested.sum() <= 0:
        return 1.0
    return float(np.linalg.norm(tested / tested.sum() - spend / spend.sum()))


def _in_words(experiment: Experiment, test: LiftTest, change: float) -> str:
    return (
        f"{experiment.metric} {experiment.estimate:,.4g} ± {experiment.sd:,.4g}; effect {test.measured:,.4g} on a "
        f"change of spend of {change:,.4g}"
    )


def _share_of_spend(experiment: Experiment, change: float, data: ModelData) -> str:
    test = as_lift_test(experiment, data)
    m, weeks = data.channels.index(experiment.channels[0]), test.counted(data)
    there = data.spend[test.geo_positions(data), weeks.start : weeks.start + test.n_weeks, m].sum()
    usual = max(there - change, 0.0)
    relative = f"{change / usual:+.0%} of usual spend" if usual > 0 else "from no spend"
    return f"the test changed spend by {relative}; ROI is of all spend, by the priors of the saturation"
