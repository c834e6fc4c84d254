"""Parts of the flighting: shapes and what lies above them, derivatives, quadratic steps, media and table."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.optimization import FlightingConfig, PlatformConstraintsConfig
from mmm_core.config.schema import Config
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import incremental_outcome, scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from mmm_core.optimization.basis import basis_of
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.flight_media import (
    FLIGHTING_COLUMNS,
    flighted_media,
    flighted_outcomes,
    flighting_table,
)
from mmm_core.optimization.flight_outcome import FlightOutcome
from mmm_core.optimization.flight_patterns import filled
from mmm_core.optimization.flight_quadratic import QuadraticStep
from mmm_core.optimization.flight_shape import Above, Shape, below
from mmm_core.optimization.flight_space import FlightSpace
from mmm_core.optimization.flight_weeks import FlightWeeks
from mmm_core.optimization.problem import budget_problem
from mmm_core.planning.frame import PlanningFrame, fit_window
from tests.factories import EVERYTHING, Extras, made_up_posterior, robust, tiny_model_data

_FAMILIES = ("hill", "logistic", "michaelis_menten", "none")


_LEAD = Extras(n_lead=4)


def _posterior(extras: Extras = _LEAD, first: bool = False) -> Posterior:
    data = tiny_model_data(2, 10, 2, extras=extras)
    spec = dataclasses.replace(build_spec(Config(), data), hill_before_adstock=first)
    posterior = made_up_posterior(data, 1, 12, spec=spec)
    posterior.samples["slope_m"][:] = np.random.default_rng(1).uniform(
        0.6, 3.0, posterior.samples["slope_m"].shape
    )
    return posterior


def _coming(posterior: Posterior) -> PlanningFrame:
    data = posterior.data
    media, spend = data.media.copy(), data.spend.copy()
    media[:, -2:], spend[:, -2:] = 0.0, 0.0
    posterior = dataclasses.replace(posterior, data=dataclasses.replace(data, media=media, spend=spend))
    return dataclasses.replace(fit_window(posterior), scale_lead=False, n_weeks=len(data.dates) - 2)


def _outcome(frame: PlanningFrame, by_geo: bool, period_weeks: int, wear: float = 0.0) -> FlightOutcome:
    basis = basis_of(frame)
    weeks = FlightWeeks.of(basis.frame, Cells.of(basis, by_geo), period_weeks)
    return FlightOutcome(basis.frame, weeks, slice(None), {"channel_0": wear} if wear else {})


def _factors(outcome: FlightOutcome, seed: int = 0) -> FloatArray:
    planned = outcome.weeks.planned
    return np.where(planned > 0, np.random.default_rng(seed).uniform(0.3, 2.0, planned.shape), 1.0)


@pytest.mark.parametrize("family", _FAMILIES)
def test_slopes_and_bends_of_shapes_are_those_of_differences(family: str) -> None:
    exponent = np.array([0.5, 1.0, 3.0]) if family == "hill" else None
    shape = Shape(family, exponent)  # type: ignore[arg-type]
    media = np.geomspace(0.05, 20, 40)[:, None] * np.ones(3)
    found, step = shape(media, 2), 1e-5 * media
    up, down = shape(media + step, 1), shape(media - step, 1)
    assert found.slope is not None
    assert found.bend is not None
    assert up.slope is not None
    assert down.slope is not None
    np.testing.assert_allclose((up.value - down.value) / (2 * step), found.slope, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose((up.slope - down.slope) / (2 * step), found.bend, rtol=1e-4, atol=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.5, 8.0), st.floats(0.0, 3.0), st.floats(0.0, 6.0))
def test_what_is_above_is_concave_and_nowhere_below(exponent: float, least: float, width: float) -> None:
    shape = Shape("hill", np.array([exponent]))
    media = least + width * np.linspace(0, 1, 200)[:, None]
    low, high = np.full_like(media, least), np.full_like(media, least + width)
    above, curve = Above(shape)(media, low, high, 1), shape(media, 0).value
    assert (above.value >= curve - 1e-9).all()
    assert above.slope is not None
    tangents = above.value[:, 0] + above.slope[:, 0] * (media - media[:, 0])
    assert (tangents >= curve - 1e-9).all()
    under = below(shape, media, low, high, 0, False)
    assert (under.value <= curve + 1e-9).all()


def test_the_line_above_touches_where_it_should() -> None:
    """For the exponent 2 from 0 it touches at 1, where the curve is 1/2."""
    media = np.array([[0.5], [1.0], [2.0]])
    found = Above(Shape("hill", np.array([2.0])))(media, 0 * media, 3 + 0 * media, 0)
    np.testing.assert_allclose(found.value.ravel(), [0.25, 0.5, 0.8], rtol=1e-9)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("by_geo", [False, True])
@pytest.mark.parametrize("coming", [False, True])
@pytest.mark.parametrize(("period_weeks", "wear"), [(1, 0.0), (3, 0.8)])
def test_derivatives_are_those_of_differences(
    first: bool, by_geo: bool, coming: bool, period_weeks: int, wear: float
) -> None:
    posterior = _posterior(Extras(n_lead=4, n_reach=1, n_organic=1, ragged=True), first)
    outcome = _outcome(_coming(posterior) if coming else fit_window(posterior), by_geo, period_weeks, wear)
    factors = _factors(outcome)
    direction = np.random.default_rng(1).normal(size=factors.shape) * (outcome.weeks.planned > 0)
    found, step = outcome(factors, 2), 1e-5
    up, down = (outcome(factors + sign * step * direction, 1) for sign in (1, -1))
    assert found.bend is not None
    by_cell = (found.slope * direction).sum(axis=1)
    np.testing.assert_allclose((up.value - down.value) / (2 * step), by_cell, rtol=1e-5, atol=1e-6 * found.total)
    bent = np.einsum("nij,nj->ni", found.bend, direction)
    scale = float(np.abs(found.bend).max())
    np.testing.assert_allclose((up.slope - down.slope) / (2 * step), bent, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("coming", [False, True])
@pytest.mark.parametrize("by_geo", [False, True])
@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_an_even_flight_has_the_outcome_of_the_budget(coming: bool, by_geo: bool, family: str) -> None:
    """The same factor in all periods is the plan that scales the channel as a whole."""
    data = tiny_model_data(2, 10, 2, extras=EVERYTHING)
    spec = robust(data) if family == "robust_log" else build_spec(Config(), data)
    posterior = made_up_posterior(data, 1, 12, spec=spec)
    outcome = _outcome(_coming(posterior) if coming else fit_window(posterior), by_geo, 3)
    cells = outcome.weeks.cells
    whole = np.random.default_rng(2).uniform(0.5, 1.5, cells.spend.shape)
    factors = np.where(outcome.weeks.planned > 0, whole[:, None], 1.0)
    frame, scaled = outcome.frame, cells.factors(whole * cells.unit)
    brought = np.empty((posterior.n_draws, *scaled.shape))
    for g, m in np.ndindex(*scaled.shape):
        asked = [scaled[g, m], 0.0]
        both = scaled_channel_outcome(frame.posterior, m, asked, units=frame.units, scale_lead=frame.scale_lead)
        brought[:, g, m] = both[0, :, g] - both[1, :, g]
    draws, means = brought.sum(axis=(1, 2)), brought.mean(axis=0)
    assert outcome(factors, 0).total == pytest.approx(float(draws.mean()), rel=1e-9)
    found = flighted_outcomes(frame, cells, outcome.weeks.spend(factors))
    np.testing.assert_allclose(found[0], draws, rtol=1e-9)
    np.testing.assert_allclose(found[1], means, rtol=1e-8, atol=1e-9 * np.abs(means).max())


def test_the_concave_function_is_above_the_outcome_everywhere() -> None:
    posterior = _posterior()
    shape = posterior.samples["beta_gm"].shape
    posterior.samples["beta_gm"][:] = np.random.default_rng(5).normal(0.3, 0.5, shape)
    outcome = _outcome(fit_window(posterior), False, 2, 0.5)
    basis = basis_of(fit_window(posterior))
    problem = budget_problem("s", outcome.weeks.cells, basis.current.sum(), PlatformConstraintsConfig())
    space = FlightSpace.of(outcome.weeks, problem, FlightingConfig(period_weeks=2), problem.proportional)
    rng, plans = np.random.default_rng(0), []
    for _ in range(8):
        corner = space.best(rng.normal(size=space.lower.shape))
        assert corner is not None
        plans.append(corner)
    plans.append(np.mean(plans, axis=0))
    above = [outcome(plan, 1, space.range) for plan in plans]
    for plan in plans:
        value = outcome(plan, 0).total
        for at, other in zip(above, plans, strict=True):
            assert at.total + float((at.slope * (plan - other)).sum()) >= value - 1e-9 * abs(value)


@pytest.mark.parametrize("seed", range(4))
def test_quadratic_steps_are_optimal(seed: int) -> None:
    """No allowed direction goes up at the solution: a linear programme says so."""
    rng = np.random.default_rng(seed)
    outcome = _outcome(fit_window(_posterior()), bool(seed % 2), 2)
    cells = outcome.weeks.cells
    limits = PlatformConstraintsConfig(fixed=cells.names[:1] if seed > 1 else ())
    problem = budget_problem("s", cells, float(cells.spend.sum()), limits)
    config = FlightingConfig(period_weeks=2, min_period_share=0.1, max_period_share=3.0)
    space = FlightSpace.of(outcome.weeks, problem, config, cells.spend)
    start = space.best(rng.normal(size=space.lower.shape))
    assert start is not None
    roots = rng.normal(size=(*start.shape, start.shape[1]))
    blocks = roots @ roots.transpose(0, 2, 1) / start.shape[1] + 1e-4 * np.eye(start.shape[1])
    gain = rng.normal(size=start.shape)
    found = QuadraticStep(space).best(start, gain, blocks, 1e-7)
    assert space.violation(found) < 1e-8
    slope = (gain - np.einsum("nij,nj->ni", blocks, found - start)) * space.free
    best = space.best(slope)
    assert best is not None
    assert float((slope * (best - found)).sum()) < 1e-5


@pytest.mark.parametrize("even", [False, True])
def test_other_flights_keep_the_money_of_every_cell(even: bool) -> None:
    outcome = _outcome(fit_window(_posterior()), False, 1)
    cells = outcome.weeks.cells
    problem = budget_problem("s", cells, float(cells.spend.sum()), PlatformConstraintsConfig())
    space = FlightSpace.of(outcome.weeks, problem, FlightingConfig(max_period_share=3.0), cells.spend)
    flight = filled(space, np.ones_like(space.lower), np.random.default_rng(0).random(space.lower.shape), even)
    np.testing.assert_allclose(space.whole(flight), 1.0, rtol=1e-9)
    assert space.violation(flight) < 1e-9


def test_media_of_a_plan_gives_its_outcome_and_leaves_organic_media() -> None:
    posterior = _posterior(Extras(n_lead=4, n_organic=1, n_reach=1))
    frame = _coming(posterior)
    outcome = _outcome(frame, True, 2)
    factors = _factors(outcome)
    spend = outcome.weeks.spend(factors)
    media = flighted_media(outcome.frame, outcome.weeks.cells, spend)
    data, n_paid = frame.posterior.data, len(outcome.weeks.cells.channels)
    np.testing.assert_array_equal(media[:, :, n_paid:], data.media[:, :, n_paid:])
    nothing = media.copy()
    nothing[:, :, :n_paid] = 0.0
    difference = incremental_outcome(frame.posterior, media) - incremental_outcome(frame.posterior, nothing)
    total = difference[:, :, :n_paid].sum(axis=(1, 2)).mean()
    assert outcome(factors, 0).total == pytest.approx(float(total), rel=1e-9)


@pytest.mark.parametrize("by_geo", [False, True])
def test_the_table_has_every_week_and_keeps_splits(by_geo: bool) -> None:
    outcome = _outcome(_coming(_posterior()), by_geo, 3)
    weeks, factors = outcome.weeks, _factors(outcome)
    cells, frame = weeks.cells, outcome.frame
    table = flighting_table("plan", frame, cells, weeks.spend(factors))
    assert tuple(table.columns) == FLIGHTING_COLUMNS
    assert len(table) == 2 * 2 * frame.n_weeks
    assert table["optimal_spend"].sum() == pytest.approx(weeks.spend(factors).sum())
    one = table[(table["geo"] == "Geo1") & (table["channel"] == "channel_1")]
    np.testing.assert_array_equal(
        one["date"].to_numpy("datetime64[D]"), frame.posterior.data.dates[: frame.n_weeks]
    )
    np.testing.assert_allclose(one["current_spend"], frame.posterior.data.spend[1, : frame.n_weeks, 1])
    cell = 3 if by_geo else 1
    np.testing.assert_allclose(
        one["optimal_spend"], one["current_spend"] * factors[cell][weeks.period_of], rtol=1e-12
    )


def test_periods_are_counted_from_the_first_week_and_the_last_may_be_short() -> None:
    weeks = _outcome(fit_window(_posterior()), False, 4).weeks
    assert weeks.starts.tolist() == [0, 4, 8]
    assert weeks.period_of.tolist() == [0] * 4 + [1] * 4 + [2] * 2
    np.testing.assert_allclose(weeks.planned.sum(axis=1), weeks.cells.spend)
    np.testing.assert_allclose(weeks.factors(weeks.spend(np.full((2, 3), 1.5))), 1.5)
