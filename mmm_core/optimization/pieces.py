"""A curve at chosen levels of spend, its concave envelope, and what it can exceed both by."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray


class Curve(Protocol):
    """What the solver needs to know about a cell."""

    @property
    def spend(self) -> FloatArray:
        """Nodes that must be among the levels for `rise` to hold."""

    @property
    def scale(self) -> float:
        """Money at which levels are densest."""

    def __call__(self, spend: FloatArray) -> FloatArray:
        """Outcome at each of many spends."""

    def rise(self, spend: FloatArray) -> FloatArray:
        """How far the curve can rise above its chord between neighbouring spends, at most."""


@dataclass(frozen=True)
class Piece:
    """One cell between two spends."""

    levels: FloatArray
    """(L,) ascending spends, L >= 1."""
    values: FloatArray
    """(L,) outcomes."""
    rises: FloatArray
    """(L - 1,) how far the curve can rise above its chord in each interval."""

    @cached_property
    def hull(self) -> NDArray[np.intp]:
        """(H,) indices of the levels on the concave envelope (monotone chain)."""
        x, y = self.levels.tolist(), self.values.tolist()
        chain: list[int] = []
        for i in range(len(x)):
            while len(chain) > 1:
                a, b = chain[-2], chain[-1]
                if (y[b] - y[a]) * (x[i] - x[a]) > (y[i] - y[a]) * (x[b] - x[a]):
                    break
                chain.pop()
            chain.append(i)
        return np.array(chain, dtype=np.intp)

    @cached_property
    def widths(self) -> FloatArray:
        """(H - 1,) widths of the envelope's segments."""
        return np.diff(self.levels[self.hull])

    @cached_property
    def slopes(self) -> FloatArray:
        """(H - 1,) slopes of the envelope's segments, descending."""
        return np.asarray(np.diff(self.values[self.hull]) / self.widths, dtype=np.float64)

    def envelope(self, spend: float) -> float:
        """Concave envelope at one spend."""
        return float(np.interp(spend, self.levels[self.hull], self.values[self.hull]))

    def best(self, price: float) -> float:
        """At least the largest outcome minus `price` times spend, whatever the curve does between the levels."""
        return float(self._tops(price).max())

    def best_interval(self, price: float) -> FloatArray:
        """Ends of the interval that `best` is about."""
        at = int(np.argmax(self._tops(price)))
        return self.levels[at : at + 2]

    def _tops(self, price: float) -> FloatArray:
        """What outcome minus `price` times spend does not exceed in each interval."""
        net = self.values - price * self.levels
        return net if len(net) == 1 else np.maximum(net[:-1], net[1:]) + self.rises

    def near(self, spend: float, reach: int) -> "Piece":
        """The same with at most `reach` levels on either side of a spend."""
        at = int(np.searchsorted(self.levels, spend))
        low, high = max(at - reach, 0), at + reach
        low = min(low, len(self.levels) - 1)
        return Piece(self.levels[low:high], self.values[low:high], self.rises[low : high - 1])

    def split(self, at: int) -> tuple["Piece", "Piece"]:
        """The same below and above one of the levels."""
        low = Piece(self.levels[: at + 1], self.values[: at + 1], self.rises[:at])
        return low, Piece(self.levels[at:], self.values[at:], self.rises[at:])


def piece_of(curve: Curve, levels: FloatArray) -> Piece:
    """A curve at given levels; nodes of the curve between them are added."""
    nodes = curve.spend
    between = nodes[(nodes > levels[0]) & (nodes < levels[-1])]
    levels = _distinct(np.concatenate([levels, between]))
    return Piece(levels, curve(levels), curve.rise(levels))


def refined(curve: Curve, piece: Piece, around: FloatArray, n_levels: int) -> Piece:
    """The piece with more levels in the intervals next to some spends."""
    at = np.clip(np.searchsorted(piece.levels, around), 1, max(1, len(piece.levels) - 1))
    if len(piece.levels) == 1:
        return piece
    new = [
        np.linspace(piece.levels[max(i - 2, 0)], piece.levels[min(i + 1, len(piece.levels) - 1)], n_levels)
        for i in at
    ]
    return piece_of(curve, _distinct(np.concatenate([piece.levels, *new])))


def spaced_levels(curve: Curve, low: float, high: float, n_levels: int) -> FloatArray:
    """Levels between two spends, evenly spaced on the scale `spend / (spend + scale)`."""
    if not high > low:
        return np.array([low])
    scale = curve.scale if curve.scale > 0 else max(high, 1e-300)
    even = np.linspace(low / (low + scale), high / (high + scale), n_levels)
    levels = np.clip(scale * even / (1 - even), low, high)
    levels[[0, -1]] = low, high
    return _distinct(levels)


def _distinct(levels: FloatArray) -> FloatArray:
    """Ascending, without those that are the same up to round-off; both ends stay."""
    levels = np.sort(levels)
    keep = np.ones(len(levels), dtype=bool)
    keep[1:] = np.diff(levels) > 1e-13 * levels[-1]
    last = levels[-1]
    levels = levels[keep]
    levels[-1] = last
    return levels
