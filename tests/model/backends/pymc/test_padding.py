"""Weeks that are added for the sake of the shape change nothing."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.pymc.padding import known_lags, pad_weeks, padded_length
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import build_spec
from tests.factories import tiny_model_data


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def with_gaps(data: ModelData) -> ModelData:
    """A week whose KPI is not known, and a geo that starts late."""
    kpi, present = data.kpi.copy(), data.present.copy()
    kpi[0, 5] = np.nan
    kpi[-1, :4], present[-1, :4] = np.nan, False
    media, spend = data.media * present[:, :, None], data.spend * present[:, :, None]
    return dataclasses.replace(data, kpi=kpi, present=present, media=media, spend=spend)


@pytest.mark.parametrize(
    ("n_weeks", "length"),
    [
        (104, 110),
        (131, 136),
        (156, 162),
        (160, 162),
        (150, 162),
        (20, 20),
        (50, 52),
        (105, 110),
        (100, 110),
        (90, 97),
    ],
)
def test_lengths_are_few_and_cost_little(n_weeks: int, length: int) -> None:
    assert padded_length(n_weeks) == length


def test_no_length_costs_more_than_thirteen_percent() -> None:
    for n_weeks in range(1, 600):
        assert n_weeks <= padded_length(n_weeks) <= 1.13 * n_weeks


def test_of_two_years_or_more_a_quarter_of_a_year_shares_a_length() -> None:
    for n_weeks in range(98, 600):
        length = padded_length(n_weeks)
        assert length % 13 == 6
        assert padded_length(length) == length


def test_padding_does_not_lengthen_a_lag_that_the_panel_cuts_off() -> None:
    from mmm_core.model.backends.pymc.blocks import media_transform

    data = tiny_model_data(n_weeks=26)
    config = Config.model_validate({"model": {"knots": 3}, "features": {"adstock": {"max_lag": 40}}})
    spec = build_spec(config, data)
    scaling = fit_scaling(data, spec.media_scaling)
    padded = pad_weeks(data, padded_length(26))
    assert len(padded.dates) > 26
    window = media_transform(padded, known_lags(spec, data), scaling).window
    assert window == media_transform(data, spec, scaling).window == 26


@pytest.mark.parametrize(
    ("data", "family"),
    [
        (tiny_model_data(), "gaussian"),
        (with_gaps(tiny_model_data()), "gaussian"),
        (tiny_model_data(n_geos=1), "gaussian"),
        (with_gaps(tiny_model_data()), "robust_log"),
    ],
)
def test_padded_panel_has_the_same_log_density_gradient_and_draws(data: ModelData, family: str) -> None:
    import jax

    config = Config.model_validate({"model": {"knots": 3, "family": family}})
    spec = build_spec(config, data)
    padded = pad_weeks(data, 33)
    assert padded.kpi.shape[1] == 33
    likelihood, density = parts(data, data, spec)
    longer, _ = parts(padded, data, spec)
    value_and_gradient = jax.value_and_grad(density.log_density)
    for seed in range(3):
        flat = density.start + np.random.default_rng(seed).normal(0, 0.3, density.start.size)
        value, gradient = value_and_gradient(flat, likelihood)
        other, other_gradient = value_and_gradient(flat, longer)
        np.testing.assert_allclose(other, value, rtol=1e-12)
        np.testing.assert_allclose(other_gradient, gradient, rtol=1e-7, atol=1e-9)
        key = jax.random.PRNGKey(seed)
        ours = likelihood.complete(key, density.coordinates(flat))
        theirs = longer.complete(key, density.coordinates(flat))
        for name, values in ours.items():
            np.testing.assert_allclose(theirs[name], values, rtol=1e-8, atol=1e-10, err_msg=name)


def parts(data: ModelData, scaled: ModelData, spec: Any) -> tuple[Any, Any]:
    """Likelihood and density of a panel, scaled as `scaled` is."""
    from mmm_core.model.backends.pymc.density import flat_density
    from mmm_core.model.backends.pymc.graph import build_graph

    graph = build_graph(data, spec, fit_scaling(scaled, spec.media_scaling))
    return graph.likelihood, flat_density(graph, int(data.observed.sum()))
