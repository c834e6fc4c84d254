"""The forward model against plain loops."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import InputError
from mmm_core.model import media_response
from mmm_core.model.forward import (
    baseline_contribution,
    channel_contribution,
    control_contribution,
    effect_units,
    expected_kpi,
    expected_kpi_by_geo,
    incremental_kpi,
    incremental_outcome,
    knot_weights,
    linear_predictor,
    media_contribution,
    scaled_channel_outcome,
    summed_control_contribution,
    transform_media,
)
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.model.specification import build_spec
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.model.forward_oracle import OneDraw

_CASES = {
    "geos": {"n_geos": 3, "n_weeks": 14, "n_channels": 2, "n_controls": 2},
    "national": {"n_geos": 1, "n_weeks": 14, "n_channels": 2, "n_controls": 1},
    "no controls": {"n_geos": 2, "n_weeks": 14, "n_channels": 3, "n_controls": 0},
    "fewer weeks than lags": {"n_geos": 2, "n_weeks": 5, "n_channels": 1, "n_controls": 1},
}
_N_CHAINS, _N_DRAWS = 2, 3


_FAMILIES = {
    "geometric hill": {"adstock": "geometric"},
    "binomial hill": {"adstock": "binomial"},
    "free slope": {"slope": Prior("log_normal", (0.3, 0.4))},
    "binomial, free slope": {"adstock": "binomial", "slope": Prior("log_normal", (0.3, 0.4))},
    "delayed logistic": {"adstock": "delayed", "saturation": "logistic"},
    "weibull michaelis-menten": {"adstock": "weibull", "saturation": "michaelis_menten"},
    "no saturation": {"saturation": "none"},
    "saturation first": {"hill_before_adstock": True, "slope": Prior("log_normal", (0.3, 0.4))},
    "logistic first": {"hill_before_adstock": True, "saturation": "logistic", "adstock": "delayed"},
    "normal effects": {"media_effects": "normal"},
    "robust": {"family": "robust_log", "slope": Prior("log_normal", (0.3, 0.4))},
    "robust, saturation first": {"family": "robust_log", "hill_before_adstock": True},
}
_PER_CHANNEL = {"adstock", "saturation", "slope"}
_EVERYTHING = {"n_geos": 3, "n_weeks": 14, "n_channels": 2, "n_controls": 2, "extras": EVERYTHING}
_PANELS = _CASES | {
    "everything": _EVERYTHING,
    "everything, many lead weeks": _EVERYTHING | {"extras": dataclasses.replace(EVERYTHING, n_lead=20)},
}


def _posterior(case: str, family: str = "geometric hill") -> Posterior:
    data = tiny_model_data(**_PANELS[case])
    n = len(data.channels)
    changes = {key: (value,) * n if key in _PER_CHANNEL else value for key, value in _FAMILIES[family].items()}
    spec = dataclasses.replace(build_spec(Config(), data), **changes)
    return made_up_posterior(data, _N_CHAINS, _N_DRAWS, spec=spec)


_COMBINATIONS = [
    *itertools.product(_CASES, ("geometric hill", "binomial hill", "free slope", "binomial, free slope")),
    *itertools.product(("everything",), _FAMILIES),
    *itertools.product(
        ("everything, many lead weeks", "national"), ("delayed logistic", "robust", "saturation first")
    ),
]


@pytest.fixture(params=_COMBINATIONS, ids=str)
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
    for m in range(len(posterior.data.channels)):
        scaled = scaled_channel_outcome(posterior, m, factors)
        for s, one in itertools.islice(_every_draw(posterior), 0, None, 3):
            for j, g in np.ndindex(len(factors), scaled.shape[2]):
                np.testing.assert_allclose(scaled[j, s, g], one.outcome(g, m, factors[j]), rtol=1e-10)


def test_the_past_stays_where_only_the_window_is_scaled(posterior: Posterior) -> None:
    factors, units, data = np.array([0.0, 0.3, 1.0, 2.5]), effect_units(posterior), posterior.data
    for m in range(len(data.channels)):
        scaled = scaled_channel_outcome(posterior, m, factors, units=units, scale_lead=False)
        for j, factor in enumerate(factors):
            media = data.media.copy()
            media[:, :, m] *= factor
            weekly = np.stack(list(channel_contribution(posterior, m, media, units)), axis=1)
            np.testing.assert_allclose(scaled[j], (weekly * data.outcome_per_kpi).sum(axis=2), rtol=1e-10)


def test_outcome_of_the_windows_own_media_is_the_change_of_the_expected_kpi() -> None:
    posterior = _posterior("everything, many lead weeks", "free slope")
    before = expected_kpi(posterior)
    for m in range(len(posterior.data.channels)):
        media = posterior.data.media.copy()
        media[:, :, m] *= 1.7
        changed = ((expected_kpi(posterior, media) - before) * posterior.data.outcome_per_kpi).sum(axis=2)
        as_it_was, more = scaled_channel_outcome(posterior, m, [1.0, 1.7], scale_lead=False)
        np.testing.assert_allclose(more - as_it_was, changed, rtol=1e-8)


def test_transform_media_times_beta_is_the_contribution(posterior: Posterior) -> None:
    data, scaling = posterior.data, posterior.scaling
    alpha, ec, slope, theta, beta = (
        posterior.stacked(name) for name in ("alpha_m", "ec_m", "slope_m", "theta_m", "beta_gm")
    )
    frequency = None
    if data.frequency is not None:
        lead = np.ones_like(data.lead_media) if data.lead_frequency is None else data.lead_frequency
        frequency = np.concatenate([lead, data.frequency], axis=1)
    transformed = transform_media(
        posterior.spec,
        scaling.scale_media(np.concatenate([data.lead_media, data.media], axis=1)),
        alpha,
        ec,
        slope,
        theta,
        kinds=data.channel_kinds,
        frequency=frequency,
        n_lead=data.lead_media.shape[1],
    )
    units = np.stack([np.broadcast_to(unit, transformed.shape[2::-2]).T for unit in effect_units(posterior)], 1)
    effect = transformed * beta[:, :, None, :] * units[:, :, :, None]
    np.testing.assert_allclose(effect, np.stack(list(media_contribution(posterior)), axis=1), rtol=1e-12)


def test_contributions_add_up_to_expected_kpi(posterior: Posterior) -> None:
    units = effect_units(posterior)
    parts = [
        sum(effects)
        for effects in zip(
            baseline_contribution(posterior),
            summed_control_contribution(posterior, range(len(posterior.data.controls)), units=units),
            *(channel_contribution(posterior, m, units=units) for m in range(len(posterior.data.channels))),
            strict=True,
        )
    ]
    np.testing.assert_allclose(np.stack(parts, axis=1), expected_kpi(posterior), rtol=1e-9)


def test_weeks_that_are_not_present_count_for_nothing() -> None:
    for family in ("geometric hill", "robust"):
        posterior = _posterior("everything", family)
        absent = ~posterior.data.present
        assert absent.any()
        for by_geo in (
            np.stack(list(media_contribution(posterior)), axis=1),
            np.stack(list(control_contribution(posterior)), axis=1),
            np.stack(list(baseline_contribution(posterior)), axis=1),
            expected_kpi(posterior),
        ):
            assert not by_geo[:, absent].any()
            assert by_geo[:, ~absent].all(axis=0).any()


def test_lead_media_carries_over_into_the_window() -> None:
    posterior = _posterior("everything")
    posterior.samples["alpha_m"][:] = 0.5
    nothing = np.zeros_like(posterior.data.media)
    carried = np.stack(list(media_contribution(posterior, nothing)), axis=1)
    began = posterior.data.present[:, 0]
    assert (carried[:, began, 0] > 0).all()
    assert not carried[:, :, posterior.spec.max_lag_weeks :].any()
    assert not scaled_channel_outcome(posterior, 0, [0.0]).any()


def test_treatments_count_from_their_smallest_value() -> None:
    posterior = _posterior("everything")
    posterior.samples["gamma_gc"][:] = 1.0
    treatment = posterior.data.controls.index("treatment_0")
    effect = np.stack([draws[:, :, treatment] for draws in control_contribution(posterior)], axis=1)
    assert effect[:, posterior.data.present].min() == 0
    control = np.stack([draws[:, :, 0] for draws in control_contribution(posterior)], axis=1)
    assert control.min() < 0


def test_reach_is_linear_and_frequency_saturates() -> None:
    posterior = _posterior("everything", "free slope")
    channel = posterior.data.channels.index("reach_0")
    one, two = scaled_channel_outcome(posterior, channel, [1.0, 2.0])
    np.testing.assert_allclose(two, 2 * one, rtol=1e-12)
    more = dataclasses.replace(posterior.data, frequency=2 * posterior.data.frequency)
    seen_more = incremental_outcome(dataclasses.replace(posterior, data=more))[:, :, channel]
    assert (seen_more > one).all()
    assert (seen_more < 2**2.5 * one).all()


def test_a_longer_panel_is_predicted_as_far_as_the_fitted_one_goes(posterior: Posterior) -> None:
    data, extra = posterior.data, 6

    def longer(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[:, -extra:]], axis=1)

    other = dataclasses.replace(
        data,
        dates=data.dates[0] + 7 * np.arange(len(data.dates) + extra),
        kpi=longer(data.kpi),
        revenue_per_kpi=longer(data.revenue_per_kpi),
        media=longer(data.media),
        spend=longer(data.spend),
        control_values=longer(data.control_values),
        present=longer(data.present),
        frequency=None if data.frequency is None else longer(data.frequency),
    )
    if len(data.dates) + data.lead_media.shape[1] <= posterior.spec.max_lag_weeks:
        pytest.skip("a binomial window shorter than the largest lag grows with the panel")
    predicted = expected_kpi(dataclasses.replace(posterior, data=other))
    assert predicted.shape == (_N_CHAINS * _N_DRAWS, *other.kpi.shape)
    np.testing.assert_allclose(predicted[:, :, : len(data.dates)], expected_kpi(posterior), rtol=1e-10)
    baseline = np.stack(list(baseline_contribution(dataclasses.replace(posterior, data=other))), axis=1)
    last = np.broadcast_to(baseline[:, 0, len(data.dates) - 1, None], (len(baseline), extra))
    if other.present[0].all():
        np.testing.assert_allclose(baseline[:, 0, len(data.dates) :], last)


def test_a_plan_in_the_robust_family_is_worth_what_it_adds() -> None:
    posterior = _posterior("everything", "robust")
    plan = 1.3 * posterior.data.media
    media = next(channel_contribution(posterior, 0, plan))
    units = effect_units(posterior, plan)
    np.testing.assert_allclose(media, next(channel_contribution(posterior, 0, plan, units)))
    summed = incremental_kpi(posterior, plan)[:, :, 0]
    weekly = np.stack([draws.sum(axis=1) for draws in channel_contribution(posterior, 0, plan)], axis=1)
    np.testing.assert_allclose(summed, weekly, rtol=1e-10)


def test_mu_in_kpi_units_is_expected_kpi() -> None:
    posterior = _posterior("geos", "robust")
    for mu, kpi in zip(linear_predictor(posterior), expected_kpi_by_geo(posterior), strict=True):
        np.testing.assert_allclose(np.exp(mu + posterior.scaling.kpi_mean) - 1, kpi, rtol=1e-12)


def test_incremental_outcome_is_a_difference_of_expected_kpi() -> None:
    posterior = _posterior("geos", "free slope")
    without = posterior.data.media.copy()
    without[:, :, 1] = 0
    lost = expected_kpi(posterior) - expected_kpi(posterior, media=without)
    np.testing.assert_allclose(
        (lost * posterior.data.outcome_per_kpi).sum(axis=2), incremental_outcome(posterior)[:, :, 1], rtol=1e-9
    )
    np.testing.assert_allclose(lost.sum(axis=2), incremental_kpi(posterior)[:, :, 1], rtol=1e-9)


def test_without_media_nothing_is_added(posterior: Posterior) -> None:
    if posterior.data.lead_media.any():
        posterior = dataclasses.replace(
            posterior,
            data=dataclasses.replace(posterior.data, lead_media=np.zeros_like(posterior.data.lead_media)),
        )
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
        monkeypatch.setattr(media_response, "BLOCK_VALUES", size)
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


def test_knot_weights_interpolate_and_are_flat_outside() -> None:
    weights = knot_weights((2, 6), 9)
    np.testing.assert_allclose(weights[:, 1], [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1])
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_array_equal(knot_weights((4,), 9), np.ones((9, 1)))
