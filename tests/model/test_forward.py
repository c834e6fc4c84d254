"""The forward model against plain loops."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.errors import InputError
from mmm_core.model import forward
from mmm_core.model.forward import (
    adstock_weights,
    baseline_contribution,
    channel_contribution,
    control_contribution,
    expected_kpi,
    incremental_kpi,
    incremental_outcome,
    knot_weights,
    media_contribution,
    scaled_channel_outcome,
    transform_media,
)
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.factories import made_up_posterior, tiny_model_data
from tests.model.forward_oracle import OneDraw, decay_weights

_CASES = {
    "geos": {"n_geos": 3, "n_weeks": 14, "n_channels": 2, "n_controls": 2},
    "national": {"n_geos": 1, "n_weeks": 14, "n_channels": 2, "n_controls": 1},
    "no controls": {"n_geos": 2, "n_weeks": 14, "n_channels": 3, "n_controls": 0},
    "fewer weeks than lags": {"n_geos": 2, "n_weeks": 5, "n_channels": 1, "n_controls": 1},
}
_N_CHAINS, _N_DRAWS = 2, 3


def _posterior(case: str, adstock: str = "geometric", free_slope: bool = False) -> Posterior:
    data = tiny_model_data(**_CASES[case])
    spec = dataclasses.replace(build_spec(Config(), data), adstock=(adstock,) * len(data.channels))
    posterior = made_up_posterior(data, _N_CHAINS, _N_DRAWS, spec=spec)
    if free_slope:
        shape = posterior.samples["slope_m"].shape
        posterior.samples["slope_m"][:] = np.random.default_rng(3).uniform(0.6, 2.5, shape)
    return posterior


@pytest.fixture(params=list(itertools.product(_CASES, ("geometric", "binomial"), (False, True))), ids=str)
def posterior(request: pytest.FixtureRequest) -> Posterior:
    return _posterior(*request.param)


def _every_draw(posterior: Posterior) -> Iterator[tuple[int, OneDraw]]:
    for s, (chain, draw) in enumerate(itertools.product(range(_N_CHAINS), range(_N_DRAWS))):
        yield s, OneDraw(posterior, chain, draw)


def _geo_weeks(posterior: Posterior) -> itertools.product:
    return itertools.product(range(len(posterior.data.geos)), range(len(posterior.data.dates)))


def test_weekly_contributions_equal_loops(posterior: Posterior) -> None:
    media = np.stack(list(media_contribution(posterior)), axis=1)
    controls = np.stack(list(control_contribution(posterior)), axis=1)
    baseline = np.stack(list(baseline_contribution(posterior)), axis=1)
    for s, one in _every_draw(posterior):
        for g, t in _geo_weeks(posterior):
            expected = [one.channel(g, t, m) for m in range(media.shape[3])]
            np.testing.assert_allclose(media[s, g, t], expected, rtol=1e-10)
            np.testing.assert_allclose(
                controls[s, g, t], [one.control(g, t, k) for k in range(controls.shape[3])], rtol=1e-9
            )
            np.testing.assert_allclose(baseline[s, g, t], one.baseline(g, t), rtol=1e-10)


def test_expected_kpi_equals_loops(posterior: Posterior) -> None:
    kpi = expected_kpi(posterior)
    for s, one in _every_draw(posterior):
        loops = [one.kpi(g, t) for g, t in _geo_weeks(posterior)]
        np.testing.assert_allclose(kpi[s].ravel(), loops, rtol=1e-10)


def test_incremental_outcome_equals_loops(posterior: Posterior) -> None:
    outcome = incremental_outcome(posterior)
    for s, one in _every_draw(posterior):
        for g, m in np.ndindex(outcome.shape[1:]):
            np.testing.assert_allclose(outcome[s, g, m], one.outcome(g, m), rtol=1e-10)


def test_scaled_channel_outcome_equals_loops(posterior: Posterior) -> None:
    factors = (0.0, 0.3, 1.0, 2.5)
    scaled = scaled_channel_outcome(posterior, 0, factors)
    for s, one in _every_draw(posterior):
        for j, g in np.ndindex(len(factors), scaled.shape[2]):
            np.testing.assert_allclose(scaled[j, s, g], one.outcome(g, 0, factors[j]), rtol=1e-10)


def test_transform_media_times_beta_is_the_contribution(posterior: Posterior) -> None:
    scaling = posterior.scaling
    alpha, ec, slope, beta = (posterior.stacked(name) for name in ("alpha_m", "ec_m", "slope_m", "beta_gm"))
    hill = transform_media(posterior.spec, scaling.scale_media(posterior.data.media), alpha, ec, slope)
    effect = hill * beta[:, :, None, :] * scaling.kpi_sd * scaling.population[:, None, None]
    np.testing.assert_allclose(effect, np.stack(list(media_contribution(posterior)), axis=1), rtol=1e-12)


def test_incremental_outcome_is_a_difference_of_expected_kpi() -> None:
    posterior = _posterior("geos", free_slope=True)
    without = posterior.data.media.copy()
    without[:, :, 1] = 0
    lost = expected_kpi(posterior) - expected_kpi(posterior, media=without)
    np.testing.assert_allclose(
        (lost * posterior.data.outcome_per_kpi).sum(axis=2), incremental_outcome(posterior)[:, :, 1], rtol=1e-9
    )
    np.testing.assert_allclose(lost.sum(axis=2), incremental_kpi(posterior)[:, :, 1], rtol=1e-9)


def test_without_media_nothing_is_added(posterior: Posterior) -> None:
    nothing = np.zeros_like(posterior.data.media)
    assert not incremental_outcome(posterior, nothing).any()
    assert not any(effect.any() for effect in channel_contribution(posterior, 0, nothing))
    assert not scaled_channel_outcome(posterior, 0, [0.0]).any()


def test_outcome_is_in_kpi_units_where_no_revenue_is_known() -> None:
    data = dataclasses.replace(tiny_model_data(), revenue_per_kpi=None)
    posterior = made_up_posterior(data)
    np.testing.assert_array_equal(incremental_outcome(posterior), incremental_kpi(posterior))


def test_controls_at_their_mean_add_nothing() -> None:
    posterior = _posterior("geos")
    mean = np.broadcast_to(posterior.scaling.control_mean, posterior.data.control_values.shape)
    assert not any(effect.any() for effect in control_contribution(posterior, mean))


def test_block_size_does_not_matter(posterior: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    def everything() -> list[np.ndarray]:
        return [
            incremental_outcome(posterior),
            scaled_channel_outcome(posterior, 0, [0.5, 2.0]),
            expected_kpi(posterior),
        ]

    whole = everything()
    for size in (1, 40):
        monkeypatch.setattr(forward, "_BLOCK_VALUES", size)
        for one, other in zip(whole, everything(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_slice_of_draws_is_that_slice(posterior: Posterior) -> None:
    some = slice(1, None, 2)
    np.testing.assert_allclose(
        scaled_channel_outcome(posterior, 0, [0.5, 1.0], some),
        scaled_channel_outcome(posterior, 0, [0.5, 1.0])[:, some],
        rtol=1e-12,
    )


def test_steep_slope_far_from_half_saturation_stays_finite() -> None:
    posterior = _posterior("geos")
    posterior.samples["slope_m"][:] = 12.0
    posterior.samples["ec_m"][:] = 1e-9
    assert np.isfinite(scaled_channel_outcome(posterior, 0, [0.0, 1e-9, 1.0, 1e6])).all()


@pytest.mark.parametrize("slope", [1.0, 3.0])
def test_extreme_multipliers_reach_nothing_and_saturation(slope: float) -> None:
    posterior = _posterior("geos")
    posterior.samples["slope_m"][:] = slope
    nothing, tiny, huge, beyond = scaled_channel_outcome(posterior, 0, [0.0, 1e-300, 1e20, 1e300])
    np.testing.assert_array_equal(nothing, 0)
    assert tiny.max() < 1e-200
    np.testing.assert_allclose(huge, beyond, rtol=1e-12)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_impossible_media_is_refused(bad: float) -> None:
    posterior = _posterior("geos")
    media = posterior.data.media.copy()
    media[0, 0, 0] = bad
    with pytest.raises(InputError, match="negative or missing"):
        incremental_outcome(posterior, media)
    with pytest.raises(InputError, match="multipliers"):
        scaled_channel_outcome(posterior, 0, [bad])


def test_wrong_shapes_are_refused_with_the_right_one() -> None:
    posterior = _posterior("geos")
    with pytest.raises(InputError, match=r"\(3, 14, 2\)"):
        incremental_outcome(posterior, posterior.data.media[:, :-1])
    with pytest.raises(InputError, match=r"\(3, 14, 2\)"):
        expected_kpi(posterior, controls=posterior.data.control_values[:, :, :1])


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.integers(0, 12), st.sampled_from(["geometric", "binomial"]))
def test_adstock_weights_equal_loops_and_sum_to_one(alpha: float, max_lag: int, kind: str) -> None:
    weights = adstock_weights(alpha, kind, max_lag)
    np.testing.assert_allclose(weights, decay_weights(alpha, kind, max_lag + 1), rtol=1e-12, atol=1e-300)
    assert weights.sum() == pytest.approx(1)
    assert np.all(np.diff(weights) <= 1e-15)


def test_adstock_weights_keep_leading_dimensions() -> None:
    alpha = np.random.default_rng(0).uniform(size=(4, 3))
    weights = adstock_weights(alpha, "binomial", 5)
    assert weights.shape == (4, 3, 6)
    np.testing.assert_allclose(weights[2, 1], decay_weights(alpha[2, 1], "binomial", 6))


def test_knot_weights_interpolate_and_are_flat_outside() -> None:
    weights = knot_weights((2, 6), 9)
    np.testing.assert_allclose(weights[:, 1], [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1])
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_array_equal(knot_weights((4,), 9), np.ones((9, 1)))
