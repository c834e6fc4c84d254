"""Careful plans against brute force over all draws."""

import numpy as np
import pytest

from mmm_core.config.optimization import Objective, RiskConfig
from mmm_core.optimization.limits import SumLimit
from mmm_core.optimization.measures import measure_of
from mmm_core.optimization.response import CellResponse
from mmm_core.optimization.risk import CarefulPlan, DrawnOutcomes, careful_plan
from mmm_core.optimization.solver import SpendingProblem

_N_DRAWS = 100
_TOTAL = 100.0


def _responses(seed: int, n_channels: int, slope: tuple[float, float]) -> list[CellResponse]:
    """Channels whose strength, saturation and slope are uncertain, some much more than others."""
    rng = np.random.default_rng(seed)
    spend = np.linspace(0.0, _TOTAL, 201)[:, None]
    found = []
    for _ in range(n_channels):
        top = rng.lognormal(5, 0.5) * rng.lognormal(0, rng.uniform(0.05, 0.8), _N_DRAWS)
        half = rng.uniform(10, 60) * rng.lognormal(0, 0.2, _N_DRAWS)
        power = rng.uniform(*slope) * np.ones(_N_DRAWS)
        found.append(CellResponse(spend[:, 0], top * spend**power / (spend**power + half**power), 40.0))
    return found


def _problem(n_channels: int) -> SpendingProblem:
    limits = (SumLimit("total", np.arange(n_channels), _TOTAL, _TOTAL),)
    return SpendingProblem(np.full(n_channels, 2.0), np.full(n_channels, 80.0), limits)


def _current(responses: list[CellResponse]) -> np.ndarray:
    return np.sum([one.at(_TOTAL / len(responses)) for one in responses], axis=0)


def _brute_force(responses: list[CellResponse], objective: Objective, risk: RiskConfig) -> float:
    """Best measure of all plans in steps of 2 (two channels: of a half)."""
    step = 0.5 if len(responses) == 2 else 2.0
    levels = np.arange(2.0, 80.0 + step / 2, step)
    tables = [np.stack([one.at(float(money)) for money in levels]) for one in responses]
    measure = measure_of(objective, risk, _current(responses))
    grids = np.meshgrid(*[levels] * (len(responses) - 1), indexing="ij")
    best = -np.inf
    for money in np.stack([grid.ravel() for grid in grids], axis=1):
        rest = _TOTAL - money.sum()
        if 2 <= rest <= 80:
            chosen = np.rint((np.append(money, rest) - 2) / step).astype(int)
            best = max(best, measure.value(np.sum([t[i] for t, i in zip(tables, chosen, strict=True)], axis=0)))
    return best


def _plan(responses: list[CellResponse], objective: Objective, risk: RiskConfig) -> CarefulPlan:
    start = np.full(len(responses), _TOTAL / len(responses))
    measure = measure_of(objective, risk, _current(responses))
    draws = DrawnOutcomes(responses, start)
    found = careful_plan(draws, _problem(len(responses)), measure, 1e-4, [start])
    assert found is not None
    assert _problem(len(responses)).allows(found.spend, 1e-9)
    outcome = np.sum([one.at(float(money)) for one, money in zip(responses, found.spend, strict=True)], axis=0)
    assert found.value == pytest.approx(measure.value(outcome), rel=1e-9)
    return found


_RISKS: list[tuple[Objective, RiskConfig]] = [
    ("mean_minus_sd", RiskConfig(aversion=1.0)),
    ("mean_minus_sd", RiskConfig(aversion=3.0)),
    ("cvar", RiskConfig(tail=0.1)),
    ("cvar", RiskConfig(tail=0.33)),
    ("quantile", RiskConfig(quantile=0.1)),
    ("probability_better", RiskConfig()),
]


@pytest.mark.parametrize(("objective", "risk"), _RISKS)
@pytest.mark.parametrize("slope", [(0.7, 1.0), (1.5, 4.0)])
@pytest.mark.parametrize("n_channels", [2, 3])
def test_careful_plans_reach_brute_force(
    n_channels: int, slope: tuple[float, float], objective: Objective, risk: RiskConfig
) -> None:
    for seed in range(4 - n_channels):
        responses = _responses(seed, n_channels, slope)
        truth = _brute_force(responses, objective, risk)
        found = _plan(responses, objective, risk)
        close = {"quantile": 3e-3, "probability_better": 0.011}.get(objective, 1e-3)
        assert found.value >= truth - close * abs(truth), seed
        if objective in ("quantile", "probability_better"):
            assert found.bound is None
        else:
            assert found.bound is not None
            assert found.bound >= max(truth, found.value) - 1e-9 * abs(truth)


@pytest.mark.parametrize("objective", ["mean_minus_sd", "cvar"])
def test_concave_measures_of_concave_curves_are_proven(objective: Objective) -> None:
    found = _plan(_responses(5, 4, (0.7, 1.0)), objective, RiskConfig(aversion=1.0, tail=0.2))
    assert found.bound is not None
    assert found.bound - found.value <= 1e-3 * abs(found.value)


def test_more_aversion_means_less_spread() -> None:
    responses = _responses(1, 3, (0.7, 1.0))

    def spread(aversion: float) -> float:
        spend = _plan(responses, "mean_minus_sd", RiskConfig(aversion=aversion)).spend
        return float(np.sum([one.at(float(m)) for one, m in zip(responses, spend, strict=True)], axis=0).std())

    spreads = [spread(aversion) for aversion in (0.0, 1.0, 3.0)]
    assert spreads == sorted(spreads, reverse=True)


@pytest.mark.parametrize(("objective", "risk"), _RISKS)
def test_weights_of_a_measure_are_its_gradient(objective: Objective, risk: RiskConfig) -> None:
    rng = np.random.default_rng(2)
    outcome, other = rng.normal(10, 2, 400), rng.normal(10, 2, 400)
    measure = measure_of(objective, risk, np.full(400, 9.0))
    if measure.is_concave:
        assert measure.value(other) <= measure.weights(outcome) @ other + 1e-12
        assert measure.value(outcome) == pytest.approx(measure.weights(outcome) @ outcome)
    if objective != "probability_better":
        assert measure.weights(outcome).sum() == pytest.approx(1.0)
