"""What a fit says of a lift test: the forward model with the media in the data, minus that without the change."""

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import expected_kpi_by_geo
from mmm_core.model.lift_test import LiftTest
from mmm_core.model.posterior import Posterior
from mmm_core.model.predictors import channel_response, channel_series, effect_units, stacked_draws


def lift_draws(posterior: Posterior, test: LiftTest) -> FloatArray:
    """(S,) effect of the test's change of media, in its unit.

    Args:
        posterior: the fit (or prior draws in its form).
        test: its cells have to be in the posterior's data.

    Raises:
        SpecificationError: they are not.
    """
    if posterior.spec.family == "robust_log":
        return _of_expected_kpi(posterior, test)
    data, without, worth = posterior.data, test.media_without(posterior.data), test.worth(posterior.data)
    units, beta = effect_units(posterior), stacked_draws(posterior, "beta_gm")
    lift = np.zeros(posterior.n_draws)
    for m in test.channel_positions(data):
        response = channel_response(posterior, m)
        there, not_there = channel_series(posterior, m, None), channel_series(posterior, m, without)
        for g in test.geo_positions(data):
            change = response.weekly(there[g]) - response.weekly(not_there[g])
            lift += beta[:, g, m] * ((worth[g][:, None] * units[g]) * change).sum(axis=0)
    return lift


def _of_expected_kpi(posterior: Posterior, test: LiftTest) -> FloatArray:
    """The same where channels multiply, so that the whole KPI is needed."""
    worth, without = test.worth(posterior.data), test.media_without(posterior.data)
    pairs = zip(expected_kpi_by_geo(posterior), expected_kpi_by_geo(posterior, without), worth, strict=True)
    return np.asarray(sum((with_change - base) @ value for with_change, base, value in pairs))
