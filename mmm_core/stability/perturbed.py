"""Fits to data that say almost the same: media and spend a little off, or one geo's KPI not known."""

import dataclasses

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.errors import DataError
from mmm_core.features.held_out import without_kpi
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.progress import Progress, silent
from mmm_core.stability.refit import CHANGE_COLUMNS, refit, roi_changes

_FEWEST_GEOS = 3
"""With fewer, one geo is too much of the data for its absence to be a test."""


def noisy(data: ModelData, noise: float, seed: int) -> ModelData:
    """Media and spend of every cell multiplied by the same log-normal noise of mean 1.

    Args:
        data: any.
        noise: standard deviation of the logarithm, > 0.
        seed: of the noise.
    """
    rng = np.random.default_rng([seed, 1])

    def factors(shape: tuple[int, ...]) -> np.ndarray:
        return np.exp(noise * rng.standard_normal(shape) - noise**2 / 2)

    of_week = factors(data.media.shape)
    return dataclasses.replace(
        data,
        media=data.media * of_week,
        spend=data.spend * of_week,
        lead_media=data.lead_media * factors(data.lead_media.shape),
    )


def input_noise(
    posterior: Posterior, data: ModelData, config: Config, progress: Progress = silent
) -> pd.DataFrame:
    """How far ROI moves when media and spend are a little off: `roi_changes` of one fit.

    Args:
        posterior: the accepted fit, from which the fit starts.
        data: what it was fitted to.
        config: `evaluation.stability.input_noise`; nothing is fitted where it is null.
        progress: told how far the fit is.

    Raises:
        SamplingError: the fit gave no draws.
    """
    wanted = config.evaluation.stability.input_noise
    if wanted is None:
        return pd.DataFrame(columns=CHANGE_COLUMNS)
    changed = noisy(data, wanted.noise, config.evaluation.stability.seed)
    return roi_changes(posterior, refit(changed, posterior.spec, config, posterior, progress))


def left_out_geos(data: ModelData, most: int) -> list[int]:
    """Positions of the largest geos, by population, and by KPI where populations are equal.

    Raises:
        DataError: fewer than three geos.
    """
    if len(data.geos) < _FEWEST_GEOS:
        raise DataError(
            f"evaluation.stability.leave_one_geo_out needs at least {_FEWEST_GEOS} geos, the data have "
            f"{len(data.geos)}; set it to null."
        )
    kpi = np.nansum(data.kpi, axis=1)
    return [int(g) for g in np.lexsort((-kpi, -data.population))[:most]]


def leave_one_geo_out(
    posterior: Posterior, data: ModelData, config: Config, progress: Progress = silent
) -> pd.DataFrame:
    """How far ROI in the other geos moves when one geo's KPI is not known, for each of the largest geos.

    The geo stays in the model with its media (so that shapes, scaling and priors stay, and the fit can start from
    the accepted one), but says nothing; returns are compared over the other geos.

    Args:
        posterior: the accepted fit.
        data: what it was fitted to.
        config: `evaluation.stability.leave_one_geo_out`; nothing is fitted where it is null.
        progress: told how far each fit is.

    Returns:
        left_out (the geo), and the columns of `roi_changes`.

    Raises:
        DataError: too few geos.
        SamplingError: a fit gave no draws.
    """
    wanted = config.evaluation.stability.leave_one_geo_out
    if wanted is None:
        return pd.DataFrame(columns=["left_out", *CHANGE_COLUMNS])
    tables = []
    for g in left_out_geos(data, wanted.geos):
        cells = np.zeros(data.kpi.shape, dtype=bool)
        cells[g] = True
        fit = refit(without_kpi(data, cells), posterior.spec, config, posterior, progress)
        table = roi_changes(posterior, fit, [other for other in range(len(data.geos)) if other != g])
        table.insert(0, "left_out", data.geos[g])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
