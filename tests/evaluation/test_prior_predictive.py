"""The priors are run forward before anything is fitted."""

import dataclasses

import numpy as np
import pytest

from mmm_core.config.outputs import PriorPredictiveConfig
from mmm_core.config.schema import Config
from mmm_core.evaluation.prior_predictive import (
    PRIOR_PREDICTIVE_CHECKS,
    check_prior_predictive,
    prior_predictive,
)
from mmm_core.features.model_data import ModelData
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.priors import Prior
from mmm_core.model.specification import build_spec
from mmm_core.quality.check import CheckResult
from tests.factories import EVERYTHING, robust, tiny_model_data


@pytest.fixture(scope="module")
def data() -> ModelData:
    return tiny_model_data(n_geos=4, n_weeks=60)


@pytest.fixture(scope="module")
def spec(data: ModelData) -> ModelSpec:
    """A return of 1 in prior mean brings about a tenth of the outcome."""
    share = data.spend.sum(axis=(0, 1)) / (data.kpi * data.outcome_per_kpi).sum()
    effect = tuple(Prior("log_normal", (float(np.log(0.1 / one)), 0.3)) for one in share)
    return dataclasses.replace(build_spec(Config(), data), effect=effect, knot_values=Prior("normal", (0.0, 1.0)))


def checks(data: ModelData, spec: ModelSpec) -> dict[str, CheckResult]:
    results = check_prior_predictive(prior_predictive(data, spec, 3), PriorPredictiveConfig())
    assert [result.name for result in results] == list(PRIOR_PREDICTIVE_CHECKS)
    return {result.name: result for result in results}


def test_sensible_priors_pass(data: ModelData, spec: ModelSpec) -> None:
    assert all(result.passed for result in checks(data, spec).values())


def test_the_share_of_a_channel_is_what_its_prior_says(data: ModelData, spec: ModelSpec) -> None:
    found = prior_predictive(data, spec, 3).channels
    np.testing.assert_allclose(found["share_q50"], 0.1, rtol=0.1)


def test_returns_that_would_explain_all_of_the_kpi_are_pointed_out(data: ModelData, spec: ModelSpec) -> None:
    bold = tuple(Prior("log_normal", (prior.parameters[0] + np.log(20), 0.3)) for prior in spec.effect)
    found = checks(data, dataclasses.replace(spec, effect=bold))
    assert not found["prior_media_share"].passed
    assert "model.priors.roi_bounds" in found["prior_media_share"].message


def test_a_baseline_that_is_anything_is_pointed_out(data: ModelData, spec: ModelSpec) -> None:
    wide = dataclasses.replace(spec, knot_values=Prior("normal", (-80.0, 50.0)))
    found = checks(data, wide)
    assert not found["prior_baseline"].passed
    assert not found["prior_kpi"].passed


def test_the_same_seed_gives_the_same_answer(data: ModelData, spec: ModelSpec) -> None:
    first, second = prior_predictive(data, spec, 3), prior_predictive(data, spec, 3)
    assert first.weeks.equals(second.weeks)


def test_it_works_for_real_panels_and_the_robust_family() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    for spec in (build_spec(Config(), data), robust(data)):
        found = prior_predictive(data, spec, 1)
        assert np.isfinite(found.weeks.drop(columns="date").to_numpy()).all()
        assert found.weeks["actual"].sum() == pytest.approx(np.nansum(np.where(data.present, data.kpi, np.nan)))
