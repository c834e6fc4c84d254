"""Intervals of sums, which only the draws can give."""

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.model.forward import expected_kpi_by_geo, incremental_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.reporting.inputs import Totals


def posterior_totals(posterior: Posterior) -> Totals:
    """The fit summed over geos with its 90 % posterior predictive interval, and that of the media share.

    The noise of the sum has the variance `sum_g (sigma_g * kpi_sd * population_g)^2` per week, independent
    over geos as in the model; it is seeded from the fit's seed.
    """
    data, scaling = posterior.data, posterior.scaling
    expected = np.zeros((posterior.n_draws, len(data.dates)))
    for kpi in expected_kpi_by_geo(posterior):
        expected += kpi
    geo_sd = posterior.stacked("sigma") * scaling.kpi_sd * scaling.population
    noise_sd = np.sqrt((geo_sd**2).sum(axis=1))
    rng = np.random.default_rng([posterior.info.seed, len(data.geos)])
    predicted = interval(expected + rng.standard_normal(expected.shape) * noise_sd[:, None])
    media = incremental_kpi(posterior).sum(axis=(1, 2))
    low, high = np.quantile(media / expected.sum(axis=1), (0.05, 0.95))
    fit = pd.DataFrame(
        {
            "date": data.dates.astype("datetime64[ns]"),
            "actual": data.kpi.sum(axis=0),
            "predicted_mean": expected.mean(axis=0),
            "q05": predicted.q05,
            "q95": predicted.q95,
        }
    )
    return Totals(fit=fit, media_share=(float(low), float(high)))
