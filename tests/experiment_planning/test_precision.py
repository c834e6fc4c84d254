"""What a test detects, against simulated tests."""

import dataclasses

import numpy as np
import pytest

from mmm_core.config.experiment_planner import ExperimentPlannerConfig
from mmm_core.experiment_planning.design import design_of
from mmm_core.experiment_planning.matching import outcome_series
from mmm_core.experiment_planning.precision import detectable_effect, power_of, precision_of, pseudo_effects
from tests.factories import made_up_posterior, tiny_model_data


@pytest.mark.parametrize(("level", "power"), [(0.9, 0.8), (0.95, 0.9), (0.8, 0.7)])
def test_the_smallest_detectable_effect_has_its_power_in_simulated_tests(level: float, power: float) -> None:
    from scipy.stats import norm

    se = 3.0
    effect = detectable_effect(se, level, power)
    measured = np.random.default_rng(1).normal(effect, se, 200_000)
    found = np.abs(measured) > norm.ppf((1 + level) / 2) * se
    assert found.mean() == pytest.approx(power, abs=0.005)
    assert float(power_of(np.array([effect]), se, level)[0]) == pytest.approx(power)


def test_without_an_effect_the_test_errs_as_often_as_its_level_says() -> None:
    assert float(power_of(np.zeros(1), 2.0, 0.9)[0]) == pytest.approx(0.1)


def test_placebo_tests_find_nothing_where_geos_move_together() -> None:
    control = np.random.default_rng(1).gamma(5.0, 1.0, 60)
    np.testing.assert_allclose(pseudo_effects(1.7 * control, control, 10, 4), 0, atol=1e-9)


def test_placebo_tests_are_those_of_the_plain_loop() -> None:
    rng = np.random.default_rng(2)
    test, control = rng.gamma(5.0, 1.0, 40), rng.gamma(5.0, 1.0, 40)
    plain = [
        test[s : s + 3].sum() - control[s : s + 3].sum() * test[s - 8 : s].sum() / control[s - 8 : s].sum()
        for s in range(8, 38)
    ]
    np.testing.assert_allclose(pseudo_effects(test, control, 8, 3), plain)


def test_the_two_errors_agree_where_the_model_is_right() -> None:
    """Level KPI with independent noise of the model's own size."""
    data = tiny_model_data(n_geos=6, n_weeks=600, n_channels=1, seed=3)
    posterior = made_up_posterior(data)
    sd = posterior.stacked("sigma").mean(axis=0) * posterior.scaling.kpi_sd * posterior.scaling.population
    noise = np.random.default_rng(4).standard_normal(data.kpi.shape) * sd[:, None]
    kpi = 20 * sd[:, None] + noise
    data = dataclasses.replace(data, kpi=kpi, revenue_per_kpi=None)
    posterior = dataclasses.replace(posterior, data=data)
    outcome = outcome_series(data)
    design = design_of(data, outcome, "channel_0", ExperimentPlannerConfig())
    assert design is not None
    found = precision_of(posterior, design, outcome)
    assert found.placebo == pytest.approx(found.model, rel=0.15)
    assert found.se == max(found.placebo, found.model)


def test_weeks_in_which_a_geo_is_absent_are_no_placebo() -> None:
    """Geos that move exactly together, of which one begins late and one ends early, before the last weeks."""
    data = tiny_model_data(n_geos=6, n_weeks=100)
    common = np.random.default_rng(1).gamma(20.0, 1.0, 100)
    present = np.ones(data.kpi.shape, dtype=bool)
    present[1, :30] = present[4, 95:] = False
    spend = data.spend * (np.arange(100) < 80)[:, None]
    kpi = np.where(present, data.population[:, None] * common, np.nan)
    data = dataclasses.replace(data, kpi=kpi, present=present, spend=spend, revenue_per_kpi=None)
    outcome = outcome_series(data)
    design = design_of(data, outcome, "channel_0", ExperimentPlannerConfig())
    assert design is not None
    assert sorted(design.split.test + design.split.control) == list(range(6))
    found = precision_of(made_up_posterior(data), design, outcome)
    assert found.placebo == pytest.approx(0, abs=1e-6 * found.model)


def test_a_short_history_leaves_the_model_s_error() -> None:
    data = tiny_model_data(n_geos=4, n_weeks=12)
    outcome = outcome_series(data)
    design = design_of(data, outcome, "channel_0", ExperimentPlannerConfig())
    assert design is not None
    found = precision_of(made_up_posterior(data), design, outcome)
    assert np.isnan(found.placebo)
    assert found.source == "model"
    assert found.se == found.model > 0
