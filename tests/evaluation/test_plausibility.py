"""Implausible fits are pointed out, plausible ones are not."""

import dataclasses

import numpy as np
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.fitted import fit_table
from mmm_core.attribution.returns import mroi_draws
from mmm_core.evaluation.plausibility import (
    PLAUSIBILITY_CHECKS,
    check_plausibility,
    negative_baseline_probability,
)
from mmm_core.model.forward import expected_kpi, incremental_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.quality.check import CheckResult
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data


@pytest.fixture
def posterior() -> Posterior:
    return made_up_posterior(tiny_model_data(), n_chains=2, n_draws=200)


def checks_of(posterior: Posterior) -> dict[str, CheckResult]:
    results = check_plausibility(posterior, contribution_table(posterior), fit_table(posterior))
    assert [result.name for result in results] == list(PLAUSIBILITY_CHECKS)
    return {result.name: result for result in results}


def test_a_plausible_fit_passes(posterior: Posterior) -> None:
    assert all(check.passed for check in checks_of(posterior).values())


def test_baseline_probability_is_that_of_the_kpi_without_media(posterior: Posterior) -> None:
    posterior.samples["knot_values"].values[:] -= np.random.default_rng(2).uniform(0, 8, (2, 200, 1))
    without = expected_kpi(posterior, media=np.zeros_like(posterior.data.media)).sum(axis=(1, 2))
    probability = float((without < 0).mean())
    assert 0 < probability < 1
    assert negative_baseline_probability(posterior) == pytest.approx(probability)


def test_a_national_model_without_controls_is_checked_too() -> None:
    national = made_up_posterior(tiny_model_data(n_geos=1, n_controls=0))
    assert all(check.passed for check in checks_of(national).values())


def test_a_negative_baseline_is_pointed_out(posterior: Posterior) -> None:
    posterior.samples["knot_values"].values[:] -= 20
    check = checks_of(posterior)["negative_baseline"]
    assert check.blocks
    assert check.value == 1.0
    assert "model.priors.roi_bounds" in check.message


def test_a_very_wide_roi_is_pointed_out_by_channel(posterior: Posterior) -> None:
    posterior.samples["roi_m"].values[:, :, 1] = np.random.default_rng(1).lognormal(0, 1.5, (2, 200))
    check = checks_of(posterior)["roi_uncertainty"]
    assert not check.passed
    assert "for channel_1." in check.message
    assert [row["channel"] for row in check.table] == ["channel_1"]


def test_a_channel_of_which_the_data_said_nothing_is_pointed_out(posterior: Posterior) -> None:
    prior = posterior.spec.effect[0]
    posterior.samples["roi_m"].values[:, :, 0] = prior.sample(np.random.default_rng(1), (2, 200))
    check = checks_of(posterior)["prior_shift"]
    assert [row["channel"] for row in check.table] == ["channel_0"]
    assert not check.passed


def test_distance_from_the_prior_is_kolmogorov_smirnovs(posterior: Posterior) -> None:
    from scipy import stats

    draws = posterior.stacked("roi_m")
    expected = min(
        stats.kstest(draws[:, m], prior.frozen_scipy().cdf).statistic
        for m, prior in enumerate(posterior.spec.effect)
    )
    assert checks_of(posterior)["prior_shift"].value == pytest.approx(expected)


def test_a_roi_that_the_prior_ruled_out_is_pointed_out(posterior: Posterior) -> None:
    spec = dataclasses.replace(posterior.spec, effect=(Prior("log_normal", (3.0, 0.1)), posterior.spec.effect[1]))
    check = checks_of(dataclasses.replace(posterior, spec=spec))["roi_outside_prior"]
    assert [row["channel"] for row in check.table] == ["channel_0"]


def test_fixed_returns_are_not_compared_with_their_prior(posterior: Posterior) -> None:
    spec = dataclasses.replace(posterior.spec, effect=(Prior("deterministic", (1.0,)),) * 2)
    checks = checks_of(dataclasses.replace(posterior, spec=spec))
    assert checks["prior_shift"].passed
    assert checks["roi_outside_prior"].passed


@pytest.mark.parametrize("change", ["value", "week"])
def test_contributions_of_another_fit_block(posterior: Posterior, change: str) -> None:
    contributions, fitted = contribution_table(posterior), fit_table(posterior)
    if change == "value":
        contributions.loc[3, "mean"] *= 1.01
    else:
        contributions = contributions.iloc[5:]
    results = check_plausibility(posterior, contributions, fitted)
    assert results[-1].blocks
    assert "Materialize contributions" in results[-1].message


def test_each_effect_is_compared_with_the_prior_of_its_own_quantity(posterior: Posterior) -> None:
    from scipy import stats

    data, prior = posterior.data, Prior("log_normal", (0.2, 0.9))
    share = incremental_outcome(posterior).sum(axis=1) / (data.kpi * data.outcome_per_kpi).sum()
    quantities = {
        "roi": posterior.stacked("roi_m"),
        "mroi": mroi_draws(posterior),
        "contribution": share,
        "coefficient": posterior.stacked("beta_m"),
    }
    for kind, draws in quantities.items():
        spec = dataclasses.replace(posterior.spec, prior_types=(kind, kind), effect=(prior, prior))
        expected = min(stats.kstest(draws[:, m], prior.frozen_scipy().cdf).statistic for m in range(2))
        found = checks_of(dataclasses.replace(posterior, spec=spec))["prior_shift"]
        assert found.value == pytest.approx(expected), kind


def test_everything_and_the_robust_family_are_checked_too() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    checks = checks_of(made_up_posterior(data))
    assert checks["contribution_sum"].passed
    checks = checks_of(made_up_posterior(data, spec=robust(data)))
    assert checks["contribution_sum"].passed
    assert checks["negative_baseline"].passed
    assert checks["prior_shift"].passed
