"""Channels that no data of this panel can tell apart."""

from collections.abc import Sequence

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.quality.check import CheckResult
from mmm_core.quality.violations import MAX_TABLE_ROWS

_ROUNDING = 1e-12
"""Spread, relative to the largest value, up to which a channel counts as constant."""
_EXACT = 1e-9
"""Distance of a squared correlation from 1, and smallest eigenvalue, up to which a combination is exact."""
_NEGLIGIBLE = 0.01
"""Weight in a combination, relative to the largest, from which on a channel takes part in it."""


def check_collinear_channels(exposure: FloatArray, channels: Sequence[str]) -> CheckResult:
    """No channel's media is an exact combination of others' (a constant apart).

    Args:
        exposure: (G, T, M) media per capita.
        channels: M names.
    """
    groups = [[channels[m] for m in group] for group in exact_combinations(exposure.reshape(-1, len(channels)))]
    message = "No channel is an exact combination of others."
    if groups:
        names = groups[0]
        how = f"Media of {', '.join(names)} are exact combinations of each other"
        if len(names) == 2:
            how = f"Media of {names[0]} and {names[1]} are the same but for their size"
        more = f" (and {len(groups) - 1} more such group(s))" if len(groups) > 1 else ""
        message = (
            f"{how}{more}, so no data can tell their effects apart; combine them into one channel, or remove "
            f"{names[-1]} from the mapping."
        )
    table = tuple({"channels": ", ".join(names)} for names in groups[:MAX_TABLE_ROWS])
    return CheckResult("collinear_channels", not groups, "error", message, len(groups), 0, table)


def exact_combinations(exposure: FloatArray) -> list[list[int]]:
    """Groups of linearly dependent columns of (N, M) media, pairs first; columns without variation left out."""
    largest = np.abs(exposure).max(axis=0)
    exposure = exposure / np.where(largest > 0, largest, 1.0)  # squares of any amounts are finite then
    centred = exposure - exposure.mean(axis=0)
    sd = np.sqrt((centred**2).mean(axis=0))
    varying = np.flatnonzero(sd > _ROUNDING)
    standardised = centred[:, varying] / sd[varying]
    correlation = standardised.T @ standardised / len(exposure)
    groups: list[list[int]] = []
    left: list[int] = []
    for j in range(len(varying)):
        twin = next((i for i in left if 1 - correlation[i, j] ** 2 < _EXACT), None)
        if twin is None:
            left.append(j)
        else:
            groups.append([int(varying[twin]), int(varying[j])])
    values, vectors = np.linalg.eigh(correlation[np.ix_(left, left)])
    for column in np.flatnonzero(values < _EXACT):
        weights = np.abs(vectors[:, column])
        groups.append([int(varying[left[i]]) for i in np.flatnonzero(weights > _NEGLIGIBLE * weights.max())])
    return groups
