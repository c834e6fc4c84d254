"""Power-scaling against exact conjugate posteriors, brute-force weights and ArviZ."""

import dataclasses

import arviz as az
import numpy as np
import pytest
from scipy import stats

from mmm_core.config.stability import StabilityConfig
from mmm_core.model.posterior import Posterior
from mmm_core.model.prior_draws import prior_draws
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.stability.checks import check_priors
from mmm_core.stability.log_prior import baseline_log_prior, log_density, log_likelihood, media_log_prior
from mmm_core.stability.power_scaling import (
    CONFLICT,
    DOMINATES,
    cjs_distance,
    power_scaled,
    prior_against_data,
    prior_sensitivity,
)
from tests.factories import made_up_posterior, robust, tiny_model_data

SIZE = 4000


def conjugate(prior: tuple[float, float], data: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact draws of a normal mean with a normal prior and one normal measurement, and both log densities."""
    mean, sd = product(prior, data, 1.0, 1.0)
    draws = mean + sd * stats.norm.ppf((np.arange(SIZE) + 0.5) / SIZE)
    return draws, stats.norm.logpdf(draws, *prior), stats.norm.logpdf(draws, *data)


def product(
    prior: tuple[float, float], data: tuple[float, float], prior_power: float, data_power: float
) -> tuple[float, float]:
    """Mean and sd of the normalised product of two normal densities to some powers."""
    weights = prior_power / prior[1] ** 2, data_power / data[1] ** 2
    return (weights[0] * prior[0] + weights[1] * data[0]) / sum(weights), sum(weights) ** -0.5


@pytest.mark.parametrize("of_prior", [True, False])
def test_weights_give_the_exact_power_scaled_posterior(of_prior: bool) -> None:
    prior, data = (0.0, 1.0), (2.0, 0.8)
    draws, log_prior, log_data = conjugate(prior, data)
    scaled = power_scaled(log_prior if of_prior else log_data, 1.25)
    assert scaled.power == 1.25
    exact = []
    for power, weights in ((0.8, scaled.lower), (1.25, scaled.upper)):
        mean, sd = product(prior, data, power if of_prior else 1.0, 1.0 if of_prior else power)
        assert weights @ draws == pytest.approx(mean, abs=5e-3)
        assert np.sqrt(weights @ (draws - weights @ draws) ** 2) == pytest.approx(sd, rel=5e-3)
        exact.append(mean)
    expected = (exact[1] - exact[0]) / (2 * np.log2(1.25)) / draws.std()
    assert scaled.shift(draws) == pytest.approx(expected, rel=0.01)


def test_weights_are_those_of_brute_force() -> None:
    _, log_prior, _ = conjugate((0.0, 1.0), (0.5, 0.8))
    raw = np.exp(0.25 * log_prior)
    np.testing.assert_allclose(power_scaled(log_prior, 1.25).upper, raw / raw.sum(), rtol=0.02)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_distances_are_those_of_arviz() -> None:
    draws, log_prior, log_data = conjugate((0.0, 1.0), (2.0, 0.8))
    shape = (4, SIZE // 4)
    data = az.from_dict(
        posterior={"x": draws.reshape(shape)},
        log_likelihood={"y": log_data.reshape(*shape, 1)},
    )
    data.add_groups({"log_prior": {"x": log_prior.reshape(shape)}})
    for component, density in (("prior", log_prior), ("likelihood", log_data)):
        expected = float(az.psens(data, component=component, delta=0.25)["x"])
        scaled = power_scaled(density, 1.25)
        found = sum(cjs_distance(draws, weights) for weights in (scaled.lower, scaled.upper)) / scaled.doublings
        assert found == pytest.approx(expected, rel=0.02)
        assert scaled.sensitivity(draws) == pytest.approx(found, rel=0.05)


def test_chance_is_no_sensitivity() -> None:
    rng = np.random.default_rng(1)
    pairs = [(rng.normal(size=1000), 4 * rng.normal(size=1000)) for _ in range(30)]
    found = [power_scaled(unrelated, 1.25).sensitivity(draws) for draws, unrelated in pairs]
    assert np.mean(np.array(found) > 0) <= 0.15
    assert power_scaled(np.zeros(1000), 1.25).sensitivity(pairs[0][0]) == 0
    assert power_scaled(pairs[0][1], 1.25).sensitivity(np.ones(1000)) == 0


def test_a_power_at_which_weights_fail_is_brought_nearer_to_one() -> None:
    heavy = 300 * np.random.default_rng(1).standard_exponential(1000)
    scaled = power_scaled(heavy, 1.25)
    assert scaled.power < 1.25
    assert scaled.lower.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        (Prior("log_normal", (0.4, 0.5)), Prior("log_normal", (0.4, 0.25))),
        (Prior("half_normal", (2.0,)), Prior("half_normal", (1.0,))),
        (Prior("normal", (1.0, 2.0)), Prior("normal", (1.0, 1.0))),
        (Prior("beta", (3.0, 2.0)), Prior("beta", (9.0, 5.0))),
        (Prior("truncated_normal", (0.8, 0.8, 0.1, 10.0)), Prior("truncated_normal", (0.8, 0.4, 0.1, 10.0))),
        (Prior("uniform", (0.0, 1.0)), Prior("uniform", (0.0, 1.0))),
    ],
)
def test_a_prior_to_the_fourth_power_is_one_of_its_family(prior: Prior, expected: Prior) -> None:
    values = np.array([0.3, 0.6, 0.9])
    ratio = 4 * log_density(prior, values) - log_density(expected, values)
    np.testing.assert_allclose(ratio, ratio[0])


def test_log_priors_are_the_sums_of_what_has_a_prior() -> None:
    fit = made_up_posterior(tiny_model_data(n_controls=2))
    spec, first = fit.spec, {name: fit.stacked(str(name)) for name in fit.samples.data_vars}
    media = np.zeros(fit.n_draws)
    for m in range(2):
        media += spec.alpha[m].frozen_scipy().logpdf(first["alpha_m"][:, m])
        media += spec.ec[m].frozen_scipy().logpdf(first["ec_m"][:, m])
        media += stats.norm.logpdf(np.log(first["roi_m"][:, m]), *spec.effect[m].parameters)
        media += spec.eta.frozen_scipy().logpdf(first["eta_m"][:, m])
    np.testing.assert_allclose(np.diff(media_log_prior(fit)), np.diff(media), atol=1e-9)
    baseline = stats.norm.logpdf(first["knot_values"], 0, 5).sum(axis=1)
    baseline += stats.norm.logpdf(first["gamma_c"], 0, 5).sum(axis=1) + spec.xi.frozen_scipy().logpdf(
        first["xi_c"]
    ).sum(axis=1)
    baseline += spec.sigma.frozen_scipy().logpdf(first["sigma"][:, 0])
    varies = np.arange(3) != np.argmax(fit.data.population)
    baseline += stats.norm.logpdf(first["tau_g"][:, varies], 0, 5).sum(axis=1)
    np.testing.assert_allclose(np.diff(baseline_log_prior(fit)), np.diff(baseline), atol=1e-9)


def prior_only(family: str) -> Posterior:
    """Draws of the prior, of a KPI that nobody knows."""
    data = tiny_model_data()
    spec = robust(data) if family == "robust_log" else made_up_posterior(data).spec
    drawn = prior_draws(data, spec, fit_scaling(data, spec.media_scaling, spec.family), 1500, 4)
    return dataclasses.replace(drawn, data=dataclasses.replace(data, kpi=np.full_like(data.kpi, np.nan)))


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_the_prior_dominates_where_nothing_is_known(family: str) -> None:
    fit = prior_only(family)
    assert (log_likelihood(fit) == 0).all()
    table = prior_sensitivity(fit, StabilityConfig())
    assert (table["likelihood_sensitivity"] == 0).all()
    conflict, dominates = check_priors(table, StabilityConfig())
    assert conflict.passed
    if family == "gaussian":
        assert (table["diagnosis"] == DOMINATES).all()
        assert (table["prior_share"] > 0.9).all()
        assert not dominates.passed
        assert "the data hardly move it" in dominates.message
    else:  # effects share one prior, so that none has a share of its own
        assert table["prior_share"].isna().all()


def test_experiments_in_the_model_count_as_data() -> None:
    from mmm_core.model.lift import lift_draws
    from mmm_core.model.lift_test import LiftTest

    fit = made_up_posterior(tiny_model_data())
    without = tuple((0.0,) * 3 for _ in range(1))
    test = LiftTest("t", ("channel_0",), ("Geo1",), str(fit.data.dates[4]), (without,), 1e4, 2e3)
    with_test = dataclasses.replace(fit, spec=dataclasses.replace(fit.spec, lift_tests=(test,)))
    change = log_likelihood(with_test) - log_likelihood(fit)
    np.testing.assert_allclose(change, -0.5 * ((1e4 - lift_draws(fit, test)) / 2e3) ** 2, rtol=1e-6)


@pytest.mark.parametrize("sd", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("measured", [0.3, -4.0])
def test_the_priors_share_and_distance_are_those_of_the_conjugate_model(sd: float, measured: float) -> None:
    draws, _, _ = conjugate((0.5, sd), (measured, 1.0))
    for prior, values in (
        (Prior("normal", (0.5, sd)), draws),
        (Prior("log_normal", (0.5, sd)), np.exp(draws)),
    ):
        share, distance = prior_against_data(prior, values)
        assert share == pytest.approx(1 / sd**2 / (1 / sd**2 + 1), abs=0.01)
        assert distance == pytest.approx((0.5 - measured) / np.hypot(sd, 1.0), rel=0.02)


def test_prior_and_data_that_disagree_are_named_with_numbers() -> None:
    fit = in_conflict()
    table = prior_sensitivity(fit, StabilityConfig())
    assert table["diagnosis"].iloc[0] == CONFLICT
    assert table["conflict"].iloc[0] == pytest.approx(np.log(20) / np.hypot(0.3, 0.4), rel=0.1)
    conflict, _ = check_priors(table, StabilityConfig())
    assert not conflict.passed
    assert conflict.value == 1
    assert "channel_0 (+" in conflict.message
    lenient = StabilityConfig(max_conflict=50)
    assert check_priors(prior_sensitivity(fit, lenient), lenient)[0].passed


def in_conflict() -> Posterior:
    """A prior of ROI around 20 (sd of the logarithm 0.3) and an experiment that says 1 (0.4), with the exact
    posterior of the two; all else is the prior's."""
    from mmm_core.model.lift_test import LiftTest

    data = tiny_model_data(n_channels=1)
    data = dataclasses.replace(data, kpi=np.full_like(data.kpi, np.nan))
    known = tiny_model_data(n_channels=1)
    spec = dataclasses.replace(made_up_posterior(known).spec, effect=(Prior("log_normal", (np.log(20.0), 0.3)),))
    mean, sd = product((np.log(20.0), 0.3), (0.0, 0.4), 1.0, 1.0)
    exact = dataclasses.replace(spec, effect=(Prior("log_normal", (mean, sd)),))
    drawn = prior_draws(known, exact, fit_scaling(known, spec.media_scaling), 3000, 4)
    spend = float(known.spend.sum())
    nothing = tuple(tuple(0.0 for _ in known.dates) for _ in known.geos)
    # Normal on the outcome's own scale, so wide that its exact form hardly matters for the prior's weights.
    test = LiftTest("t", ("channel_0",), known.geos, str(known.dates[0]), (nothing,), spend, 50 * spend)
    return dataclasses.replace(drawn, data=data, spec=dataclasses.replace(spec, lift_tests=(test,)))
