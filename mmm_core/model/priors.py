"""Prior distributions as data: a family name and its parameters, known to every backend."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmm_core.config.prior_families import PRIOR_PARAMETERS, Family
from mmm_core.errors import SpecificationError

_MUST_BE_POSITIVE = {"a", "b", "sd", "sigma", "rate"}


@dataclass(frozen=True)
class Prior:
    """A scalar prior.

    `shifted_log_normal` is `shift` plus a log-normal; `gamma` has shape `a` and mean `a / rate`.

    `truncated_normal` has the mean and sd of the normal before truncation; `log_normal` the mean and sd
    of the logarithm; `half_normal` the sd of the normal that is folded at 0.
    """

    family: Family
    parameters: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse impossible parameters.

        Raises:
            SpecificationError: wrong count, not finite, not positive where needed, or bounds reversed.
        """
        names = PRIOR_PARAMETERS[self.family]
        if len(names) != len(self.parameters):
            raise SpecificationError(
                f"Prior {self.family} takes {names}, got {len(self.parameters)} parameters {self.parameters}."
            )
        named = self.named
        for name, value in named.items():
            if not np.isfinite(value) or (name in _MUST_BE_POSITIVE and value <= 0):
                rule = "finite and > 0" if name in _MUST_BE_POSITIVE else "finite"
                raise SpecificationError(f"Prior {self.family}: {name} is {value}; it must be {rule}.")
        if "low" in named and named["low"] >= named["high"]:
            raise SpecificationError(
                f"Prior {self.family}: low {named['low']} is not below high {named['high']}; swap them."
            )

    @property
    def named(self) -> dict[str, float]:
        """Parameters by name."""
        return dict(zip(PRIOR_PARAMETERS[self.family], self.parameters, strict=True))

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest possible value; infinite where there is none."""
        p = self.named
        if self.family == "deterministic":
            return p["value"], p["value"]
        if self.family in ("uniform", "truncated_normal"):
            return p["low"], p["high"]
        if self.family == "beta":
            return 0.0, 1.0
        if self.family == "normal":
            return -np.inf, np.inf
        return p.get("shift", 0.0), np.inf

    def median(self) -> float:
        """The value that is exceeded with probability one half."""
        return self.parameters[0] if self.family == "deterministic" else float(self.frozen_scipy().median())

    def frozen_scipy(self) -> Any:
        """The same distribution as a frozen `scipy.stats` object (`deterministic` has none).

        Raises:
            SpecificationError: for `deterministic`.
        """
        from scipy import stats

        p = self.named
        if self.family == "uniform":
            return stats.uniform(p["low"], p["high"] - p["low"])
        if self.family == "beta":
            return stats.beta(p["a"], p["b"])
        if self.family == "normal":
            return stats.norm(p["mean"], p["sd"])
        if self.family == "half_normal":
            return stats.halfnorm(0, p["sd"])
        if self.family == "log_normal":
            return stats.lognorm(p["sigma"], scale=np.exp(p["mu"]))
        if self.family == "shifted_log_normal":
            return stats.lognorm(p["sigma"], loc=p["shift"], scale=np.exp(p["mu"]))
        if self.family == "exponential":
            return stats.expon(scale=1 / p["rate"])
        if self.family == "gamma":
            return stats.gamma(p["a"], scale=1 / p["rate"])
        if self.family == "truncated_normal":
            low, high = (p["low"] - p["mean"]) / p["sd"], (p["high"] - p["mean"]) / p["sd"]
            return stats.truncnorm(low, high, p["mean"], p["sd"])
        raise SpecificationError("A deterministic prior has no distribution; use its value.")

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Independent draws of the given shape."""
        if self.family == "deterministic":
            return np.full(size, self.parameters[0])
        return np.asarray(self.frozen_scipy().rvs(size=size, random_state=rng), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"family": self.family, "parameters": list(self.parameters)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Prior":
        """Inverse of `to_json`."""
        return cls(stored["family"], tuple(float(value) for value in stored["parameters"]))


def log_normal_from_bounds(low: float, high: float) -> Prior:
    """Log-normal whose central 90 % is [low, high].

    Raises:
        SpecificationError: unless 0 < low < high.
    """
    if not 0 < low < high:
        raise SpecificationError(
            f"roi_bounds are [{low}, {high}]; they must be two positive numbers, the lower one first."
        )
    mu = (np.log(low) + np.log(high)) / 2
    sigma = (np.log(high) - np.log(low)) / (2 * 1.6448536269514722)
    return Prior("log_normal", (float(mu), float(sigma)))
