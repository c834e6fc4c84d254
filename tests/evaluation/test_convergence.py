"""Every way in which a fit can fail to converge is found, named, and comes with a remedy."""

import math
from collections.abc import Callable

import arviz as az
import numpy as np
import pytest
import xarray as xr

from mmm_core.config.modeling import ConvergenceLimitsConfig
from mmm_core.errors import StorageError
from mmm_core.evaluation.convergence import (
    CONVERGENCE_CHECKS,
    Diagnostics,
    check_convergence,
    diagnose,
)
from mmm_core.model.forward import incremental_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.quality.check import CheckResult
from tests.factories import made_up_posterior, tiny_model_data

LIMITS = ConvergenceLimitsConfig()


@pytest.fixture
def good() -> Posterior:
    return made_up_posterior(tiny_model_data(), n_chains=4, n_draws=500)


def checks_of(posterior: Posterior, limits: ConvergenceLimitsConfig = LIMITS) -> dict[str, CheckResult]:
    return {check.name: check for check in check_convergence(diagnose(posterior), limits)}


def failed(posterior: Posterior) -> set[str]:
    return {name for name, check in checks_of(posterior).items() if not check.passed}


def sticky(posterior: Posterior, name: str, index: tuple[int, ...], correlation: float) -> None:
    """Replace one parameter by an autoregression with the same mean in every chain."""
    rng = np.random.default_rng(5)
    values = posterior.samples[name].values[(slice(None), slice(None), *index)]
    for draw in range(1, values.shape[1]):
        values[:, draw] = correlation * values[:, draw - 1] + (1 - correlation) * 0.5 + rng.normal(size=4) * 0.01


def test_good_draws_pass_every_check_in_the_declared_order(good: Posterior) -> None:
    results = check_convergence(diagnose(good), LIMITS)
    assert [result.name for result in results] == list(CONVERGENCE_CHECKS)
    assert all(result.passed for result in results)
    assert [result.name for result in results if result.severity == "warn"] == ["no_divergence"]


def test_statistics_are_those_of_arviz(good: Posterior) -> None:
    table = diagnose(good).parameters.set_index("parameter")
    for label, draws in (
        ("roi_m[channel_1]", good.samples["roi_m"].isel(paid_channel=1)),
        ("beta_gm[Geo2, channel_0]", good.samples["beta_gm"].isel(geo=2, channel=0)),
        ("knot_values[1]", good.samples["knot_values"].isel(knot=1)),
    ):
        array = draws.values
        assert table.loc[label, "rhat"] == pytest.approx(float(az.rhat(array)))
        assert table.loc[label, "ess_bulk"] == pytest.approx(float(az.ess(array, method="bulk")))
        assert table.loc[label, "ess_tail"] == pytest.approx(float(az.ess(array, method="tail")))
        assert table.loc[label, "mean"] == pytest.approx(array.mean())
        assert table.loc[label, "sd"] == pytest.approx(array.std(ddof=1))


def test_total_contributions_are_diagnosed_too(good: Posterior) -> None:
    table = diagnose(good).parameters.set_index("parameter")
    totals = incremental_kpi(good).sum(axis=1)
    assert table.loc["contribution_m[channel_0]", "mean"] == pytest.approx(totals[:, 0].mean())
    assert bool(table.loc["contribution_m[channel_0]", "interpreted"])


def test_channel_parameters_and_noise_are_interpreted_and_the_rest_is_nuisance(good: Posterior) -> None:
    diagnostics = diagnose(good)
    names = {label.partition("[")[0] for label in diagnostics.interpreted["parameter"]}
    assert names == {"alpha_m", "ec_m", "roi_m", "beta_m", "eta_m", "sigma", "contribution_m"}
    names = {label.partition("[")[0] for label in diagnostics.nuisance["parameter"]}
    assert names == {"beta_gm", "tau_g", "knot_values", "gamma_c", "xi_c", "gamma_gc"}


def test_what_the_specification_fixes_is_left_out(good: Posterior) -> None:
    labels = list(diagnose(good).parameters["parameter"])
    baseline = good.data.geos[int(np.argmax(good.data.population))]
    assert not [label for label in labels if label.startswith("slope_m")]
    assert f"tau_g[{baseline}]" not in labels
    assert labels.count("sigma") == 1
    national = made_up_posterior(tiny_model_data(n_geos=1), n_chains=4, n_draws=100)
    national_names = {label.partition("[")[0] for label in diagnose(national).parameters["parameter"]}
    assert not national_names & {"eta_m", "xi_c", "tau_g"}


def shift_one_chain(posterior: Posterior) -> None:
    posterior.samples["roi_m"].values[2, :, 1] += 5.0


def never_move_one_chain(posterior: Posterior) -> None:
    posterior.samples["roi_m"].values[2, :, 1] = 1.3


def never_move_at_all(posterior: Posterior) -> None:
    posterior.samples["roi_m"].values[:, :, 1] = 1.3


@pytest.mark.parametrize("plant", [shift_one_chain, never_move_one_chain, never_move_at_all])
def test_a_chain_that_is_stuck_is_found(good: Posterior, plant: Callable[[Posterior], None]) -> None:
    plant(good)
    check = checks_of(good)["rhat"]
    assert check.blocks
    assert "roi_m[channel_1]" in check.message
    assert "training.tune" in check.message
    assert "model.priors.roi_bounds.channel_1" in check.message
    assert [row["parameter"] for row in check.table] == ["roi_m[channel_1]"]


def test_parameters_that_never_moved_have_infinite_rhat_and_no_draws(good: Posterior) -> None:
    never_move_at_all(good)
    row = diagnose(good).parameters.set_index("parameter").loc["roi_m[channel_1]"]
    assert math.isinf(row["rhat"])
    assert row["ess_bulk"] == row["ess_tail"] == 0


def test_too_few_draws_are_found() -> None:
    posterior = made_up_posterior(tiny_model_data(), n_chains=4, n_draws=60)
    check = checks_of(posterior)["ess"]
    assert check.blocks
    assert check.value is not None
    assert check.value < 400
    assert "training.draws" in check.message


def test_correlated_draws_count_for_less(good: Posterior) -> None:
    sticky(good, "alpha_m", (0,), 0.95)
    check = checks_of(good)["ess"]
    assert check.blocks
    assert "alpha_m[channel_0]" in check.message
    assert check.value == pytest.approx(min(check.table[0]["ess_bulk"], check.table[0]["ess_tail"]))


def test_nuisance_has_looser_limits_of_its_own(good: Posterior) -> None:
    good.samples["knot_values"].values[0, :, 0] += 0.12
    rhat = diagnose(good).parameters.set_index("parameter").loc["knot_values[0]", "rhat"]
    assert LIMITS.max_rhat < rhat < LIMITS.nuisance_max_rhat
    assert failed(good) == set()
    good.samples["knot_values"].values[0, :, 0] += 1.0
    assert "nuisance_rhat" in failed(good)
    assert "rhat" not in failed(good)
    check = checks_of(good)["nuisance_rhat"]
    assert "knot_values[0]" in check.message
    assert "model.knots" in check.message


def test_a_control_that_does_not_converge_is_named_as_a_control(good: Posterior) -> None:
    good.samples["gamma_gc"].values[0, :, 1, 0] += 10.0
    message = checks_of(good)["nuisance_rhat"].message
    assert "gamma_gc[Geo1, control_0]" in message
    assert "drop control_0 from data.controls" in message


def test_a_single_divergence_warns_and_more_of_them_block(good: Posterior) -> None:
    good.sample_stats["diverging"].values[1, 17] = True
    checks = checks_of(good)
    assert checks["divergences"].passed
    assert not checks["no_divergence"].passed
    assert not checks["no_divergence"].blocks
    assert "1 of 2000" in checks["no_divergence"].message
    assert "training.target_accept" in checks["no_divergence"].message
    good.sample_stats["diverging"].values[2, 18:20] = True
    assert checks_of(good)["divergences"].blocks
    strict = ConvergenceLimitsConfig(max_divergent_share=0.0)
    assert checks_of(good, strict)["divergences"].blocks


@pytest.mark.parametrize("statistic", ["tree_depth", "n_steps"])
def test_saturated_trees_are_found_by_depth_or_by_steps(good: Posterior, statistic: str) -> None:
    saturated = np.zeros((4, 500), dtype=bool)
    saturated[0, :40] = True
    values = np.where(saturated, 10, 9) if statistic == "tree_depth" else np.where(saturated, 1023, 1022)
    good.sample_stats[statistic] = (("chain", "draw"), values)
    check = checks_of(good)["tree_depth"]
    assert check.blocks
    assert check.value == pytest.approx(0.02)
    assert "training.max_tree_depth" in check.message


def test_energy_that_changes_too_slowly_is_found(good: Posterior) -> None:
    rng = np.random.default_rng(1)
    good.sample_stats["energy"] = (("chain", "draw"), rng.normal(size=(4, 500)).cumsum(axis=1))
    check = checks_of(good)["ebfmi"]
    assert check.blocks
    assert check.value == pytest.approx(float(az.bfmi(good.sample_stats["energy"].values).min()), rel=0.01)


def test_energy_that_is_not_recorded_is_said_not_hidden(good: Posterior) -> None:
    without = Posterior(
        good.samples, good.sample_stats.drop_vars("energy"), good.data, good.spec, good.scaling, good.info
    )
    check = checks_of(without)["ebfmi"]
    assert (check.passed, check.severity) == (True, "warn")
    assert "Not recorded" in check.message


def test_diagnostics_survive_their_text(good: Posterior) -> None:
    never_move_at_all(good)
    diagnostics = diagnose(good)
    restored = Diagnostics.from_json(diagnostics.to_json())
    xr.testing.assert_equal(restored.parameters.to_xarray(), diagnostics.parameters.to_xarray())
    assert restored.divergent_share == diagnostics.divergent_share
    assert "Infinity" not in diagnostics.to_json()
    assert "NaN" not in diagnostics.to_json()


def test_unreadable_diagnostics_are_refused_with_a_remedy() -> None:
    with pytest.raises(StorageError, match="materialize posterior again"):
        Diagnostics.from_json('{"parameters": []}')


@pytest.mark.full
def test_a_large_posterior_takes_seconds() -> None:
    import time

    large = made_up_posterior(tiny_model_data(40, 104, 5, 2), n_chains=4, n_draws=1000)
    started = time.process_time()
    diagnose(large)
    assert time.process_time() - started < 10
