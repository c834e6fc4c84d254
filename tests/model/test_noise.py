"""Noise around expected KPI (its densities: `tests/evaluation/test_predictive.py`)."""

import numpy as np
import pytest

from mmm_core.model.forward import expected_kpi
from mmm_core.model.noise import predictive_draws
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_draws_scatter_around_expected_kpi_where_the_geo_is_present(family: str) -> None:
    data = tiny_model_data(extras=EVERYTHING)
    posterior = made_up_posterior(data, n_draws=400, spec=robust(data) if family == "robust_log" else None)
    expected, drawn = (np.stack(found, axis=1) for found in zip(*predictive_draws(posterior), strict=True))
    np.testing.assert_allclose(expected, expected_kpi(posterior), rtol=1e-12)
    assert not drawn[:, ~data.present].any()
    above = (drawn > expected)[:, data.present].mean()
    assert above == pytest.approx(0.5, abs=0.02)


def test_the_same_seed_gives_the_same_noise() -> None:
    posterior = made_up_posterior(tiny_model_data())
    for (_, one), (_, other) in zip(predictive_draws(posterior), predictive_draws(posterior), strict=True):
        np.testing.assert_array_equal(one, other)
