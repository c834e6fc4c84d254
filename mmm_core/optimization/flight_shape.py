"""Saturation with its first two derivatives, and a concave function above it.

For S-shapes (Hill exponents above 1) the function above is the concave envelope over the media that a plan can
reach, so that what is concave bounds what is not.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.model_spec import SaturationFamily
from mmm_core.model.saturation import Saturation

_LEAST = 1e-12
"""Media, in half-saturations, from which slopes are taken: those of Hill exponents below 1 are infinite at 0.  A
tangent there is above the curve at 0 too, so bounds hold."""
_HALF_LOG_3 = float(np.log(3) / 2)
_NODES = 48
"""Steps between 0 and the inflection in which the least reachable media is rounded down."""
_BISECTIONS = 50


@dataclass(frozen=True)
class Values:
    """A function of media and its derivatives, each (..., S); None where they were not asked for."""

    value: FloatArray
    slope: FloatArray | None = None
    bend: FloatArray | None = None


@dataclass(frozen=True)
class Shape:
    """Saturation over S draws of media in half-saturations (formulas: `model.saturation`)."""

    family: SaturationFamily
    exponent: FloatArray | None
    """(S,) Hill exponents; None: 1, or the family has none."""

    @classmethod
    def of(cls, saturation: Saturation) -> "Shape":
        """The shape of the model's saturation."""
        return cls(saturation.family, saturation.slope)

    def take(self, draws: slice) -> "Shape":
        """The same for some of the draws."""
        return Shape(self.family, None if self.exponent is None else self.exponent[draws])

    @property
    def is_concave(self) -> bool:
        """Whether all draws are."""
        return self.exponent is None or bool((self.exponent <= 1).all())

    def __call__(self, media: FloatArray, order: int = 0) -> Values:
        """Values, with `order` 1 slopes, with 2 second derivatives too."""
        if self.family == "none":
            ones = np.ones_like(media) if order else None
            return Values(media, ones, np.zeros_like(media) if order > 1 else None)
        if self.family == "logistic":
            return _logistic(media, order)
        return self._hill(media, order)

    def _hill(self, media: FloatArray, order: int) -> Values:
        media = np.maximum(media, _LEAST) if order else media
        odds = media if self.exponent is None else media**self.exponent
        value = odds / (1 + odds)
        if not order:
            return Values(value)
        slope = value * (1 - value)
        slope /= media
        if self.exponent is not None:
            slope *= self.exponent
        if order == 1:
            return Values(value, slope)
        exponent = 1.0 if self.exponent is None else self.exponent
        bend = value * (-2 * exponent)
        bend += exponent - 1
        bend *= slope
        bend /= media
        return Values(value, slope, bend)


def _logistic(media: FloatArray, order: int) -> Values:
    value = np.tanh(media * _HALF_LOG_3)
    if not order:
        return Values(value)
    slope = _HALF_LOG_3 * (1 - value * value)
    return Values(value, slope, -2 * _HALF_LOG_3 * value * slope if order > 1 else None)


@dataclass(frozen=True)
class Above:
    """The concave envelope of a shape between the least and the most media: a line, then the curve.

    The line starts at the least media (rounded down to one of the nodes below the inflection) and touches the
    curve, or ends on it at the most media.  Where the least media is past the inflection there is no line.
    """

    shape: Shape

    def __call__(self, media: FloatArray, least: FloatArray, most: FloatArray, order: int) -> Values:
        """(R, S) values at media between (R, S) least and most."""
        found = self.shape(media, order)
        if self.shape.is_concave:
            return found
        inflection, starts, values, touches = self._table
        with np.errstate(over="ignore"):
            place = np.minimum(least / inflection * _NODES, _NODES).astype(np.intp)
        start, low, touch = (np.take_along_axis(table, place, axis=0) for table in (starts, values, touches))
        end = np.maximum(np.minimum(touch, most), start)
        high = self.shape(end).value
        rise = np.divide(high - low, end - start, out=np.zeros_like(end), where=end > start)
        line = ((most < touch) | (media < end)) & (end > start)  # at the most media the curve may be too steep
        value = np.where(line, low + rise * (media - start), found.value)
        if found.slope is None:
            return Values(value)
        slope = np.where(line, rise, found.slope)
        return Values(value, slope, None if found.bend is None else np.where(line, 0.0, found.bend))

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """(S,) inflections; (nodes, S) where lines start, the values there, and where they touch the curve."""
        exponent = self.shape.exponent
        if exponent is None:
            raise ValueError("A concave shape is its own envelope.")
        convex = exponent > 1
        power = np.where(convex, exponent, 2.0)
        inflection = np.where(convex, ((power - 1) / (power + 1)) ** (1 / power), 1e-300)
        starts = inflection * (np.arange(_NODES + 1) / _NODES)[:, None]
        curve = Shape("hill", exponent)
        values = np.where(starts > 0, curve(starts).value, 0.0)
        left, right = np.broadcast_to(inflection, starts.shape).copy(), np.maximum(starts, 0) + 0.0
        right[:] = np.where(convex, (power - 1) ** (1 / power), 1e-300)  # of the line from no media
        right = np.maximum(right, left)
        for _ in range(_BISECTIONS):
            middle = (left + right) / 2
            at = curve(middle, 1)
            slope = at.slope if at.slope is not None else np.zeros_like(middle)
            under = at.value - values < slope * (middle - starts)
            left, right = np.where(under, middle, left), np.where(under, right, middle)
        touches = np.where(starts < inflection, right, starts)
        return inflection, starts, values, touches


def below(shape: Shape, media: FloatArray, least: FloatArray, most: FloatArray, order: int, flat: bool) -> Values:
    """A line below a shape on a range: the chord of concave draws, the least value of the others (and if `flat`).

    For effects below 0, whose negative must not exceed it.
    """
    low, high = shape(least).value, shape(most).value
    rise = np.divide(high - low, most - least, out=np.zeros_like(most), where=most > least)
    if flat:
        rise = np.zeros_like(rise)
    elif shape.exponent is not None:
        rise = np.where(shape.exponent <= 1, rise, 0.0)
    value = low + rise * (media - least)
    return Values(value, rise if order else None, np.zeros_like(value) if order > 1 else None)
