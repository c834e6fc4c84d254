"""Contradictory limits are refused before a fit, in the words of the plan."""

import numpy as np
import pytest

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.errors import BudgetError
from mmm_core.optimization.early import require_feasible
from mmm_core.optimization.plan import plan_budgets
from tests.factories import made_up_posterior, tiny_model_data

_DATA = tiny_model_data()


def _config(**section: object) -> OptimizationConfig:
    return OptimizationConfig.model_validate(section)


@pytest.mark.parametrize(
    "section",
    [
        {"platform_constraints": {"min_spend_pct": 0.9}},
        {"platform_constraints": {"max_spend_pct": 0.01}},
        {
            "platform_constraints": {
                "groups": {
                    "one": {"channels": ["channel_0", "channel_1"], "max_share": 0.2},
                    "two": {"channels": ["channel_1", "channel_0"], "min_share": 0.6},
                }
            }
        },
        {"allocation": "geo_channel", "platform_constraints": {"geos": {"Geo0": {"min_share": 0.99}}}},
        {"frontier": [10.0], "platform_constraints": {"channels": {"channel_0": {"max_spend": 1.0}}}},
    ],
)
def test_limits_are_refused_as_they_would_be_after_the_fit(section: dict[str, object]) -> None:
    assert (_DATA.spend.sum(axis=1) > 0).all()
    config = _config(**section)
    with pytest.raises(BudgetError) as early:
        require_feasible(config, _DATA)
    with pytest.raises(BudgetError) as late:
        plan_budgets(made_up_posterior(_DATA, 1, 2), config)
    assert str(early.value) == str(late.value)


def test_what_depends_on_the_weeks_of_the_plan_is_not_judged() -> None:
    limits = {"min_spend_pct": 0.9}
    require_feasible(_config(platform_constraints=limits, future={"weeks": 4}), _DATA)
    spend = _DATA.spend * np.where(np.arange(_DATA.spend.shape[2]) == 0, 0.0, 1.0)
    from dataclasses import replace

    require_feasible(_config(platform_constraints=limits), replace(_DATA, spend=spend))
    require_feasible(_config(), _DATA)
