"""Actual against predicted KPI."""

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.model.forward import expected_kpi_by_geo
from mmm_core.model.posterior import Posterior


def fit_table(posterior: Posterior) -> pd.DataFrame:
    """One row per geo and week, in KPI units.

    The mean is that of the expected KPI (so contributions add up to it); the interval is the 90 %
    posterior predictive interval, noise included.  The noise is seeded from the fit's seed, geo by geo.

    Returns:
        geo, date, actual, predicted_mean, q05, q95.
    """
    data = posterior.data
    sigma = posterior.stacked("sigma") * posterior.scaling.kpi_sd
    tables = []
    for g, expected in enumerate(expected_kpi_by_geo(posterior)):
        rng = np.random.default_rng([posterior.info.seed, g])
        noise = rng.standard_normal(expected.T.shape) * (sigma[:, g] * posterior.scaling.population[g])
        predicted = interval(expected + noise.T)
        tables.append(
            pd.DataFrame(
                {
                    "geo": data.geos[g],
                    "date": data.dates.astype("datetime64[ns]"),
                    "actual": data.kpi[g],
                    "predicted_mean": expected.mean(axis=0),
                    "q05": predicted.q05,
                    "q95": predicted.q95,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
