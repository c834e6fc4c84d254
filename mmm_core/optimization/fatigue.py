"""Wear-out of creatives under a larger plan: the same audience sees the same creatives more often."""

import numpy as np

from mmm_core.features.model_data import FloatArray


def effective_factors(factors: FloatArray, rate: FloatArray | float) -> FloatArray:
    """What multiples of the current media count like.

        k <= 1:  k
        k > 1:   1 + (1 - exp(-rate * (k - 1))) / rate        (rate 0: k)

    The plan as it is and every smaller one count fully, as in the fit, which has seen their wear.  Beyond it, the
    next unit of media counts exp(-rate * (k - 1)) of a fresh one, so value and slope are continuous at k = 1,
    order is kept, and no plan counts more than 1 + 1 / rate times the current one.  Exponential wear with the
    amount shown is an assumption (`optimization.creative_fatigue`), not something that the fit has measured.

    Args:
        factors: multiples of the current media, >= 0, of any shape.
        rate: wear, >= 0, one for all or broadcastable against `factors`.
    """
    beyond = np.maximum(np.asarray(factors, dtype=np.float64) - 1.0, 0.0)
    wears = np.asarray(rate, dtype=np.float64)
    counted = np.where(wears > 0, -np.expm1(-wears * beyond) / np.where(wears > 0, wears, 1.0), beyond)
    return np.asarray(np.minimum(factors, 1.0) + np.minimum(counted, beyond), dtype=np.float64)
