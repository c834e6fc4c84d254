"""Leave-one-out and WAIC through ArviZ, from the forward model, whichever backend made the fit.

The pointwise log likelihood of every geo-week whose KPI is known is computed from the draws (`model.noise`), in
KPI units.  It takes draws times geo-weeks numbers, 200 MB for 4,000 draws of 40 geos and 156 weeks, so at most
`MOST_DRAWS` evenly spaced draws of all chains are used.

Reference: Vehtari, Gelman, Gabry (2017), Practical Bayesian model evaluation using leave-one-out cross-validation
and WAIC, Statistics and Computing 27(5).
"""

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from mmm_core.errors import InputError
from mmm_core.features.model_data import ModelData
from mmm_core.model.noise import log_densities
from mmm_core.model.posterior import Posterior

MOST_DRAWS = 1000
"""Draws of all chains together that a log likelihood is kept of."""
RELIABLE_K = 0.7
"""Pareto k up to which importance sampling is trusted."""


@dataclasses.dataclass(frozen=True)
class LeaveOneOut:
    """How well a fit predicts each geo-week from all others."""

    elpd: float
    """Expected log predictive density, summed over geo-weeks."""
    se: float
    effective_parameters: float
    waic: float
    """The same by WAIC (on the scale of elpd, larger is better)."""
    waic_se: float
    draws: int
    """Draws that were used."""
    cells: pd.DataFrame
    """geo, date (YYYY-MM-DD), elpd, pareto_k, per geo-week with known KPI."""

    @property
    def unreliable_share(self) -> float:
        """Share of geo-weeks whose Pareto k is above `RELIABLE_K`."""
        return float((self.cells["pareto_k"] > RELIABLE_K).mean())

    def row(self) -> pd.DataFrame:
        """The totals as a table of one row."""
        names = ("elpd", "se", "effective_parameters", "waic", "waic_se", "draws", "unreliable_share")
        return pd.DataFrame([{"cells": len(self.cells), **{name: getattr(self, name) for name in names}}])


def thinned(posterior: Posterior, most: int = MOST_DRAWS) -> Posterior:
    """The posterior with every n-th draw of each chain, so that there are at most `most` (>= chains)."""
    step = -(-posterior.n_draws // most)
    if step == 1:
        return posterior
    every = slice(None, None, step)
    samples = posterior.samples.isel(draw=every)
    return dataclasses.replace(
        posterior,
        samples=samples,
        sample_stats=posterior.sample_stats.isel(draw=every),
        info=dataclasses.replace(posterior.info, draws=int(samples.sizes["draw"])),
    )


def inference_data(posterior: Posterior, most: int = MOST_DRAWS) -> Any:
    """An `arviz.InferenceData` with groups posterior, sample_stats, log_likelihood and observed_data.

    `log_likelihood` has `kpi` with dims (chain, draw, observation): an observation is a geo-week whose KPI is
    known, in the order of geos and then weeks, with coordinates `geo` and `date`.

    Args:
        posterior: any fit.
        most: draws that are kept, evenly spaced; what lies between is left out.
    """
    import arviz as az

    fit = thinned(posterior, most)
    known = _known(fit.data)
    values = np.concatenate(
        [density[:, there] for density, there in zip(log_densities(fit), known, strict=True)], axis=1
    )
    chains, draws = fit.samples.sizes["chain"], fit.samples.sizes["draw"]
    geo, week = np.nonzero(known)
    coords = {
        "chain": np.arange(chains),
        "draw": np.arange(draws),
        "geo": ("observation", np.array(fit.data.geos, dtype=object)[geo]),
        "date": ("observation", fit.data.dates[week].astype("datetime64[ns]")),
    }
    dims = ("chain", "draw", "observation")
    likelihood = xr.Dataset({"kpi": (dims, values.reshape(chains, draws, -1))}, coords=coords)
    observed = {name: coords[name] for name in ("geo", "date")}
    numbered = {"chain": coords["chain"], "draw": coords["draw"]}
    return az.InferenceData(
        posterior=fit.samples.assign_coords(numbered),
        sample_stats=fit.sample_stats.assign_coords(numbered),
        log_likelihood=likelihood,
        observed_data=xr.Dataset({"kpi": (("observation",), fit.data.kpi[known])}, coords=observed),
    )


def leave_one_out(posterior: Posterior, most: int = MOST_DRAWS) -> LeaveOneOut:
    """PSIS-LOO and WAIC of a fit, from at most `most` draws."""
    import arviz as az

    data = inference_data(posterior, most)
    with _quiet():
        loo, waic = az.loo(data, pointwise=True, var_name="kpi"), az.waic(data, var_name="kpi")
    likelihood = data.log_likelihood["kpi"]
    cells = pd.DataFrame(
        {
            "geo": likelihood["geo"].values,
            "date": pd.DatetimeIndex(likelihood["date"].values).strftime("%Y-%m-%d"),
            "elpd": loo.loo_i.values,
            "pareto_k": loo.pareto_k.values,
        }
    )
    return LeaveOneOut(
        elpd=float(loo.elpd_loo),
        se=float(loo.se),
        effective_parameters=float(loo.p_loo),
        waic=float(waic.elpd_waic),
        waic_se=float(waic.se),
        draws=likelihood.sizes["chain"] * likelihood.sizes["draw"],
        cells=cells,
    )


def compare_fits(fits: Mapping[str, Posterior], most: int = MOST_DRAWS) -> pd.DataFrame:
    """Compare fits of several models to the same KPI by leave-one-out, without Bayes factors.

    Args:
        fits: name -> posterior, of either backend; media, controls, family and scaling may differ.
        most: draws of each that are used.

    Returns:
        Best first: name, elpd, se, effective_parameters, difference (elpd less that of the best, <= 0),
        difference_se (of the paired differences), weight (stacking), unreliable_share.

    Raises:
        InputError: fewer than two fits, or not the same geo-weeks and KPI in all of them.
    """
    import arviz as az

    _refuse_other_data(fits)
    found, shares = {}, {}
    for name, posterior in fits.items():
        with _quiet():
            found[name] = az.loo(inference_data(posterior, most), pointwise=True, var_name="kpi")
        shares[name] = float((found[name].pareto_k.values > RELIABLE_K).mean())
    with _quiet():
        table = az.compare(found, ic="loo", method="stacking", scale="log")
    names = [str(name) for name in table.index]
    return pd.DataFrame(
        {
            "name": names,
            "elpd": table["elpd_loo"].to_numpy(float),
            "se": table["se"].to_numpy(float),
            "effective_parameters": table["p_loo"].to_numpy(float),
            "difference": -table["elpd_diff"].to_numpy(float),
            "difference_se": table["dse"].to_numpy(float),
            "weight": table["weight"].to_numpy(float),
            "unreliable_share": [shares[name] for name in names],
        }
    )


def _known(data: ModelData) -> NDArray[np.bool_]:
    """(G, T) cells of the likelihood."""
    return np.asarray(data.observed & data.present)


def _refuse_other_data(fits: Mapping[str, Posterior]) -> None:
    if len(fits) < 2:
        raise InputError(f"A comparison needs at least two fits, {len(fits)} given; add a candidate.")
    (first, reference), *others = ((name, fit.data) for name, fit in fits.items())
    cells = np.where(_known(reference), reference.kpi, np.nan)
    for name, data in others:
        same = data.geos == reference.geos and np.array_equal(data.dates, reference.dates)
        if not same or not np.array_equal(np.where(_known(data), data.kpi, np.nan), cells, equal_nan=True):
            raise InputError(
                f"Fits {first} and {name} are not of the same geos, weeks and KPI, so their log densities cannot "
                "be compared; fit both to the same model_data."
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without ArviZ's warnings about Pareto k and WAIC, which the results say in numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield
