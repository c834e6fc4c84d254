"""Coming weeks as the frame of a budget plan."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mmm_core.config.optimization import FuturePlanConfig
from mmm_core.config.schema import Config
from mmm_core.data.patterns import listed
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import Units, effect_units
from mmm_core.model.posterior import Posterior
from mmm_core.model.predictors import logarithmic_mean, predictors
from mmm_core.model.scaling import Scaling
from mmm_core.planning.coming import ComingWeeks, coming_weeks
from mmm_core.planning.frame import PlanningFrame, fit_window
from mmm_core.planning.past import as_a_year_before, unit_cost
from mmm_core.planning.terms import coming_controls

Value = TypeVar("Value", np.float64, np.bool_)
_WEEK = np.timedelta64(7, "D")
_BEYOND = 1.1
"""Multiple of the largest week of a channel in a geo from which a note says that the data know nothing of it."""


def planning_frame(posterior: Posterior, config: Config) -> PlanningFrame:
    """The weeks that `optimization.future` asks for: the fit window once more, or coming weeks.

    Coming weeks begin right after the fit's last.  A file's weeks that have passed are left out, and week starts
    are moved to the fit's nearest weekday.  What a file must and need not say: `plan_table.read_plan` and
    `coming.coming_weeks`; what is assumed about controls and events: `terms.coming_controls`.  With
    `credit_carryover` as many weeks as media carries over follow, without paid media and worth what the last week
    of the plan is.  Whatever was assumed is in `notes`; a plan beyond the data is not refused, but said there.

    In the family `gaussian` media and KPI count per head of the plan's population; `robust_log` knows no
    population in its level, so there the fit's stays.

    Raises:
        DataError: the file cannot be used; names file, column and row.
        BudgetError: a changed price of a channel that does not exist.
        ConfigError: the configuration no longer gives the fit's terms.
    """
    future = config.optimization.future
    if future is None:
        return fit_window(posterior)
    return frame_of_weeks(posterior, config, future, coming_weeks(posterior.data, future, config))


def frame_of_weeks(
    posterior: Posterior, config: Config, future: FuturePlanConfig, weeks: ComingWeeks
) -> PlanningFrame:
    """Coming weeks as a frame, whoever says what is planned in them (see `planning_frame`).

    Args:
        posterior: the fit.
        config: `features` are those of the fit.
        future: whether what the plan carries over counts.
        weeks: what is planned.

    Raises:
        ConfigError: the configuration no longer gives the fit's terms.
    """
    weeks = _with_fitted_population(posterior, weeks)
    moved, notes = _on_coming_weeks(posterior, config, future, weeks)
    n_paid = len(posterior.data.paid_channels)
    spend, media = posterior.data.spend[:, :, :n_paid], posterior.data.media[:, :, :n_paid]
    past = unit_cost(spend, media)
    return PlanningFrame(
        posterior=moved,
        units=_plan_units(moved),
        scale_lead=False,
        n_weeks=len(weeks.dates),
        largest_weekly_spend=spend.max(axis=1),
        unit_cost=past * _price_level(weeks, past),
        notes=(*weeks.notes, *notes, _trend_note(posterior), *_beyond_the_data(posterior.data, weeks)),
    )


def _with_fitted_population(posterior: Posterior, weeks: ComingWeeks) -> ComingWeeks:
    old = posterior.scaling.population
    if posterior.spec.family == "robust_log" and not np.allclose(weeks.population, old):
        note = "Population is the fit's: the family robust_log does not know how sales grow with it."
        return replace(weeks, population=old, notes=(*weeks.notes, note))
    change = weeks.population / old - 1
    if np.abs(change).max() > 1e-9:
        note = f"Population differs from the fit's by {change.min():+.1%} to {change.max():+.1%}."
        return replace(weeks, notes=(*weeks.notes, note))
    return replace(weeks, population=old)


def _on_coming_weeks(
    posterior: Posterior, config: Config, future: FuturePlanConfig, weeks: ComingWeeks
) -> tuple[Posterior, tuple[str, ...]]:
    """The same draws on the plan's weeks and, where it is credited, those in which they carry over."""
    fitted, n_weeks = posterior.data, len(weeks.dates)
    n_tail = posterior.spec.max_lag_weeks if future.credit_carryover else 0
    dates = weeks.dates[0] + _WEEK * np.arange(n_weeks + n_tail)
    controls, notes = coming_controls(fitted, config, dates, weeks.controls)
    data = replace(
        fitted,
        dates=dates,
        kpi=np.full((len(fitted.geos), len(dates)), np.nan),
        revenue_per_kpi=None if weeks.revenue_per_kpi is None else _prolonged(weeks.revenue_per_kpi, n_tail),
        population=weeks.population,
        media=_with_tail(weeks, fitted, n_tail),
        spend=np.pad(weeks.spend, ((0, 0), (0, n_tail), (0, 0))),
        control_values=controls,
        frequency=None if weeks.frequency is None else _prolonged(weeks.frequency, n_tail),
        lead_media=_last_weeks(fitted.lead_media, fitted.media, posterior.spec.max_lag_weeks),
        lead_frequency=_lead_frequency(fitted, posterior.spec.max_lag_weeks),
        present=_prolonged(weeks.present, n_tail),
    )
    # The trend is flat from the last knot on, so the last knot alone gives it whatever the first week is.
    return replace(
        posterior,
        data=data,
        spec=replace(posterior.spec, knots=(0,)),
        samples=posterior.samples.isel(knot=slice(-1, None)),
        scaling=_scaled_population(posterior.scaling, weeks.population, fitted),
        sampler=None,
    ), notes


def _prolonged(values: NDArray[Value], n_tail: int) -> NDArray[Value]:
    """(G, T + tail, ...) with the last week repeated."""
    return np.concatenate([values, np.repeat(values[:, -1:], n_tail, axis=1)], axis=1)


def _with_tail(weeks: ComingWeeks, fitted: ModelData, n_tail: int) -> FloatArray:
    """(G, T + tail, M) media: after the plan nothing is paid for, and organic media goes on as a year before."""
    n_weeks, n_paid = len(weeks.dates), len(fitted.paid_channels)
    usual = as_a_year_before(fitted.media, fitted.present, n_weeks + n_tail)
    tail = usual[:, n_weeks:] * weeks.present[:, -1:, None]
    tail[:, :, :n_paid] = 0.0
    return np.concatenate([weeks.media, tail], axis=1)


def _last_weeks(lead: FloatArray, window: FloatArray, n_weeks: int) -> FloatArray:
    """(G, up to n_weeks, M) the last weeks of the past."""
    past = np.concatenate([lead, window], axis=1)
    return past[:, max(0, past.shape[1] - n_weeks) :]


def _lead_frequency(fitted: ModelData, n_weeks: int) -> FloatArray | None:
    if fitted.frequency is None:
        return None
    lead = np.ones(fitted.lead_media.shape) if fitted.lead_frequency is None else fitted.lead_frequency
    return _last_weeks(lead, fitted.frequency, n_weeks)


def _scaled_population(scaling: Scaling, population: FloatArray, fitted: ModelData) -> Scaling:
    """The fit's constants per head for another population."""
    per_head = population / scaling.population
    per_capita = np.array(fitted.control_per_capita, dtype=bool)
    return replace(
        scaling,
        population=population,
        media_scale=scaling.media_scale * per_head[:, None],
        control_divisor=np.where(per_capita, scaling.control_divisor * per_head[:, None], scaling.control_divisor),
    )


def _plan_units(moved: Posterior) -> Units:
    """Units between the plan and no paid media in its weeks."""
    if moved.spec.family != "robust_log":
        return effect_units(moved)
    media = moved.data.media.copy()
    media[:, :, : len(moved.data.paid_channels)] = 0.0
    both = zip(predictors(moved, media, None), predictors(moved, None, None), strict=True)
    return [
        logarithmic_mean(without + moved.scaling.kpi_mean, planned - without) * moved.data.present[g][:, None]
        for g, ((_, without), (_, planned)) in enumerate(both)
    ]


def _price_level(weeks: ComingWeeks, past: FloatArray) -> FloatArray:
    """(M,) prices of the plan against those of the past; 1 where nothing is planned."""
    n_paid = past.shape[1]
    money = weeks.spend[:, :, :n_paid].sum(axis=(0, 1))
    at_past_prices = (weeks.media[:, :, :n_paid] * past[:, None]).sum(axis=(0, 1))
    planned = (money > 0) & (at_past_prices > 0)
    return np.asarray(np.divide(money, at_past_prices, out=np.ones(n_paid), where=planned))


def _trend_note(posterior: Posterior) -> str:
    week = posterior.data.dates[posterior.spec.knots[-1]].astype("datetime64[D]")
    return f"The trend of the baseline stays as it was at its last knot, the week of {week}."


def _beyond_the_data(fitted: ModelData, weeks: ComingWeeks) -> tuple[str, ...]:
    """Sentences about media that no week of the fit comes near, and about media and money without each other."""
    n_paid = len(fitted.paid_channels)
    largest = np.maximum(fitted.media.max(axis=1), fitted.lead_media.max(axis=1, initial=0.0))
    per_head = weeks.population / fitted.population
    above = weeks.media > _BEYOND * (largest * per_head[:, None])[:, None]
    beyond = [
        f"{channel} in {int(above[:, :, m].sum())} of {above[:, :, m].size} geo-weeks"
        for m, channel in enumerate(fitted.channels)
        if above[:, :, m].any()
    ]
    media, spend = weeks.media[:, :, :n_paid].sum(axis=(0, 1)), weeks.spend[:, :, :n_paid].sum(axis=(0, 1))
    unpaid = [c for c, free in zip(fitted.paid_channels, (media > 0) & (spend == 0), strict=True) if free]
    lost = [c for c, idle in zip(fitted.paid_channels, (media == 0) & (spend > 0), strict=True) if idle]
    notes = (
        (
            f"More media than any week of that geo had, so that effects are extrapolated: {', '.join(beyond)}.",
            beyond,
        ),
        (f"Planned media without any spend: {listed(unpaid)}.", unpaid),
        (f"Planned spend without any media, which brings nothing: {listed(lost)}.", lost),
    )
    return tuple(note for note, names in notes if names)
