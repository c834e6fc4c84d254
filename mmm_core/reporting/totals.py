"""Intervals of sums, which only the draws can give."""

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import expected_kpi_by_geo, incremental_kpi, incremental_outcome
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.reporting.inputs import Totals


def posterior_totals(posterior: Posterior) -> Totals:
    """The fit summed over geos with its 90 % posterior predictive interval, and those of the paid media share and
    of the return of all paid media.

    The noise is independent over geos, as in the model, and seeded from the fit's seed.
    """
    data = posterior.data
    robust = posterior.spec.family == "robust_log"
    expected, drawn = _robust_sums(posterior) if robust else _gaussian_sums(posterior)
    predicted = interval(drawn)
    media = incremental_kpi(posterior)[:, :, : len(data.paid_channels)].sum(axis=(1, 2))
    low, high = np.quantile(media / expected.sum(axis=1), (0.05, 0.95))
    fit = pd.DataFrame(
        {
            "date": data.dates.astype("datetime64[ns]"),
            "actual": np.where(data.present, data.kpi, 0.0).sum(axis=0),
            "predicted_mean": expected.mean(axis=0),
            "q05": predicted.q05,
            "q95": predicted.q95,
        }
    )
    return Totals(fit=fit, media_share=(float(low), float(high)), media_roi=_media_roi(posterior))


def _media_roi(posterior: Posterior) -> tuple[float, float] | None:
    """5 % and 95 % quantile of outcome / spend over all paid channels; None where nothing was spent."""
    data, n_paid = posterior.data, len(posterior.data.paid_channels)
    money = float(data.spend[:, :, :n_paid].sum())
    if money <= 0:
        return None
    outcome = incremental_outcome(posterior)[:, :, :n_paid].sum(axis=(1, 2))
    low, high = np.quantile(outcome / money, (0.05, 0.95))
    return float(low), float(high)


def _gaussian_sums(posterior: Posterior) -> tuple[FloatArray, FloatArray]:
    """(S, T) expected KPI of all geos together, and the same with noise.

    The noise of the sum has the variance `sum_g (sigma_g * kpi_sd * population_g)^2` over the geos present.
    """
    data, scaling = posterior.data, posterior.scaling
    expected = np.zeros((posterior.n_draws, len(data.dates)))
    for kpi in expected_kpi_by_geo(posterior):
        expected += kpi
    geo_sd = posterior.stacked("sigma") * scaling.kpi_sd * scaling.population
    noise_sd = np.sqrt(geo_sd**2 @ data.present)
    rng = np.random.default_rng([posterior.info.seed, len(data.geos)])
    return expected, expected + rng.standard_normal(expected.shape) * noise_sd


def _robust_sums(posterior: Posterior) -> tuple[FloatArray, FloatArray]:
    """The same where noise multiplies, so that only simulated geos can be added."""
    expected, drawn = np.zeros((2, posterior.n_draws, len(posterior.data.dates)))
    for geo_expected, geo_drawn in predictive_draws(posterior):
        expected += geo_expected
        drawn += geo_drawn
    return expected, drawn
