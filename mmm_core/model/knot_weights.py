"""The trend between knots."""

from collections.abc import Sequence

import numpy as np

from mmm_core.features.model_data import FloatArray


def knot_weights(knots: Sequence[int], n_weeks: int) -> FloatArray:
    """(n_weeks, n_knots) piecewise-linear weights of the knots, flat before the first and after the last."""
    weeks = np.arange(n_weeks)
    return np.stack([np.interp(weeks, knots, unit) for unit in np.eye(len(knots))], axis=1)
