"""Experiments into the model: as ROI priors (both backends), or as terms of the likelihood (pymc)."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.experiments.cells import as_lift_test, without_test
from mmm_core.experiments.experiment import Experiment
from mmm_core.experiments.returns import LogNormal, Step, window_roi
from mmm_core.features.model_data import ModelData
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.model.prior_draws import prior_draws
from mmm_core.model.priors import Prior

_DRAWS = 500
"""Prior draws of carryover and saturation that a result is taken from the test to the window by."""
_SURE = 2.0
"""Standard errors below 0 from which on a return is surely negative."""
ADJUSTMENT_COLUMNS = (
    "experiment",
    "channel",
    "step",
    "raw_mean",
    "raw_sd",
    "adjusted_mean",
    "adjusted_sd",
    "why",
)


@dataclass(frozen=True)
class Calibration:
    """A specification that knows the experiments."""

    spec: ModelSpec
    adjustments: pd.DataFrame
    """`ADJUSTMENT_COLUMNS`: ROI before and after each step from a test to a channel's prior; no rows unless
    experiments are used as priors."""


def calibrated_spec(
    spec: ModelSpec, data: ModelData, experiments: Sequence[Experiment], config: Config
) -> Calibration:
    """The specification with the experiments in it, as `calibration.use` says.

    Args:
        spec: from configuration and data.
        data: what is fitted.
        experiments: `load_experiments(config, data)`.
        config: `calibration`; the seed is `training.seed`.

    Raises:
        SpecificationError: a test cannot be used that way; names the experiment and the remedy.
    """
    settings = config.calibration
    nothing = pd.DataFrame([], columns=list(ADJUSTMENT_COLUMNS))
    if not experiments or settings.use == "off":
        return Calibration(spec, nothing)
    if spec.family == "robust_log":
        raise SpecificationError(
            f"calibration.use is {settings.use}, but media effects of the family robust_log have no prior of "
            "their own and no size in KPI units; set it to off, or model.family to gaussian."
        )
    if settings.use == "likelihood":
        tests = tuple(as_lift_test(experiment, data) for experiment in experiments)
        return Calibration(dataclasses.replace(spec, lift_tests=tests), nothing)
    for experiment in experiments:
        _check_prior(experiment, data, config)
    return _with_priors(spec, data, experiments, config)


def _check_prior(experiment: Experiment, data: ModelData, config: Config) -> None:
    """Raise unless its one channel has an ROI whose prior is free."""
    named = f"Experiment {experiment.name} (row {experiment.row})"
    if len(experiment.channels) > 1:
        raise SpecificationError(
            f"{named} is about {' + '.join(experiment.channels)} together, which no prior of one channel can "
            "hold; set calibration.use to likelihood (pymc), or leave the test out."
        )
    channel = experiment.channels[0]
    if channel not in data.paid_channels:
        raise SpecificationError(
            f"{named} is about {channel}, which has no spend and so no ROI prior; set calibration.use to "
            "likelihood (pymc), or leave the test out."
        )
    change = without_test(experiment, data).spend_change
    if change == 0:
        raise SpecificationError(
            f"{named}: nothing was spent in its cells, so it tells no return; correct its dates or geos, set "
            "calibration.use to likelihood (pymc), or leave the test out."
        )
    sign = 1.0 if experiment.metric == "roas" else np.sign(change)
    if sign * experiment.estimate < -_SURE * experiment.sd:
        raise SpecificationError(
            f"{named}: more spend surely brought less, which no prior of an ROI above 0 can hold; check the sign "
            "of its result, or leave the test out."
        )
    priors = config.model.priors
    given = priors.channels.get(channel)
    if channel in priors.roi_bounds:
        raise SpecificationError(
            f"{named} gives the ROI prior of {channel}, and so does model.priors.roi_bounds.{channel}; remove one."
        )
    if given is not None and (given.effect is not None or given.type not in (None, "roi")):
        raise SpecificationError(
            f"{named} gives the ROI prior of {channel}, but model.priors.channels.{channel} has an effect or type "
            "of its own; remove it, or set calibration.use to likelihood (pymc) or off."
        )


def _with_priors(
    spec: ModelSpec, data: ModelData, experiments: Sequence[Experiment], config: Config
) -> Calibration:
    unit = _unit_effects(spec, data, config.training.seed)
    found: dict[str, list[LogNormal]] = defaultdict(list)
    names: dict[str, list[str]] = defaultdict(list)
    steps: list[Step] = []
    for experiment in experiments:
        roi, own = window_roi(experiment, unit, config.calibration)
        found[experiment.channels[0]].append(roi)
        names[experiment.channels[0]].append(experiment.name)
        steps += own
    effect, types = list(spec.effect), list(spec.prior_types)
    for channel, returns in found.items():
        combined = combine(returns)
        if len(returns) > 1:
            steps.append(_combined_step(channel, names[channel], returns, combined))
        m = spec.channels.index(channel)
        effect[m], types[m] = Prior("log_normal", (combined.mu, combined.sigma)), "roi"
    changed = dataclasses.replace(spec, effect=tuple(effect), prior_types=tuple(types))
    return Calibration(changed, pd.DataFrame([step.row() for step in steps], columns=list(ADJUSTMENT_COLUMNS)))


def combine(returns: Sequence[LogNormal]) -> LogNormal:
    """One belief from several tests, weighted by precision; their disagreement counts as doubt.

    The random-effects mean of the logarithms, with the variance between tests as DerSimonian and Laird (1986)
    estimate it.
    """
    if len(returns) == 1:
        return returns[0]
    mu = np.array([one.mu for one in returns])
    between = spread_between(returns)
    weights = 1 / (np.array([one.sigma for one in returns]) ** 2 + between)
    return LogNormal(float(weights @ mu / weights.sum()), float(weights.sum() ** -0.5))


def spread_between(returns: Sequence[LogNormal]) -> float:
    """Variance of the logarithms between tests, beyond what their own doubt explains."""
    mu, weights = np.array([one.mu for one in returns]), np.array([one.sigma**-2 for one in returns])
    mean = weights @ mu / weights.sum()
    excess = weights @ (mu - mean) ** 2 - (len(mu) - 1)
    return float(max(0.0, excess / (weights.sum() - (weights**2).sum() / weights.sum())))


def _combined_step(channel: str, names: list[str], returns: Sequence[LogNormal], combined: LogNormal) -> Step:
    alone = np.array([one.sigma for one in returns]) ** -2.0
    fixed = LogNormal(
        float(alone @ np.array([one.mu for one in returns]) / alone.sum()), float(alone.sum() ** -0.5)
    )
    between = np.sqrt(spread_between(returns))
    why = f"{len(returns)} tests weighted by precision; sd between them {between:.2f} in logs"
    return Step(", ".join(names), channel, "combined", fixed, combined, why)


def _unit_effects(spec: ModelSpec, data: ModelData, seed: int) -> Posterior:
    """Prior draws of carryover and saturation with a media effect of 1 everywhere."""
    scaling = spec.scaling_for(data)
    drawn = prior_draws(data, spec, scaling, _DRAWS, seed)
    ones = np.ones_like(drawn.samples["beta_gm"].values)
    samples = drawn.samples.assign(beta_gm=(drawn.samples["beta_gm"].dims, ones))
    return dataclasses.replace(drawn, samples=samples)
