"""The panels of the coverage study are a fair problem: whoever knows the curves gets intervals that are right."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import t as student

from mmm_core.benchmark.coverage_panel import SCENARIOS, CoveragePanel, coverage_panel
from mmm_core.config.ingest import SimulatorConfig
from mmm_core.config.schema import Config
from mmm_core.data import generator
from mmm_core.data.simulator import simulate
from mmm_core.data.truth import Truth

PANELS = 60


def _truth(config: Config, scenario: str, number: int) -> Truth:
    sizes = config.benchmark.coverage
    preset = dataclasses.replace(
        SCENARIOS[scenario],
        n_geos=sizes.geos,
        n_weeks=sizes.weeks,
        n_channels=sizes.channels,
        n_controls=sizes.controls,
    )
    return simulate(SimulatorConfig(seed=config.benchmark.seed + number), preset).truth


def _saturated(panel: CoveragePanel, truth: Truth) -> np.ndarray:
    """(G, T, M) media after carry-over and saturation with the true parameters."""
    per_capita = panel.data.media / panel.data.population[:, None, None]
    typical = [np.median(values[values > 0]) for values in np.moveaxis(per_capita, 2, 0)]
    alpha, ec, slope = (np.array(list(values.values())) for values in (truth.alpha, truth.ec, truth.slope))
    return generator.saturation(generator.carry_over(per_capita / typical, alpha), ec, slope)


def _design(panel: CoveragePanel, saturated: np.ndarray, fourier: int) -> np.ndarray:
    """(G * T, P) effects of channels by geo, then intercepts, knots, control by geo, seasonality."""
    n_geos, n_weeks, n_channels = saturated.shape
    own = np.eye(n_geos)[:, :, None] * np.ones(n_weeks)  # (G columns, G, T)
    week = np.arange(n_weeks)
    knots = np.linspace(0, n_weeks - 1, 8, dtype=int)
    shared = [np.interp(week, knots, row) for row in np.eye(8)[1:]]
    for order in range(1, fourier + 1):
        angle = 2 * np.pi * order * 7 * week / 365.25
        shared += [np.sin(angle), np.cos(angle)]
    columns = [own[g] * saturated[:, :, m] for m in range(n_channels) for g in range(n_geos)]
    columns += [*own, *(np.broadcast_to(line, (n_geos, n_weeks)) for line in shared)]
    columns += [own[g] * panel.data.control_values[:, :, 0] for g in range(n_geos)]
    return np.stack([column.ravel() for column in columns], axis=1)


def _held(scenario: str, fourier: int) -> float:
    """Share of 90 % intervals of channels' totals, by least squares with known curves, that hold the truth."""
    config, inside = Config(), []
    for number in range(PANELS):
        panel = coverage_panel(config, scenario, number)
        saturated = _saturated(panel, _truth(config, scenario, number))
        design = _design(panel, saturated, fourier)
        people = panel.data.population
        kpi = (panel.data.kpi / people[:, None]).ravel()
        coefficients = np.linalg.lstsq(design, kpi, rcond=None)[0]
        rest, freedom = kpi - design @ coefficients, len(kpi) - design.shape[1]
        covariance = rest @ rest / freedom * np.linalg.inv(design.T @ design)
        for m, total in enumerate(panel.totals):
            weights = np.zeros(design.shape[1])
            weights[m * len(people) : (m + 1) * len(people)] = saturated[:, :, m].sum(axis=1) * people
            half = student.ppf(0.95, freedom) * np.sqrt(weights @ covariance @ weights)
            inside.append(abs(weights @ coefficients - total) <= half)
    return float(np.mean(inside))


@pytest.mark.parametrize("fourier", [pytest.param(0, marks=pytest.mark.full), 2])
def test_known_curves_give_right_intervals_with_or_without_seasonal_terms(fourier: int) -> None:
    # 180 intervals: chance alone gives 0.9 +- 0.045.
    assert 0.85 <= _held("planned", fourier) <= 0.95


def test_spend_that_follows_unseen_demand_makes_intervals_wrong_even_then() -> None:
    assert _held("confounded", 2) < 0.2
