"""Posterior draws reduced to a mean and a 90 % interval."""

from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray

_QUANTILES = np.array([0.05, 0.5, 0.95])


@dataclass(frozen=True)
class Interval:
    """Mean and quantiles over draws; four arrays of the same shape."""

    mean: FloatArray
    q05: FloatArray
    q50: FloatArray
    q95: FloatArray


def interval(draws: FloatArray) -> Interval:
    """Reduce the first axis.

    Quantiles are linearly interpolated order statistics, as `numpy.quantile` gives them.  Fastest where
    the draws of one quantity lie next to each other in memory.

    Args:
        draws: (S, ...) with S >= 1; quantities whose draws are all missing stay missing.
    """
    last = np.moveaxis(draws, 0, -1)
    position = _QUANTILES * (last.shape[-1] - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, last.shape[-1] - 1)
    ordered = np.partition(last, np.unique([below, above]), axis=-1)
    low, high = ordered[..., below], ordered[..., above]
    q05, q50, q95 = np.moveaxis(low + (high - low) * (position - below), -1, 0)
    return Interval(last.mean(axis=-1), q05, q50, q95)
