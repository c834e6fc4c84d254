"""From a prior as it is written in the configuration to a `Prior` that fits its parameter."""

from dataclasses import dataclass
from typing import Literal

from mmm_core.config.modeling import PriorConfig
from mmm_core.config.prior_families import PRIOR_PARAMETERS, parameter_problem
from mmm_core.errors import SpecificationError
from mmm_core.model.model_spec import AdstockFamily, PriorType
from mmm_core.model.priors import Prior

_INFINITY = float("inf")


@dataclass(frozen=True)
class Range:
    """Values that a parameter can take."""

    low: float
    high: float
    words: str
    """Completes "it must be ..."."""
    contains_low: bool = False

    def holds(self, prior: Prior) -> bool:
        """Whether no draw can be outside (a density may touch an excluded bound, a constant may not)."""
        low, high = prior.support
        on_bound = prior.family == "deterministic" and low == self.low and not self.contains_low
        return self.low <= low and high <= self.high and not on_bound


SHARE = Range(0.0, 1.0, "between 0 and 1", contains_low=True)
POSITIVE = Range(0.0, _INFINITY, "greater than 0")
NOT_NEGATIVE = Range(0.0, _INFINITY, "0 or more", contains_low=True)
ANY = Range(-_INFINITY, _INFINITY, "a number")


def lag_shape_range(family: AdstockFamily, max_lag_weeks: int) -> Range:
    """Of `theta`, for `delayed` and `weibull`."""
    if family == "weibull":
        return POSITIVE
    words = f"between 0 and features.adstock.max_lag ({max_lag_weeks} weeks)"
    return Range(0.0, float(max_lag_weeks), words, contains_low=True)


def effect_range(prior_type: PriorType, media_effects: Literal["log_normal", "normal"]) -> Range:
    """Of a channel's effect in terms of its prior type."""
    if media_effects == "normal" or prior_type == "coefficient":
        return ANY
    return Range(0.0, _INFINITY, "greater than 0, because log_normal media effects are positive")


def configured_prior(given: PriorConfig, key: str, allowed: Range) -> Prior:
    """The prior that a configuration section describes.

    Args:
        given: family and parameters.
        key: dotted key of that section, for messages.
        allowed: values that the parameter can take.

    Raises:
        SpecificationError: parameters that the family lacks or does not have, impossible ones, a mean
            outside the bounds, or possible values that the parameter cannot take.
    """
    values = {name: value for name, value in _written(given).items() if value is not None}
    problem = parameter_problem(given.family, values)
    if problem is not None:
        raise SpecificationError(f"{key}: {problem}")
    try:
        prior = Prior(given.family, tuple(values[name] for name in PRIOR_PARAMETERS[given.family]))
    except SpecificationError as error:
        raise SpecificationError(f"{key}: {error}") from error
    if given.family == "truncated_normal" and not values["low"] <= values["mean"] <= values["high"]:
        raise SpecificationError(
            f"{key}: mean {values['mean']:g} is outside [{values['low']:g}, {values['high']:g}]; move it inside, "
            "or widen low and high."
        )
    if not allowed.holds(prior):
        raise SpecificationError(
            f"{key}: {described(prior)} can be {_possible(prior)}, but it must be {allowed.words}; "
            f"{_remedy(prior)}."
        )
    return prior


def described(prior: Prior) -> str:
    """As in `normal(mean 0, sd 5)`."""
    return f"{prior.family}({', '.join(f'{name} {value:g}' for name, value in prior.named.items())})"


def _possible(prior: Prior) -> str:
    low, high = prior.support
    return f"{low:g}" if low == high else f"anything from {low:g} to {high:g}"


def _remedy(prior: Prior) -> str:
    if prior.family in ("normal", "half_normal"):
        return "use truncated_normal with low and high there"
    return "choose other parameters or another family"


def _written(given: PriorConfig) -> dict[str, float | None]:
    return {
        "value": given.value,
        "mean": given.mean,
        "sd": given.sd,
        "low": given.low,
        "high": given.high,
        "a": given.a,
        "b": given.b,
        "mu": given.mu,
        "sigma": given.sigma,
        "shift": given.shift,
        "rate": given.rate,
    }
