"""Log scores against brute force, one draw and one week at a time."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from mmm_core.features.held_out import truncate
from mmm_core.features.model_data import ModelData
from mmm_core.model.forward import expected_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.selection.scores import LEVEL_WEEKS, slice_scores
from mmm_core.selection.slices import TimeSlice
from tests.factories import made_up_posterior, tiny_model_data

PIECE = TimeSlice(28, 36)


def fitted(data: ModelData) -> Posterior:
    return made_up_posterior(truncate(data, PIECE.start), n_draws=20)


def brute_force(fit: Posterior, data: ModelData, tracked: bool) -> np.ndarray:
    seen = truncate(data, PIECE.end)
    mu = expected_kpi(dataclasses.replace(fit, data=seen))
    sd = fit.stacked("sigma") * fit.scaling.kpi_sd * fit.scaling.population
    scores = np.full((len(data.geos), PIECE.end - PIECE.start), np.nan)
    for g in range(len(data.geos)):
        for week in range(PIECE.start, PIECE.end):
            earlier = [w for w in range(PIECE.start, week) if np.isfinite(seen.kpi[g, w])][-LEVEL_WEEKS:]
            if np.isnan(seen.kpi[g, week]) or (tracked and not earlier):
                continue
            means, scales = [], []
            for s in range(fit.n_draws):
                mean, scale = mu[s, g, week], sd[s, g]
                if tracked:
                    mean = mean + np.mean([seen.kpi[g, w] - mu[s, g, w] for w in earlier])
                    scale = scale * np.sqrt(1 + 1 / len(earlier))
                means.append(mean)
                scales.append(scale)
            scores[g, week - PIECE.start] = np.log(np.mean(stats.norm.pdf(seen.kpi[g, week], means, scales)))
    return scores


@pytest.mark.parametrize("n_geos", [1, 3])
def test_both_scores_are_those_of_brute_force(n_geos: int) -> None:
    data = tiny_model_data(n_geos=n_geos, n_weeks=40)
    fit = fitted(data)
    scores = slice_scores(fit, data, PIECE)
    np.testing.assert_allclose(scores.forecast, brute_force(fit, data, tracked=False), rtol=1e-9)
    np.testing.assert_allclose(scores.tracked, brute_force(fit, data, tracked=True), rtol=1e-9)


def test_unknown_weeks_are_not_scored_and_not_tracked() -> None:
    data = tiny_model_data(n_weeks=40)
    data.kpi[1, 30] = np.nan
    fit = fitted(data)
    scores = slice_scores(fit, data, PIECE)
    assert np.isnan(scores.forecast[1, 2])
    np.testing.assert_allclose(scores.tracked, brute_force(fit, data, tracked=True), rtol=1e-9)


def test_the_first_week_only_sets_the_level() -> None:
    data = tiny_model_data(n_weeks=40)
    scores = slice_scores(fitted(data), data, PIECE)
    assert np.isnan(scores.tracked[:, 0]).all()
    assert np.isfinite(scores.tracked[:, 1:]).all()


def test_weeks_after_the_slice_do_not_matter() -> None:
    data = tiny_model_data(n_weeks=40)
    fit = fitted(data)
    before = slice_scores(fit, data, PIECE)
    data.kpi[:, PIECE.end :] *= 3
    data.media[:, PIECE.end :] = 0
    np.testing.assert_array_equal(slice_scores(fit, data, PIECE).tracked, before.tracked)


def test_a_moved_level_costs_the_forecast_but_not_the_tracked_score() -> None:
    data = tiny_model_data(n_geos=1, n_weeks=40)
    fit = fitted(data)
    before = slice_scores(fit, data, PIECE)
    data.kpi[:, PIECE.start :] += 10 * fit.scaling.kpi_sd * data.population[:, None]
    after = slice_scores(fit, data, PIECE)
    assert np.nanmean(after.forecast) < np.nanmean(before.forecast) - 10
    np.testing.assert_allclose(after.tracked, before.tracked, rtol=1e-9)
