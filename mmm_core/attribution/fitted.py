"""Actual against predicted KPI."""

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior


def fit_table(posterior: Posterior) -> pd.DataFrame:
    """One row per geo and week in which the geo is present, in KPI units.

    The mean is that of the expected KPI (so contributions add up to it); the interval is the 90 %
    posterior predictive interval, noise included.  The noise is seeded from the fit's seed, geo by geo.

    Returns:
        geo, date, actual (missing where the KPI is not known), predicted_mean, q05, q95.
    """
    data = posterior.data
    tables = []
    for g, (expected, drawn) in enumerate(predictive_draws(posterior)):
        predicted, weeks = interval(drawn), np.flatnonzero(data.present[g])
        columns = {
            "geo": data.geos[g],
            "date": data.dates.astype("datetime64[ns]"),
            "actual": data.kpi[g],
            "predicted_mean": expected.mean(axis=0),
            "q05": predicted.q05,
            "q95": predicted.q95,
        }
        tables.append(pd.DataFrame(columns).iloc[weeks])
    return pd.concat(tables, ignore_index=True)
