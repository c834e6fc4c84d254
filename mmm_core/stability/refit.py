"""Short fits of the accepted model to changed data, and how far its returns move."""

import dataclasses

import numpy as np
import pandas as pd
import xarray as xr

from mmm_core.config.schema import Config
from mmm_core.evaluation.convergence import diagnose
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backend import SamplerSettings, get_backend, sampler_settings
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.progress import Progress, silent

CHANGE_COLUMNS = ["channel", "roi_before", "roi_after", "change", "change_sd", "monte_carlo_error", "sure_change"]
_CHAINS = 2
_RETRY_RHAT = 1.1
"""Above it a fit is made once more, longer: a chain that is stuck says nothing about stability."""
_ERRORS = 2.0
"""Monte Carlo standard errors that are taken off a change, as both fits have finitely many draws."""


def refit(
    data: ModelData,
    spec: ModelSpec,
    config: Config,
    start: Posterior | None = None,
    progress: Progress = silent,
) -> Posterior:
    """Two short chains of `model.backend`, once more and longer where they disagree much.

    Args:
        data: what is fitted to.
        spec: the model.
        config: `evaluation.stability.draws` and `.seed`, and the sampler's settings.
        start: the accepted fit, for a warm start where the backend can.
        progress: told how far the fit is.

    Raises:
        SpecificationError: the data are not enough for the model.
        SamplingError: the fit gave no draws.
    """
    backend, settings = get_backend(config.model.backend), refit_settings(config)
    fit = backend.sample(data, spec, settings, progress, start)
    if float(diagnose(fit).interpreted["rhat"].max()) > _RETRY_RHAT:
        fit = backend.sample(data, spec, settings.longer(config.training.retry_factor), progress)
    return fit


def refit_settings(config: Config) -> SamplerSettings:
    """The sampler's settings, but two chains of `evaluation.stability.draws`."""
    wanted, configured = config.evaluation.stability, sampler_settings(config)
    return dataclasses.replace(
        configured,
        chains=_CHAINS,
        tune=min(configured.tune, wanted.draws),
        draws=wanted.draws,
        seed=wanted.seed,
    )


def roi_changes(before: Posterior, after: Posterior, geos: list[int] | None = None) -> pd.DataFrame:
    """How each paid channel's ROI differs between two fits.

    Args:
        before: the accepted fit.
        after: another one with the same geos; its channels may be more.
        geos: positions of the geos over which returns are taken; None for all.

    Returns:
        `CHANGE_COLUMNS`: channel; posterior means of ROI; change (after / before - 1); change_sd (in posterior sd
        of before); monte_carlo_error (standard error of `change` because draws are finitely many);
        sure_change (size of the change that is left when two such errors are taken off, >= 0).
    """
    channels = [name for name in before.data.paid_channels if name in after.data.paid_channels]
    was, became = _roi(before, channels, geos), _roi(after, channels, geos)
    mean, sd, error = was.mean(axis=(0, 1)), was.std(axis=(0, 1)), np.hypot(mean_error(was), mean_error(became))
    size = np.where(mean != 0, np.abs(mean), np.nan)
    change = (became.mean(axis=(0, 1)) - mean) / size
    return pd.DataFrame(
        {
            "channel": np.array(channels, dtype=object),
            "roi_before": mean,
            "roi_after": became.mean(axis=(0, 1)),
            "change": change,
            "change_sd": change * size / np.where(sd > 0, sd, np.nan),
            "monte_carlo_error": error / size,
            "sure_change": np.maximum(0.0, np.abs(change) - _ERRORS * error / size),
        }
    )


def _roi(posterior: Posterior, channels: list[str], geos: list[int] | None) -> FloatArray:
    """(chain, draw, C) ROI over some geos."""
    where = slice(None) if geos is None else geos
    columns = [posterior.data.channels.index(name) for name in channels]
    outcome = incremental_outcome(posterior)[:, where][:, :, columns].sum(axis=1)
    spend = posterior.data.spend[where][:, :, columns].sum(axis=(0, 1))
    chains = posterior.samples.sizes["chain"]
    return np.asarray((outcome / np.where(spend > 0, spend, np.nan)).reshape(chains, -1, len(columns)))


def mean_error(draws: FloatArray) -> FloatArray:
    """(C,) standard error of the mean of (chain, draw, C) autocorrelated draws."""
    import arviz as az

    dataset = xr.Dataset({"x": (("chain", "draw", "channel"), draws)})
    with np.errstate(invalid="ignore", divide="ignore"):
        effective = az.ess(dataset, method="mean")["x"].values
    sd = draws.std(axis=(0, 1))
    return np.asarray(sd / np.sqrt(np.where(np.isfinite(effective) & (effective > 0), effective, np.inf)))
