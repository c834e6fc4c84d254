"""Media at the medians of the priors, against loops."""

import dataclasses

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.prior_media import media_at_prior_medians
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import build_spec
from tests.factories import Extras, tiny_model_data

DATA = tiny_model_data(n_geos=2, n_weeks=30, extras=Extras(n_reach=1, n_organic=1, n_lead=8))
REACH = 2


def by_loops(data: ModelData, spec: ModelSpec, g: int, t: int, m: int) -> float:
    """Geometric adstock of the 8 weeks before and Hill, one number at a time."""
    scale = fit_scaling(data, spec.media_scaling).media_scale[g, m]
    alpha, ec, slope = (prior[m].median() for prior in (spec.alpha, spec.ec, spec.slope))
    weights = [alpha**lag for lag in range(9)]
    total = 0.0
    for lag in range(9):
        week = t - lag + 8
        media = np.concatenate([data.lead_media, data.media], axis=1)[g, week, m] / scale
        if m == REACH:
            assert data.frequency is not None
            assert data.lead_frequency is not None
            frequency = np.concatenate([data.lead_frequency, data.frequency], axis=1)[g, week, m]
            media *= frequency**slope / (frequency**slope + ec**slope)
        elif spec.hill_before_adstock:
            media = media**slope / (media**slope + ec**slope)
        total += weights[lag] / sum(weights) * media
    if m == REACH or spec.hill_before_adstock:
        return total
    return float(total**slope / (total**slope + ec**slope))


@pytest.mark.parametrize("hill_before_adstock", [False, True])
def test_media_agrees_with_loops_over_weeks_and_lags(hill_before_adstock: bool) -> None:
    spec = build_spec(Config.model_validate({"model": {"hill_before_adstock": hill_before_adstock}}), DATA)
    found = media_at_prior_medians(DATA, spec, fit_scaling(DATA, spec.media_scaling))
    for g, t, m in np.ndindex(2, 30, 4):
        assert found[g, t, m] == pytest.approx(by_loops(DATA, spec, g, t, m), rel=1e-12)


def test_constant_media_without_a_past_is_constant() -> None:
    constant = np.broadcast_to(np.array([2.0, 3.0])[:, None, None], (2, 30, 2))
    data = dataclasses.replace(
        tiny_model_data(n_geos=2, n_weeks=30), media=constant, population=np.array([1.0, 2.0])
    )
    spec = build_spec(Config(), data)
    found = media_at_prior_medians(data, spec, fit_scaling(data, spec.media_scaling))
    assert np.ptp(found, axis=1) == pytest.approx(np.zeros((2, 2)), abs=1e-12)
