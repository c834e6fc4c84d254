"""Families of prior distributions and their parameters."""

from collections.abc import Collection, Mapping
from typing import Literal

Family = Literal[
    "deterministic",
    "uniform",
    "beta",
    "normal",
    "half_normal",
    "log_normal",
    "shifted_log_normal",
    "truncated_normal",
    "exponential",
    "gamma",
]
PRIOR_PARAMETERS: Mapping[Family, tuple[str, ...]] = {
    "deterministic": ("value",),
    "uniform": ("low", "high"),
    "beta": ("a", "b"),
    "normal": ("mean", "sd"),
    "half_normal": ("sd",),
    "log_normal": ("mu", "sigma"),
    "shifted_log_normal": ("mu", "sigma", "shift"),
    "truncated_normal": ("mean", "sd", "low", "high"),
    "exponential": ("rate",),
    "gamma": ("a", "rate"),
}
"""Family -> its parameters, in the order of `Prior.parameters`."""


def parameter_problem(family: Family, given: Collection[str]) -> str | None:
    """What is wrong with giving these parameters to a family, if anything is; ends with a full stop."""
    names = PRIOR_PARAMETERS[family]
    missing = [name for name in names if name not in given]
    superfluous = [name for name in given if name not in names]
    wrong = [f"{', '.join(missing)} is missing"] if missing else []
    wrong += [f"{', '.join(superfluous)} does not belong to it"] if superfluous else []
    return f"family {family} takes {', '.join(names)}; {' and '.join(wrong)}." if wrong else None
