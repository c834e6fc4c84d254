"""What a test is worth to the budget decision."""

import numpy as np
import pytest

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.experiment_planning.decision import Decision
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.limits import SumLimit
from mmm_core.optimization.response import CellResponse
from mmm_core.optimization.solver import SpendingProblem
from tests.factories import made_up_posterior, tiny_model_data


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return made_up_posterior(tiny_model_data(n_geos=3, n_weeks=52, n_channels=3), n_draws=100)


@pytest.fixture(scope="module")
def effect(posterior: Posterior) -> np.ndarray:
    """What the first channel brings."""
    return np.asarray(incremental_outcome(posterior)[:, :, 0].sum(axis=1))


def linear_decision(returns: np.ndarray, total: float = 1.0) -> Decision:
    """(S, 2) returns of two channels; between 0 and all of the money for each."""
    nodes = np.linspace(0, total, 9)
    responses = [CellResponse(nodes, nodes[:, None] * each, total) for each in returns.T]
    limits = (SumLimit("total", np.arange(2), total, total),)
    problem = SpendingProblem(np.zeros(2), np.full(2, total), limits)
    return Decision(responses, problem, slice(None), 1.0)


def test_two_linear_channels_are_worth_the_textbook_s_integral() -> None:
    """All money goes to the better channel: `E max(m, 0) = s phi(d / s) + d Phi(d / s)` for m ~ Normal(d, s)."""
    from scipy.stats import norm

    rng = np.random.default_rng(1)
    first, second = rng.normal(1.0, 0.5, 20_000), np.full(20_000, 1.1)
    se, gap = 0.3, -0.1
    spread = 0.25 / np.sqrt(0.25 + se**2)
    exact = spread * norm.pdf(gap / spread) + gap * norm.cdf(gap / spread)
    found = linear_decision(np.stack([first, second], axis=1)).value_of_information(first, se, seed=2)
    assert found == pytest.approx(exact, rel=0.06)


def test_a_decision_that_no_result_changes_is_worth_nothing() -> None:
    rng = np.random.default_rng(1)
    returns = np.stack([rng.normal(1.0, 0.1, 500), rng.normal(9.0, 0.1, 500)], axis=1)
    assert linear_decision(returns).value_of_information(returns[:, 0], 0.05, 1) == 0


def test_fixed_budgets_cannot_be_changed_by_a_test(posterior: Posterior, effect: np.ndarray) -> None:
    fixed = OptimizationConfig.model_validate({"platform_constraints": {"fixed": list(posterior.data.channels)}})
    assert Decision.of(posterior, fixed).value_of_information(effect, 1.0, 1) == 0


def test_a_more_precise_test_is_worth_more(posterior: Posterior, effect: np.ndarray) -> None:
    decision = Decision.of(posterior, OptimizationConfig())
    values = [decision.value_of_information(effect, times * effect.std(), 1) for times in (0.1, 1.0, 10.0)]
    assert values[0] > values[1] > values[2] >= 0


def test_a_test_of_something_else_is_worth_next_to_nothing(posterior: Posterior, effect: np.ndarray) -> None:
    decision = Decision.of(posterior, OptimizationConfig())
    unrelated = np.random.default_rng(9).standard_normal(len(effect))
    related = decision.value_of_information(effect, 0.1 * effect.std(), 1)
    assert decision.value_of_information(unrelated, 0.1, 1) < 0.1 * related


def test_limits_of_geos_are_left_aside(posterior: Posterior) -> None:
    limits = {"min_geo_share": 0.5, "geos": {"Geo0": {"min_spend": 1.0}}, "fixed": ["channel_0@Geo1"]}
    config = OptimizationConfig.model_validate({"allocation": "geo_channel", "platform_constraints": limits})
    assert len(Decision.of(posterior, config).responses) == 3
