"""Posterior draws reduced to a mean and a 90 % interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mmm_core.features.model_data import FloatArray

_QUANTILES = np.array([0.05, 0.5, 0.95])


@dataclass(frozen=True)
class Interval:
    """Mean and quantiles over draws; four arrays of the same shape."""

    mean: FloatArray
    q05: FloatArray
    q50: FloatArray
    q95: FloatArray

    def times(self, factor: ArrayLike) -> "Interval":
        """The interval of a multiple of the quantity; missing where the factor is.

        Args:
            factor: >= 0, broadcasts to the shape.
        """
        factor = np.asarray(factor, dtype=np.float64)
        return Interval(self.mean * factor, self.q05 * factor, self.q50 * factor, self.q95 * factor)

    def columns(self, name: str, *, median: bool = False) -> dict[str, FloatArray]:
        """name_mean, name_q05, name_q50 (if asked for) and name_q95."""
        middle = {f"{name}_q50": self.q50} if median else {}
        return {f"{name}_mean": self.mean, f"{name}_q05": self.q05, **middle, f"{name}_q95": self.q95}


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
    # Where the processor sorts with vector instructions, this is faster than a partition at six places.
    ordered = np.array(last, order="C")
    ordered.sort(axis=-1)
    low, high = ordered[..., below], ordered[..., above]
    q05, q50, q95 = np.moveaxis(low + (high - low) * (position - below), -1, 0)
    return Interval(last.mean(axis=-1), q05, q50, q95)


def cost_interval(spend: ArrayLike, gained: FloatArray) -> Interval:
    """Spend per unit gained: (...) from draws of what was gained.

    The `mean` is spend / mean gain, what a unit costs at the expected effect: the mean of the ratio over draws
    is ruled by the few draws that gain almost nothing.  Quantiles are those of spend / gain over the draws,
    where a draw without gain, or with a loss, counts as costing more than any other.  What falls among such
    draws is missing (no cost is high enough), and so is all without spend.

    Args:
        spend: (...) money, >= 0.
        gained: (S, ...) draws.
    """
    money = np.asarray(spend, dtype=np.float64)
    money = np.where(money > 0, money, np.nan)
    endless = np.finfo(np.float64).max / 4
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        found = interval(np.where(gained > 0, np.minimum(money / gained, endless), endless))
        mean = gained.mean(axis=0)
        at_mean = np.where(mean > 0, money / mean, np.nan)
    # An interpolation that touches a draw without gain is at least a small part of `endless`.
    known = [
        np.where((one < 1e200) & np.isfinite(money), one, np.nan) for one in (found.q05, found.q50, found.q95)
    ]
    return Interval(at_mean, *known)
