"""Diminishing returns: what share of its full effect a channel reaches.

A saturation is evaluated in two steps, so that many multiples of the same media cost little: `prepared`
does what all of them share, `at` the rest.
"""

from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.model_spec import SaturationFamily

_HALF_LOG_3 = float(np.log(3) / 2)
"""tanh of it is 1/2."""


@dataclass(frozen=True)
class Saturation:
    """Saturation of one channel over S draws.

    hill: `x^slope / (x^slope + ec^slope)`; michaelis_menten: the same with slope 1; logistic:
    `(1 - e^(-k x)) / (1 + e^(-k x))` with `k = log(3) / ec`, so that it is 1/2 at ec; none: `x`.
    """

    family: SaturationFamily
    half: FloatArray
    """(S,) media units at which a saturating family reaches one half, > 0."""
    slope: FloatArray | None
    """(S,) Hill exponent; None where it is 1 in every draw or the family has none."""

    @classmethod
    def of(cls, family: SaturationFamily, half: FloatArray, slope: FloatArray) -> "Saturation":
        """Saturation from the parameters as they are saved, whether the family has them or not."""
        if family == "none":
            half = np.ones_like(half)
        return cls(family, half, slope if family == "hill" and not np.all(slope == 1) else None)

    def take(self, draws: slice) -> "Saturation":
        """The same for some of the draws."""
        return Saturation(self.family, self.half[draws], None if self.slope is None else self.slope[draws])

    def prepared(self, relative: FloatArray) -> FloatArray:
        """(..., S) the part that does not depend on the multiple; may overwrite its argument.

        Args:
            relative: (..., S) media divided by `half`.
        """
        if self.family == "logistic":
            relative *= _HALF_LOG_3
        elif self.slope is not None:
            np.power(relative, self.slope, out=relative)
        return relative

    def multiple(self, factor: float) -> FloatArray | float:
        """What `at` needs to know about a multiple >= 0 of media: (S,) or one number."""
        return _inverse_power(factor, self.slope) if self._is_odds else factor

    def at(
        self,
        prepared: FloatArray,
        multiple: FloatArray | float,
        scratch: FloatArray,
        out: FloatArray | None = None,
    ) -> FloatArray:
        """(..., S) saturation of a multiple of the prepared media, in `out` (or in `scratch`).

        Args:
            prepared: what `prepared` returned; stays as it is.
            multiple: what `multiple` returned.
            scratch: contiguous, of the same shape.
            out: of the same shape.
        """
        out = scratch if out is None else out
        if self._is_odds:
            # A multiple of media multiplies the odds of the Hill function by factor^slope.
            np.add(prepared, multiple, out=scratch)
            return np.asarray(np.divide(prepared, scratch, out=out))
        np.multiply(prepared, multiple, out=scratch)
        if self.family == "logistic":
            return np.asarray(np.tanh(scratch, out=out))
        out[...] = scratch
        return out

    def __call__(self, relative: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """(..., S) saturated media, in `out` (or a new array); may overwrite its argument."""
        return self.at(self.prepared(relative), 1.0, np.empty_like(relative), out)

    @property
    def _is_odds(self) -> bool:
        return self.family in ("hill", "michaelis_menten")


def _inverse_power(factor: float, slope: FloatArray | None) -> FloatArray | float:
    """`factor^-slope`: infinite for no media (-0.0 too), never 0 (where no media would divide 0 by 0)."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        power = np.float64(abs(factor)) ** (-1.0 if slope is None else -slope)
    return np.maximum(power, np.finfo(np.float64).tiny)
