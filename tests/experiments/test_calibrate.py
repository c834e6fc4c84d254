"""Experiments as ROI priors: each step from a test to the window against slow or exact answers."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.config.experiments import CalibrationConfig
from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.experiments.calibrate import ADJUSTMENT_COLUMNS, Calibration, calibrated_spec, combine
from mmm_core.experiments.cells import as_lift_test
from mmm_core.experiments.registry import load_experiments
from mmm_core.experiments.returns import LogNormal, captured_share, positive, window_roi
from mmm_core.features.model_data import ModelData
from mmm_core.model.adstock import adstock_weights
from mmm_core.model.backend import get_backend
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.lift import lift_draws
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.model.prior_draws import prior_draws
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import build_spec
from tests.experiments.lift_tests import DATA, day, lift_row, written
from tests.factories import EVERYTHING, Extras, robust, tiny_model_data

_SURE = CalibrationConfig(age_half_life_weeks=None, geo_spread=0.0)
_SPEC = build_spec(Config(), DATA)


def _calibrated(folder: Path, *rows: dict[str, Any], data: ModelData = DATA, **settings: Any) -> Calibration:
    config = written(list(rows), folder, **settings)
    return calibrated_spec(build_spec(config, data), data, load_experiments(config, data), config)


def _known_curves(spec: ModelSpec, **changes: Any) -> ModelSpec:
    """Carryover and saturation without doubt."""
    m = len(spec.channels)
    fixed = {
        "alpha": (Prior("deterministic", (0.4,)),) * m,
        "ec": (Prior("deterministic", (1.3,)),) * m,
        "slope": (Prior("deterministic", (1.4,)),) * m,
    }
    return dataclasses.replace(spec, **(fixed | changes))


def _unit(spec: ModelSpec, data: ModelData, n: int = 4) -> Posterior:
    """Prior draws with an effect of 1 everywhere."""
    drawn = prior_draws(data, spec, fit_scaling(data, spec.media_scaling), n, 1)
    ones = np.ones_like(drawn.samples["beta_gm"].values)
    return dataclasses.replace(
        drawn, samples=drawn.samples.assign(beta_gm=(("chain", "draw", "geo", "channel"), ones))
    )


@pytest.mark.parametrize("metric", ["outcome", "kpi", "roas"])
@pytest.mark.parametrize("change", [-0.5, 0.3, 4.0])
def test_with_known_curves_an_exact_result_gives_the_exact_roi(metric: str, change: float, tmp_path: Path) -> None:
    data = dataclasses.replace(DATA, revenue_per_kpi=np.full(DATA.kpi.shape, 3.0))
    unit = _unit(_known_curves(build_spec(Config(), data)), data, 1)
    beta = 0.01
    truth = float(incremental_outcome(unit)[0, :, 0].sum() / data.spend[:, :, 0].sum()) * beta
    row = lift_row(data, relative_change=change, metric=metric, estimate=0.001, post_weeks=3)
    (experiment,) = load_experiments(written([row], tmp_path), data)
    effect = float(lift_draws(unit, as_lift_test(experiment, data))[0]) * beta
    spend = data.spend[:2, 20:24, 0].sum() * (1 - 1 / (1 + change))
    estimate = effect / spend if metric == "roas" else effect
    exact = dataclasses.replace(experiment, estimate=estimate, sd=1e-4 * abs(estimate))
    roi, _ = window_roi(exact, unit, _SURE)
    assert roi.mean == pytest.approx(truth, rel=1e-6)
    assert roi.sd == pytest.approx(1e-4 * truth, rel=1e-3)


@pytest.mark.parametrize("post_weeks", [0, 2, 16])
def test_the_captured_share_is_that_of_a_steady_change(post_weeks: int, tmp_path: Path) -> None:
    (experiment,) = load_experiments(written([lift_row(post_weeks=post_weeks)], tmp_path), DATA)
    test, unit = as_lift_test(experiment, DATA), _unit(_SPEC, DATA)
    shares = captured_share(unit, test, 0)
    for s, alpha in enumerate(unit.stacked("alpha_m")[:, 0]):
        weights = adstock_weights(np.array([alpha]), "geometric", _SPEC.max_lag_weeks)[0]
        seen = sum(weights[lag] for week in range(4) for lag in range(len(weights)) if week + lag < 4 + post_weeks)
        assert shares[s] == pytest.approx(seen / 4)


def test_every_step_is_on_record_and_doubt_only_grows(tmp_path: Path) -> None:
    found = _calibrated(tmp_path, lift_row())
    table = found.adjustments
    assert tuple(table.columns) == ADJUSTMENT_COLUMNS
    assert table["step"].tolist() == ["measured", "carryover", "spend level", "geos", "age"]
    np.testing.assert_array_equal(table["raw_mean"][1:], table["adjusted_mean"][:-1])
    relative = table["adjusted_sd"] / table["adjusted_mean"]
    assert (np.diff(relative) >= 0).all()
    assert relative.iloc[0] == pytest.approx(0.3 / 2.0)
    prior = found.spec.effect[0]
    assert prior.family == "log_normal"
    assert prior.frozen_scipy().mean() == pytest.approx(table["adjusted_mean"].iloc[-1])
    assert prior.frozen_scipy().std() == pytest.approx(table["adjusted_sd"].iloc[-1])
    assert found.spec.effect[1:] == _SPEC.effect[1:]


def test_a_test_of_all_geos_says_nothing_uncertain_of_others(tmp_path: Path) -> None:
    assert "geos" not in _calibrated(tmp_path, lift_row(geos="all")).adjustments["step"].tolist()


def test_half_of_the_weight_is_lost_per_half_life(tmp_path: Path) -> None:
    weeks = 40 - 24

    def sigma(half_life: float | None) -> float:
        found = _calibrated(tmp_path, lift_row(), age_half_life_weeks=half_life)
        return found.spec.effect[0].named["sigma"]

    assert sigma(weeks) ** 2 == pytest.approx(2 * sigma(None) ** 2)
    assert sigma(weeks / 3) ** 2 == pytest.approx(8 * sigma(None) ** 2)


@given(st.lists(st.tuples(st.floats(-2, 3), st.floats(0.05, 2)), min_size=1, max_size=6))
def test_several_tests_weigh_by_precision_and_their_disagreement_is_doubt(
    tests: list[tuple[float, float]],
) -> None:
    returns = [LogNormal(mu, sigma) for mu, sigma in tests]
    together = combine(returns)
    mus, weights = np.array([mu for mu, _ in tests]), np.array([sigma**-2 for _, sigma in tests])
    assert mus.min() - 1e-9 <= together.mu <= mus.max() + 1e-9
    assert together.sigma >= weights.sum() ** -0.5 - 1e-12
    same = combine([dataclasses.replace(one, mu=0.7) for one in returns])
    assert same.mu == pytest.approx(0.7)
    assert same.sigma == pytest.approx(weights.sum() ** -0.5)


def test_two_tests_that_contradict_each_other_leave_more_doubt_than_either(tmp_path: Path) -> None:
    rows = lift_row(), lift_row(id="second", estimate=8.0, start=day(DATA, 30), end=day(DATA, 33, 6))
    alone = _calibrated(tmp_path, rows[0], age_half_life_weeks=None).spec.effect[0].named["sigma"]
    both = _calibrated(tmp_path, *rows, age_half_life_weeks=None)
    assert both.adjustments["step"].iloc[-1] == "combined"
    last = both.adjustments.iloc[-1]
    assert last["experiment"] == "lift, second"
    assert last["adjusted_sd"] > last["raw_sd"]
    assert both.spec.effect[0].named["sigma"] > 0.7 * alone


@given(mean=st.floats(-3, 10), sd=st.floats(0.01, 3))
def test_a_normal_result_becomes_a_positive_belief(mean: float, sd: float) -> None:
    found = positive(mean, sd)
    assert found.mean > 0
    assert np.isfinite([found.mu, found.sigma]).all()
    if mean > 6 * sd:
        assert found.mean == pytest.approx(mean, rel=1e-4)
        assert found.sd == pytest.approx(sd, rel=1e-3)


def test_both_backends_take_the_priors(tmp_path: Path) -> None:
    spec = _calibrated(tmp_path, lift_row()).spec
    for backend in ("meridian", "pymc"):
        assert get_backend(backend).unsupported(DATA, spec) == ()


def test_used_as_likelihood_or_not_at_all_priors_stay(tmp_path: Path) -> None:
    rows = lift_row(), lift_row(id="two", channels="channel_1+channel_2")
    found = _calibrated(tmp_path, *rows, use="likelihood")
    assert [test.name for test in found.spec.lift_tests] == ["lift", "two"]
    assert dataclasses.replace(found.spec, lift_tests=()) == _SPEC
    assert found.adjustments.empty
    assert _calibrated(tmp_path, *rows, use="off").spec == _SPEC


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "two channels": ({"channels": "channel_0+channel_1"}, {}, "use to likelihood"),
    "bounds": ({}, {"roi_bounds": {"channel_0": [1, 2]}}, "roi_bounds.channel_0; remove one"),
    "another type": ({}, {"channels": {"channel_0": {"type": "coefficient"}}}, "effect or type of its own"),
    "a surely negative return": ({"estimate": -1.0}, {}, "no prior of an ROI above 0 can hold"),
    "nothing spent": ({"channels": "free_0", "metric": "kpi"}, {}, "nothing was spent in its cells"),
    "organic media": ({"channels": "organic_0", "metric": "kpi"}, {}, "no spend and so no ROI prior"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_prior_can_hold_is_refused(name: str, tmp_path: Path) -> None:
    row, priors, words = REFUSED[name]
    data = tiny_model_data(n_weeks=40, n_channels=3, extras=Extras(n_organic=1))
    spend = data.spend.copy()
    spend[:, 10:30, 2] = 0
    data = dataclasses.replace(data, channels=("channel_0", "channel_1", "free_0", "organic_0"), spend=spend)
    config = written([lift_row(data, **row)], tmp_path)
    config = config.model_copy(update={"model": Config.model_validate({"model": {"priors": priors}}).model})
    experiments = load_experiments(config, data)
    with pytest.raises(SpecificationError, match=words) as refused:
        calibrated_spec(build_spec(config, data), data, experiments, config)
    assert "row 2" in str(refused.value)


def test_the_robust_family_is_refused(tmp_path: Path) -> None:
    config = written([lift_row()], tmp_path)
    with pytest.raises(SpecificationError, match="robust_log"):
        calibrated_spec(robust(DATA), DATA, load_experiments(config, DATA), config)


def test_every_kind_of_paid_channel_can_be_tested(tmp_path: Path) -> None:
    data = tiny_model_data(n_weeks=40, extras=dataclasses.replace(EVERYTHING, ragged=False))
    rows = [lift_row(data, id=name, channels=name) for name in data.paid_channels]
    found = _calibrated(tmp_path, *rows, data=data)
    assert set(found.adjustments["channel"]) == set(data.paid_channels)
    assert all(np.isfinite(prior.parameters).all() for prior in found.spec.effect)
