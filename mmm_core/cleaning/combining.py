"""Several values of one date to one, column by column."""

from collections.abc import Mapping, Sequence

import numpy as np

from mmm_core.cleaning.change_log import BoolArray, FloatArray, IntArray
from mmm_core.config.cleaning import Combine


def combined(
    values: FloatArray, starts: IntArray, how: Sequence[Combine], weights: Mapping[int, int]
) -> FloatArray:
    """One row for each group of rows; missing values do not count, and NaN if there are no others.

    Args:
        values: (N, C), the rows of a group one below the other.
        starts: (G,) first row of each group.
        how: rule of each of the C columns.
        weights: column whose mean is weighted -> column with the weights, for example frequency -> reach.

    Returns:
        (G, C).
    """
    result = np.empty((len(starts), values.shape[1]))
    for rule in dict.fromkeys(how):
        of_rule = [position for position, name in enumerate(how) if name == rule]
        result[:, of_rule] = _by_rule(values[:, of_rule], starts, rule)
    for column, weight in weights.items():
        result[:, column] = _weighted(values[:, column], values[:, weight], starts, result[:, column])
    return result


def _by_rule(values: FloatArray, starts: IntArray, rule: Combine) -> FloatArray:
    known = ~np.isnan(values)
    if rule in ("first", "last"):
        return _at_end(values, known, starts, first=rule == "first")
    if rule in ("max", "min"):
        best: FloatArray = (np.fmax if rule == "max" else np.fmin).reduceat(values, starts, axis=0)
        return best
    count = np.add.reduceat(known.astype(np.float64), starts, axis=0)
    total = np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
    if rule == "mean":
        total = total / np.maximum(count, 1.0)
    return np.where(count > 0, total, np.nan)


def _at_end(values: FloatArray, known: BoolArray, starts: IntArray, first: bool) -> FloatArray:
    """First or last known value of each group."""
    number = len(values)
    line = np.arange(number)[:, None]
    if first:
        chosen = np.minimum.reduceat(np.where(known, line, number), starts, axis=0)
    else:
        chosen = np.maximum.reduceat(np.where(known, line, -1), starts, axis=0)
    some = (chosen >= 0) & (chosen < number)
    picked = np.take_along_axis(values, np.where(some, chosen, 0), axis=0)
    return np.where(some, picked, np.nan)


def _weighted(values: FloatArray, weights: FloatArray, starts: IntArray, plain: FloatArray) -> FloatArray:
    """(G,) weighted mean of each group; the plain mean where all weights are 0 or missing."""
    counted = np.where(np.isnan(values) | np.isnan(weights), 0.0, weights)
    total = np.add.reduceat(counted, starts)
    mean = np.add.reduceat(np.nan_to_num(values) * counted, starts) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, mean, plain)
