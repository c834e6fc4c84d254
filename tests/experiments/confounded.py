"""A panel with a channel whose spend follows demand that no column holds, one lift test of it, and the truth."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from mmm_core.experiments.cells import as_lift_test
from mmm_core.experiments.experiment import Experiment
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.adstock import adstock_weights

CONFOUNDED = 0
_MAX_LAG = 8
_ALPHA = (0.3, 0.5, 0.2)
_ROI = (1.2, 2.0, 1.0)
_TEST_WEEKS = 8
_CHANGE = -0.9
"""Relative change of spend in the test."""


@dataclass(frozen=True)
class Confounded:
    """A simulated panel.  Channel `search` is confounded."""

    data: ModelData
    experiment: Experiment
    """Of `search`, with the wanted relative error."""
    roi: FloatArray
    """(M,) true return of each channel over the window."""


def confounded_panel(seed: int, n_geos: int = 4, n_weeks: int = 104, error: float = 0.15) -> Confounded:
    """Simulate.

    Args:
        seed: of everything random.
        n_geos: the test runs in half of them.
        n_weeks: of the panel.
        error: relative standard error of the lift test; its result is off by such a random error.
    """
    rng = np.random.default_rng(seed)
    demand = _demand(rng, n_geos, n_weeks)
    population = rng.uniform(2e5, 1e6, n_geos)
    activity = np.exp(0.5 * rng.standard_normal((n_geos, n_weeks, len(_ROI)))) * (
        rng.random((n_geos, n_weeks, len(_ROI))) > 0.2
    )
    activity[:, :, CONFOUNDED] = np.exp(0.6 * demand + 0.15 * rng.standard_normal(demand.shape))
    tested, start = np.arange(0, n_geos, 2), n_weeks - 13
    activity[tested, start : start + _TEST_WEEKS, CONFOUNDED] *= 1 + _CHANGE
    spend = activity * population[:, None, None] * [0.04, 0.06, 0.04]
    response = _response(spend / population[:, None, None])
    season = 0.15 * np.sin(2 * np.pi * np.arange(n_weeks) / 52)
    base = 1.0 + 0.2 * rng.standard_normal(n_geos)[:, None] + season + 0.02 * demand
    per_capita = base + 0.25 * rng.standard_normal(demand.shape)
    scale = np.array(_ROI) * spend.sum(axis=(0, 1)) / (response * population[:, None, None]).sum(axis=(0, 1))
    kpi = population[:, None] * (per_capita + response @ scale)
    data = ModelData(
        geos=tuple(f"Geo{g}" for g in range(n_geos)),
        dates=np.datetime64("2022-01-03") + 7 * np.arange(n_weeks),
        channels=("search", "tv", "radio"),
        controls=(),
        control_roles=(),
        kpi=np.maximum(kpi, 0.0),
        kpi_type="revenue",
        revenue_per_kpi=None,
        population=population,
        media=spend,
        spend=spend,
        control_values=np.zeros((n_geos, n_weeks, 0)),
        currency="USD",
        data_version=f"confounded {seed}",
    )
    experiment = Experiment(
        name="search lift",
        origin="simulation",
        row=2,
        channels=("search",),
        geos=tuple(data.geos[g] for g in tested),
        start=data.dates[start],
        end=data.dates[start + _TEST_WEEKS - 1] + 6,
        spend_change=None,
        relative_change=_CHANGE,
        metric="outcome",
        estimate=1.0,
        sd=1.0,
        post_weeks=4,
    )
    test = as_lift_test(experiment, data)
    without = _response(test.media_without(data) / population[:, None, None])
    lift = float((((response - without) @ scale) * population[:, None] * test.worth(data)).sum())
    measured = lift * (1 + error * rng.standard_normal())
    experiment = dataclasses.replace(experiment, estimate=measured, sd=error * abs(lift))
    return Confounded(data, experiment, np.array(_ROI))


def _demand(rng: np.random.Generator, n_geos: int, n_weeks: int) -> FloatArray:
    """(G, T) stationary with variance 1: half of it is common to all geos."""
    noise = rng.standard_normal((n_geos + 1, n_weeks))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0]
    for t in range(1, n_weeks):
        series[:, t] = 0.6 * series[:, t - 1] + 0.8 * noise[:, t]
    return np.asarray((series[:1] + series[1:]) / np.sqrt(2))


def _response(per_capita: FloatArray) -> FloatArray:
    """(G, T, M) adstocked and saturated media, half saturated at the mean week."""
    found = np.empty_like(per_capita)
    for m, alpha in enumerate(_ALPHA):
        weights = adstock_weights(np.array([alpha]), "geometric", _MAX_LAG)[0]
        stock = np.zeros(per_capita.shape[:2])
        for lag, weight in enumerate(weights):
            stock += weight * np.pad(per_capita[:, : per_capita.shape[1] - lag, m], ((0, 0), (lag, 0)))
        found[:, :, m] = stock / (stock + 1.5 * per_capita[:, :, m].mean())
    return found
