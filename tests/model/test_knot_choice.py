"""Choice of the knots by evidence."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.knot_choice import fixed_part, log_evidences
from mmm_core.model.knot_weights import knot_weights
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import build_spec
from tests.factories import EVERYTHING, tiny_model_data

AUTO = Config.model_validate({"model": {"knots": "auto"}})


def with_trend(data: ModelData, period: float, size: float) -> ModelData:
    weeks = np.arange(len(data.dates))
    return dataclasses.replace(data, kpi=data.kpi * (1 + size * np.sin(2 * np.pi * weeks / period)))


@pytest.mark.parametrize("n_geos", [1, 3])
def test_evidence_is_the_density_of_the_dense_multivariate_normal(n_geos: int) -> None:
    data = tiny_model_data(n_geos=n_geos, n_weeks=40, extras=EVERYTHING)
    spec = dataclasses.replace(
        build_spec(Config(), data),
        knot_values=Prior("normal", (0.3, 2.0)),
        tau=Prior("normal", (-0.2, 3.0)),
        gamma=Prior("normal", (0.1, 0.7)),
    )
    fixed = fixed_part(data, spec, fit_scaling(data, spec.media_scaling))
    candidates, sigma = [(0, 39), (0, 13, 26, 39), (5, 20)], 0.6
    found = log_evidences(fixed, spec.knot_values, candidates, np.array([sigma]))
    seen = (data.observed & data.present).ravel()
    assert not seen.all()
    for knots, evidence in zip(candidates, found, strict=True):
        trend = np.tile(knot_weights(knots, 40), (n_geos, 1))
        intercepts = np.repeat(np.eye(n_geos), 40, axis=0)
        design = np.hstack([trend, intercepts, fixed.design.reshape(seen.size, -1)])[seen]
        mean = np.concatenate([np.full(len(knots), 0.3), fixed.intercept_mean, fixed.prior_mean])
        variance = np.concatenate([np.full(len(knots), 4.0), fixed.intercept_variance, fixed.prior_variance])
        covariance = design * variance @ design.T + sigma**2 * np.eye(seen.sum())
        dense = stats.multivariate_normal(design @ mean, covariance).logpdf(fixed.residual.ravel()[seen])
        assert evidence == pytest.approx(dense, abs=1e-8, rel=1e-10)


def test_fixed_part_has_the_priors_of_the_specification() -> None:
    data = tiny_model_data(n_geos=3, n_weeks=40, n_channels=2, n_controls=1)
    spec = build_spec(Config(), data)
    fixed = fixed_part(data, spec, fit_scaling(data, spec.media_scaling))
    assert fixed.prior_variance == pytest.approx([25.0, 1.0, 1.0])
    baseline = int(np.argmax(data.population))
    assert fixed.intercept_variance == pytest.approx([0.0 if g == baseline else 25.0 for g in range(3)])


@pytest.mark.parametrize("n_geos", [1, 4])
def test_flat_data_take_few_knots_and_wiggly_data_more(n_geos: int) -> None:
    data = tiny_model_data(n_geos=n_geos, n_weeks=104, n_channels=3)
    flat, slow, fast = (
        len(build_spec(AUTO, with_trend(data, period, size)).knots)
        for period, size in ((104, 0.0), (104, 0.5), (30, 0.5))
    )
    assert flat == 2
    assert flat < slow < fast <= 26


def test_start_without_known_media_is_no_trend() -> None:
    """Media before the first week is unknown, not zero: carry-over from nothing would look like growth."""
    data = tiny_model_data(n_geos=12, n_weeks=104, n_channels=6)
    assert len(build_spec(AUTO, data).knots) == 2


def test_choice_is_the_same_every_time() -> None:
    data = with_trend(tiny_model_data(n_geos=3, n_weeks=80, extras=EVERYTHING), 26, 0.4)
    assert build_spec(AUTO, data) == build_spec(AUTO, data)


def test_robust_family_chooses_on_the_log_scale() -> None:
    data = with_trend(tiny_model_data(n_geos=3, n_weeks=104), 52, 0.5)
    config = Config.model_validate({"model": {"knots": "auto", "family": "robust_log"}})
    assert len(build_spec(config, data).knots) > 4
