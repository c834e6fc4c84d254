"""Plans over weeks against other optimizers, grids, and the forward model."""

import dataclasses
from itertools import product

import numpy as np
import pytest

from mmm_core.config.optimization import (
    FlightingConfig,
    GroupLimitsConfig,
    PlatformConstraintsConfig,
    SpendLimitsConfig,
)
from mmm_core.config.schema import Config
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from mmm_core.optimization.basis import Basis, basis_of
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.flight_media import flighted_outcomes
from mmm_core.optimization.flight_outcome import FlightOutcome
from mmm_core.optimization.flight_space import FlightSpace
from mmm_core.optimization.flight_weeks import FlightWeeks
from mmm_core.optimization.flighting import FlightedPlan, flighted
from mmm_core.optimization.problem import BudgetProblem, budget_problem
from mmm_core.planning.frame import PlanningFrame, fit_window
from tests.factories import Extras, made_up_posterior, tiny_model_data

_TOLERANCE = 1e-4
_TAIL = 3
_LEAD = Extras(n_lead=3)


def _posterior(
    n_channels: int = 2,
    n_weeks: int = 12,
    n_geos: int = 2,
    slope: tuple[float, float] | None = None,
    extras: Extras = _LEAD,
    seed: int = 1,
    **spec: object,
) -> Posterior:
    data = tiny_model_data(n_geos, n_weeks, n_channels, extras=extras, seed=seed)
    described = _described(build_spec(Config(), data), spec)
    posterior = made_up_posterior(data, n_chains=1, n_draws=24, seed=seed, spec=described)
    if slope is not None:
        shape = posterior.samples["slope_m"].shape
        posterior.samples["slope_m"][:] = np.random.default_rng(seed).uniform(*slope, shape)
    return posterior


def _described(spec: ModelSpec, changes: dict[str, object]) -> ModelSpec:
    n_channels = len(spec.channels)
    per_channel = {key: (value,) * n_channels for key, value in changes.items() if isinstance(value, str)}
    return dataclasses.replace(spec, **(changes | per_channel))  # type: ignore[arg-type]


def _coming(posterior: Posterior) -> PlanningFrame:
    """The last weeks are after the plan's end, those before the window stay as they were."""
    data = posterior.data
    media, spend = data.media.copy(), data.spend.copy()
    media[:, -_TAIL:], spend[:, -_TAIL:] = 0.0, 0.0
    posterior = dataclasses.replace(posterior, data=dataclasses.replace(data, media=media, spend=spend))
    return dataclasses.replace(fit_window(posterior), scale_lead=False, n_weeks=len(data.dates) - _TAIL)


def _problem(
    basis: Basis, by_geo: bool = False, change: float = 1.0, **constraints: object
) -> tuple[BudgetProblem, FloatArray]:
    cells = Cells.of(basis, by_geo)
    limits = PlatformConstraintsConfig(**({"max_change": 0.5} | constraints))  # type: ignore[arg-type]
    problem = budget_problem("s", cells, change * float(cells.spend.sum()), limits)
    return problem, problem.proportional


def _space(basis: Basis, problem: BudgetProblem, config: FlightingConfig, start: FloatArray) -> FlightSpace:
    return FlightSpace.of(FlightWeeks.of(basis.frame, problem.cells, config.period_weeks), problem, config, start)


def _slsqp(basis: Basis, space: FlightSpace, starts: int = 3) -> float:
    """The best value that SciPy's general optimizer finds, from several starts."""
    from scipy.optimize import LinearConstraint, minimize

    outcome = FlightOutcome(basis.frame, space.weeks, slice(None))
    rows, low, high = space._rows
    free, shape = space.free.ravel(), space.lower.shape
    fixed = np.where(free, 0.0, space.lower.ravel())
    scale = abs(outcome(np.ones(shape), 0).total)
    offset, used = rows @ fixed, np.abs(rows.toarray()[:, free]).sum(axis=1) > 0

    def full(x: FloatArray) -> FloatArray:
        found = fixed.copy()
        found[free] = x
        return found.reshape(shape)

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        found = outcome(full(x), 1)
        return -found.total / scale, -found.slope.ravel()[free] / scale

    rng, best = np.random.default_rng(0), -np.inf
    matrix, least, most = rows.toarray()[:, free], low - offset, high - offset
    kinds = (used & (most - least <= 1e-12), used & (most - least > 1e-12))
    limits = [LinearConstraint(matrix[kind], least[kind], most[kind]) for kind in kinds if kind.any()]
    for _ in range(starts):
        corner = space.best(rng.normal(size=shape))
        assert corner is not None
        found = minimize(
            loss,
            corner.ravel()[free],
            jac=True,
            bounds=list(zip(space.lower.ravel()[free], space.upper.ravel()[free], strict=True)),
            constraints=limits,
            method="SLSQP",
            options={"maxiter": 200, "ftol": 1e-12},
        )
        if space.violation(full(found.x)) < 1e-6:
            best = max(best, -float(found.fun) * scale)
    assert np.isfinite(best)
    return best


def _check(
    plan: FlightedPlan, basis: Basis, problem: BudgetProblem, config: FlightingConfig, start: FloatArray
) -> None:
    """Limits are kept, the value is the forward model's, and it is not below the start's."""
    space = _space(basis, problem, config, start)
    factors = space.weeks.factors(plan.spend)
    assert space.violation(factors) < 1e-7
    assert plan.spend.sum() == pytest.approx(start.sum(), rel=1e-9)
    np.testing.assert_allclose(space.weeks.spend(factors), plan.spend, rtol=1e-9)
    value = flighted_outcomes(basis.frame, problem.cells, plan.spend)[0].mean()
    assert plan.value == pytest.approx(float(value), rel=1e-7)
    assert plan.bound >= plan.value
    even = np.where(space.weeks.unit > 0, start / np.maximum(space.weeks.unit, 1e-300), 1.0)[:, None]
    at_start = np.where(space.weeks.planned > 0, even, 1.0)
    if space.violation(at_start) < 1e-9:
        assert plan.value >= FlightOutcome(basis.frame, space.weeks, slice(None))(at_start, 0).total


_CONCAVE = {
    "michaelis_menten": {},
    "logistic": {"saturation": "logistic", "adstock": "binomial"},
    "flat hill": {"slope": (0.5, 1.0), "adstock": "delayed"},
    "none": {"saturation": "none", "adstock": "weibull"},
    "saturation first": {"slope": (0.6, 1.0), "hill_before_adstock": True},
    "reach": {"extras": Extras(n_lead=3, n_reach=1, n_organic=1, ragged=True)},
}


@pytest.mark.parametrize("kind", _CONCAVE)
@pytest.mark.parametrize("coming", [False, True])
@pytest.mark.parametrize("by_geo", [False, True])
def test_concave_plans_are_proven_and_no_worse_than_slsqp(kind: str, coming: bool, by_geo: bool) -> None:
    posterior = _posterior(**_CONCAVE[kind])  # type: ignore[arg-type]
    basis = basis_of(_coming(posterior) if coming else fit_window(posterior))
    problem, start = _problem(basis, by_geo)
    config = FlightingConfig(period_weeks=3, max_change=1.0)
    plan = flighted(basis.frame, problem, config, _TOLERANCE, start)
    _check(plan, basis, problem, config, start)
    assert plan.gap <= _TOLERANCE
    other = _slsqp(basis, _space(basis, problem, config, start), 1)
    assert plan.value >= other - _TOLERANCE * abs(other)
    assert plan.bound >= other * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_limits_of_cells_groups_and_periods_are_kept_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    basis = basis_of(fit_window(_posterior(n_channels=3, seed=seed, slope=(0.7, 1.0))))
    config = FlightingConfig(
        period_weeks=int(rng.integers(1, 4)),
        max_change=float(rng.uniform(0.5, 2.0)),
        min_period_share=float(rng.uniform(0, 0.3)),
        max_period_share=float(rng.uniform(2.0, 3.0)),
    )
    group = GroupLimitsConfig(channels=("channel_0", "channel_1"), max_change=0.1)
    problem, start = _problem(
        basis, bool(seed % 2), groups={"g": group}, channels={"channel_2": SpendLimitsConfig(min_change=-0.1)}
    )
    plan = flighted(basis.frame, problem, config, _TOLERANCE, start)
    _check(plan, basis, problem, config, start)
    assert plan.gap <= _TOLERANCE
    other = _slsqp(basis, _space(basis, problem, config, start), 1)
    assert plan.value >= other - _TOLERANCE * abs(other)


@pytest.mark.parametrize(("slope", "seed"), [((0.7, 1.0), 0), ((1.5, 3.0), 1), ((3.0, 6.0), 2), ((0.6, 6.0), 3)])
@pytest.mark.parametrize("coming", [False, True])
def test_two_channels_and_two_periods_reach_the_best_of_a_grid(
    slope: tuple[float, float], seed: int, coming: bool
) -> None:
    posterior = _posterior(n_weeks=6 + _TAIL * coming, n_geos=1, slope=slope, seed=seed)
    posterior.samples["ec_m"][:] *= 2.5
    basis = basis_of(_coming(posterior) if coming else fit_window(posterior))
    problem, start = _problem(basis, max_change=0.8)
    config = FlightingConfig(period_weeks=3, max_change=1.5)
    plan = flighted(basis.frame, problem, config, _TOLERANCE, start)
    _check(plan, basis, problem, config, start)
    best = _best_of_grid(basis, _space(basis, problem, config, start))
    assert plan.value >= best * (1 - 1e-4)
    assert plan.bound >= best * (1 - 1e-9)


def _best_of_grid(basis: Basis, space: FlightSpace) -> float:
    """Three factors on a grid, the fourth is what the total leaves."""
    outcome, planned = FlightOutcome(basis.frame, space.weeks, slice(None)), space.weeks.planned
    levels = np.linspace(0, 1, 11)
    total, best = space.limits[0].low, -np.inf
    for place in product(levels, repeat=3):
        factors = space.lower + np.append(place, 0.0).reshape(2, 2) * (space.upper - space.lower)
        factors[1, 1] = (total - float((planned * factors).sum()) + planned[1, 1] * factors[1, 1]) / planned[1, 1]
        if space.violation(factors) < 1e-9:
            best = max(best, outcome(factors, 0).total)
    assert np.isfinite(best)
    return best


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["steep", "any sign"])
def test_s_shapes_and_effects_of_any_sign_are_bounded(seed: int, kind: str) -> None:
    posterior = _posterior(slope=(0.6, 4.0) if kind == "steep" else (0.6, 1.5), n_weeks=9, seed=seed)
    if kind == "any sign":
        shape = posterior.samples["beta_gm"].shape
        posterior.samples["beta_gm"][:] = np.random.default_rng(seed).normal(0.4, 0.5, shape)
    basis = basis_of(_coming(posterior) if seed % 2 else fit_window(posterior))
    problem, start = _problem(basis)
    config = FlightingConfig(period_weeks=2)
    plan = flighted(basis.frame, problem, config, _TOLERANCE, start)
    _check(plan, basis, problem, config, start)
    other = _slsqp(basis, _space(basis, problem, config, start), 2)
    assert plan.value >= other - 2e-4 * abs(other)
    assert plan.bound >= other


def test_bursts_are_found_where_the_even_flight_is_a_trap() -> None:
    """Far below the inflection little money in every week brings nothing, all of it in few weeks does."""
    posterior = _posterior(n_channels=1, n_weeks=12, n_geos=1, slope=(4.0, 4.5), extras=Extras())
    posterior.samples["alpha_m"][:] = 0.05
    posterior.samples["ec_m"][:] = 4.0
    data = dataclasses.replace(
        posterior.data, media=np.ones_like(posterior.data.media), spend=np.ones_like(posterior.data.spend)
    )
    posterior = dataclasses.replace(
        posterior, data=data, scaling=dataclasses.replace(posterior.scaling, media_scale=np.ones((1, 1)))
    )
    basis = basis_of(fit_window(posterior))
    problem, start = _problem(basis)
    plan = flighted(basis.frame, problem, FlightingConfig(max_change=5.0), _TOLERANCE, start)
    even = flighted_outcomes(basis.frame, problem.cells, np.ones((1, 12)))[0].mean()
    assert plan.value > 10 * even
    assert (plan.spend[0] > 3).sum() in (2, 3)


@pytest.mark.parametrize("by_geo", [False, True])
@pytest.mark.parametrize("coming", [False, True])
def test_an_idle_channel_can_be_funded_week_by_week(by_geo: bool, coming: bool) -> None:
    posterior = _posterior()
    data, seen = posterior.data, fit_window(posterior)
    media, spend = data.media.copy(), data.spend.copy()
    media[:, :, 1], spend[:, :, 1] = 0.0, 0.0
    posterior = dataclasses.replace(posterior, data=dataclasses.replace(data, media=media, spend=spend))
    posterior.samples["beta_gm"][:, :, :, 1] *= 5.0
    frame = _coming(posterior) if coming else fit_window(posterior)
    basis = basis_of(dataclasses.replace(frame, unit_cost=seen.unit_cost))
    problem, start = _problem(basis, by_geo, channels={"channel_1": SpendLimitsConfig(max_share=0.3)})
    config = FlightingConfig(period_weeks=2)
    plan = flighted(basis.frame, problem, config, _TOLERANCE, start)
    _check(plan, basis, problem, config, start)
    assert plan.gap <= _TOLERANCE
    assert plan.spend[1::2].sum() > 0.05 * start.sum()


def test_wear_of_creatives_counts_in_every_period() -> None:
    basis = basis_of(fit_window(_posterior()))
    problem, start = _problem(basis, change=1.2)
    config = FlightingConfig(period_weeks=3)
    fresh, worn = (
        flighted(basis.frame, problem, config, _TOLERANCE, start, wear) for wear in ({}, {"channel_0": 2.0})
    )
    assert worn.gap <= _TOLERANCE
    assert worn.value < fresh.value
    value = flighted_outcomes(basis.frame, problem.cells, worn.spend, {"channel_0": 2.0})[0].mean()
    assert worn.value == pytest.approx(float(value), rel=1e-7)
    of_fresh = flighted_outcomes(basis.frame, problem.cells, fresh.spend, {"channel_0": 2.0})[0].mean()
    assert worn.value >= of_fresh * (1 - _TOLERANCE)


def test_fixed_channels_keep_their_money_and_steps_keep_that_of_all() -> None:
    basis = basis_of(fit_window(_posterior()))
    problem, start = _problem(basis, fixed=("channel_1",))
    config = FlightingConfig(period_weeks=2)
    plan = flighted(basis.frame, problem, config, _TOLERANCE, start)
    assert plan.spend[1].sum() == pytest.approx(start[1], rel=1e-7)
    assert plan.gap <= _TOLERANCE
    stepped = dataclasses.replace(problem, step=1000.0)
    plan = flighted(basis.frame, stepped, config, _TOLERANCE, start)
    np.testing.assert_allclose(plan.spend.sum(axis=1), start, rtol=1e-7)


def test_a_fixed_channel_keeps_its_money_in_a_smaller_budget() -> None:
    basis = basis_of(fit_window(_posterior()))
    total = 1.2 * float(Cells.of(basis, False).spend[1])
    limits = PlatformConstraintsConfig(fixed=("channel_1",), max_change=10.0)
    problem = budget_problem("s", Cells.of(basis, False), total, limits)
    start = np.array([total - problem.lower[1], problem.lower[1]])
    plan = flighted(basis.frame, problem, FlightingConfig(period_weeks=3, max_change=0.9), _TOLERANCE, start)
    assert plan.spend[1].sum() == pytest.approx(start[1], rel=1e-7)


def test_a_flexible_total_stays_that_of_the_start() -> None:
    basis = basis_of(fit_window(_posterior()))
    cells = Cells.of(basis, False)
    total = float(cells.spend.sum())
    problem = budget_problem("s", cells, total, PlatformConstraintsConfig(), (-0.5, 0.5))
    plan = flighted(basis.frame, problem, FlightingConfig(period_weeks=4), _TOLERANCE, 0.8 * cells.spend)
    assert plan.spend.sum() == pytest.approx(0.8 * total, rel=1e-9)


def test_a_start_outside_the_limits_of_periods_is_brought_inside() -> None:
    basis = basis_of(fit_window(_posterior()))
    problem, _ = _problem(basis)
    start = problem.proportional.copy()
    start[0] *= 1.5
    start[1] = problem.total - start[0]
    config = FlightingConfig(period_weeks=3, max_change=0.2)
    plan = flighted(basis.frame, problem, config, _TOLERANCE, start)
    _check(plan, basis, problem, config, start)
    assert plan.gap <= _TOLERANCE


def test_limits_that_no_flighting_keeps_are_refused_with_their_keys() -> None:
    basis = basis_of(fit_window(_posterior()))
    problem, start = _problem(basis, channels={"channel_0": SpendLimitsConfig(min_change=0.4)})
    with pytest.raises(BudgetError, match=r"optimization\.flighting .*max_change 0\.1.*platform_constraints"):
        flighted(basis.frame, problem, FlightingConfig(max_change=0.1), _TOLERANCE, start)


def test_the_same_plan_comes_again() -> None:
    basis = basis_of(fit_window(_posterior(slope=(0.6, 4.0), n_weeks=5)))
    problem, start = _problem(basis)
    one, other = (flighted(basis.frame, problem, FlightingConfig(), _TOLERANCE, start) for _ in range(2))
    np.testing.assert_array_equal(one.spend, other.spend)
