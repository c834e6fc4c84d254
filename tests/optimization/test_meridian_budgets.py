"""Our plans against Google Meridian's own optimizer, judged by Meridian's own analyzer, on the same draws."""

import dataclasses
import warnings
from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import pytest

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.config.schema import Config
from mmm_core.model.backends.meridian.inputs import build_model
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from mmm_core.optimization.plan import plan_budgets
from tests.factories import Extras, made_up_posterior, tiny_model_data
from tests.model.backends.meridian.panels import as_meridian_gives_it, trend

pytestmark = pytest.mark.slow

_PRICES = np.array([0.8, 1.0, 1.3])
_SLOPES = {"concave": (1.0, 1.0, 1.0), "S-shaped": (4.0, 4.0, 4.0)}
_HALVES = {"concave": (0.3, 1.0, 0.6), "S-shaped": (1.4, 2.5, 1.8)}
"""Half-saturation in scaled media, whose typical value is about 1."""
_MONEY = 300.0
"""Spent now, so little that the step of Meridian's grid is 1 and every plan in whole units is on it."""


@dataclass(frozen=True)
class Both:
    """Canonical draws, and Meridian's objects with the same draws."""

    posterior: Posterior
    model: Any
    analyzer: Any
    is_steep: bool
    """Whether curves are S-shaped."""

    def outcome(self, spend: np.ndarray) -> float:
        """Mean outcome of paid media under a plan, as Meridian's analyzer computes it."""
        from meridian.analysis.analyzer import DataTensors

        factors = spend / self.posterior.data.spend.sum(axis=(0, 1))
        media = np.asarray(self.model.media_tensors.media) * factors
        with expected_warnings_ignored():
            draws = self.analyzer.incremental_outcome(
                new_data=DataTensors(media=media), include_non_paid_channels=False
            )
        return float(np.asarray(draws).sum(axis=-1).mean())


@dataclass(frozen=True)
class TheirPlan:
    """What Meridian's optimizer recommends, and the bounds that it kept."""

    spend: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    total: float
    """Money that it was allowed to spend."""


@pytest.fixture(scope="module", params=_SLOPES)
def both(request: pytest.FixtureRequest) -> Both:
    data = tiny_model_data(3, 30, n_channels=3, extras=Extras(n_lead=3))
    spend = data.spend * _PRICES
    data = dataclasses.replace(data, spend=spend * (_MONEY / spend.sum()))
    settings = {"model": {"knots": 2}, "features": {"saturation": {"slope": "free"}, "adstock": {"max_lag": 3}}}
    spec = build_spec(Config.model_validate(settings), data)
    posterior = made_up_posterior(data, n_draws=15, spec=spec)
    posterior.samples["slope_m"][:] = np.array(_SLOPES[request.param])
    posterior.samples["ec_m"][:] *= np.array(_HALVES[request.param])
    model = build_model(data, spec, posterior.scaling)
    from meridian.analysis.analyzer import Analyzer

    theirs = as_meridian_gives_it(posterior)
    theirs["mu_t"] = trend(posterior, np.asarray(model.knot_info.weights))
    with expected_warnings_ignored():
        found = az.InferenceData(posterior=theirs)
        analyzer = Analyzer(model_context=model.model_context, inference_data=found)
    return Both(posterior, model, analyzer, request.param == "S-shaped")


def their_plan(both: Both, budget: float, change: float) -> TheirPlan:
    from meridian.analysis.optimizer import BudgetOptimizer, get_optimization_bounds

    optimizer = BudgetOptimizer(both.model, analyzer=both.analyzer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = optimizer.optimize(
            budget=budget,
            spend_constraint_lower=min(change, 1.0),
            spend_constraint_upper=change,
            use_optimal_frequency=False,
        )
    spent = both.posterior.data.spend.sum(axis=(0, 1))
    scaled = budget * spent / spent.sum()
    lower, upper = get_optimization_bounds(len(scaled), scaled, 0, min(change, 1.0), change)
    spend = np.asarray(found.optimized_data["spend"].values, dtype=float)
    return TheirPlan(spend, lower, upper, float(np.round(scaled).sum()))


def our_plan(both: Both, theirs: TheirPlan, step: float | None) -> np.ndarray:
    """(M,) spends within the same bounds and total."""
    names = both.posterior.data.channels
    ranges = zip(names, theirs.lower.tolist(), theirs.upper.tolist(), strict=True)
    limits = {
        name: {"min_spend": low, "max_spend": high, "min_change": -1.0, "max_change": 10.0}
        for name, low, high in ranges
    }
    config = OptimizationConfig.model_validate(
        {
            "tolerance": 1e-6,
            "scenario_presets": {},
            "scenarios": {"same": {"budget": theirs.total}},
            "platform_constraints": {"channels": limits, "step": step},
        }
    )
    plan = plan_budgets(both.posterior, config)
    return plan.table.groupby("channel")["optimal_spend"].sum().loc[list(names)].to_numpy()


@pytest.mark.parametrize("change", [0.3, 3.0])
@pytest.mark.parametrize("part", [0.6, 1.0, 1.3])
def test_our_plan_is_never_worse_by_their_own_analyzer(both: Both, part: float, change: float) -> None:
    theirs = their_plan(both, part * _MONEY, change)
    reached = both.outcome(theirs.spend)
    for step, slack in ((1.0, 1e-9), (None, 1e-6)):
        ours = our_plan(both, theirs, step)
        assert theirs.spend.sum() <= theirs.total
        assert ours.sum() == pytest.approx(theirs.total, rel=1e-9)
        assert (ours >= theirs.lower - 1e-6).all()
        assert (ours <= theirs.upper + 1e-6).all()
        assert both.outcome(ours) >= reached * (1 - slack)


def test_steep_curves_get_much_more_than_climbing_by_marginal_return_finds(both: Both) -> None:
    """Their search takes the best return first and leaves money that would have paid together."""
    theirs = their_plan(both, _MONEY, 3.0)
    gain = both.outcome(our_plan(both, theirs, None)) / both.outcome(theirs.spend) - 1
    assert gain > (0.1 if both.is_steep else 0.0)
