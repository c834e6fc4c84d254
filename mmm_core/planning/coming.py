"""Media, money and size of coming weeks: from a file, or as a year before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.optimization import FuturePlanConfig
from mmm_core.config.schema import Config
from mmm_core.data.panel import (
    AGE,
    CONTROL,
    EXTRA,
    FREQUENCY,
    POPULATION,
    REVENUE_PER_KPI,
    SPEND,
    TERM,
    TREATMENT,
)
from mmm_core.data.patterns import listed, nearest_of
from mmm_core.errors import BudgetError, DataError
from mmm_core.features.custom_terms import custom_terms
from mmm_core.features.fatigue import discounted_channels
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.planning.past import (
    WEEKS_PER_YEAR,
    as_a_year_before,
    last_known,
    unit_cost,
    usual_frequency,
    weeks_before,
)
from mmm_core.planning.plan_table import PlanTable, read_plan
from mmm_core.planning.plan_weeks import PlanWeeks, plan_weeks

_WEEK = np.timedelta64(7, "D")
_DAYS_PER_WEEK = 7.0


@dataclass(frozen=True)
class ComingWeeks:
    """G geos, T weeks, M channels as in the fit."""

    dates: NDArray[np.datetime64]
    """(T,) first days, the first of them a week after the fit's last."""
    media: FloatArray
    """(G, T, M) media units, or reach."""
    spend: FloatArray
    """(G, T, M) money, 0 for organic channels."""
    frequency: FloatArray | None
    """(G, T, M), 1 for channels without; None where no channel has one."""
    present: NDArray[np.bool_]
    """(G, T) whether the geo is there."""
    revenue_per_kpi: FloatArray | None
    """(G, T); None where the fit knows none."""
    population: FloatArray
    """(G,)"""
    controls: Mapping[str, FloatArray]
    """Name of a control of the fit -> (G, T) values that the plan gives, NaN where it does not."""
    notes: tuple[str, ...]


def coming_weeks(data: ModelData, future: FuturePlanConfig, config: Config) -> ComingWeeks:
    """What is planned for coming weeks, with the prices that `cost_changes` asks for.

    With a file: media and spend of paid channels as given (without media units, spend at the prices of the fit);
    organic media, where the file has none, as in the same weeks a year (52 weeks) before; revenue per KPI else as
    in the fit's last week; population else as in the fit.  Without a file: media, spend and frequency as in the
    same weeks a year before, in the geos that the fit's last week has.

    Args:
        data: of the fit.
        future: `optimization.future`.
        config: the whole configuration, for the mapping.

    Raises:
        DataError: the file cannot be used, or there is no file and the fit has less than a year.
        BudgetError: a changed price of a channel that does not exist or costs nothing.
    """
    _check_cost_changes(future.cost_changes, data)
    if future.path is None:
        weeks = _year_before(data, WEEKS_PER_YEAR if future.weeks is None else future.weeks)
    else:
        table = read_plan(future.path, config, data)
        weeks = _from_file(table, plan_weeks(table, data, future.weeks), data, config)
    media = weeks.media.copy()
    for channel, change in future.cost_changes.items():
        media[:, :, data.channels.index(channel)] /= 1 + change
    return replace(weeks, media=media, notes=(*weeks.notes, *_price_notes(future.cost_changes)))


def _check_cost_changes(changes: Mapping[str, float], data: ModelData) -> None:
    for channel in changes:
        if channel not in data.paid_channels:
            what = "is organic and costs nothing" if channel in data.channels else "is no channel of the fit"
            raise BudgetError(
                f"optimization.future.cost_changes names {channel}, which {what}; "
                f"{nearest_of(channel, data.paid_channels)}"
            )


def _price_notes(changes: Mapping[str, float]) -> tuple[str, ...]:
    if not changes:
        return ()
    prices = ", ".join(f"{channel} {change:+.1%}" for channel, change in changes.items())
    return (f"Prices of media units differ from the plan's (optimization.future.cost_changes): {prices}.",)


def _year_before(data: ModelData, n_weeks: int) -> ComingWeeks:
    n_history = len(data.dates)
    before = weeks_before(n_history, n_weeks)
    if before is None:
        raise DataError(
            f"optimization.future repeats the same weeks a year before, but the fit has {n_history} weeks and "
            f"{WEEKS_PER_YEAR} are needed; give optimization.future.path, or fit more weeks."
        )
    still_there = data.present[:, -1]
    present = np.repeat(still_there[:, None], n_weeks, axis=1)
    unknown = present & ~data.present[:, before]
    notes = [f"Planned are the {n_weeks} weeks after the fit's data as the same weeks a year before."]
    if not still_there.all():
        names = [geo for geo, there in zip(data.geos, still_there, strict=True) if not there]
        notes.append(
            f"{listed(names)}: there no longer is any data in the fit's last week, so nothing is planned."
        )
    if unknown.any():
        names = [geo for geo, weeks in zip(data.geos, unknown, strict=True) if weeks.any()]
        notes.append(
            f"{listed(names)}: no data in some of the weeks a year before, so nothing is planned in them."
        )
    media = np.where(present[:, :, None], data.media[:, before], 0.0)
    return ComingWeeks(
        dates=data.dates[-1].astype("datetime64[D]") + _WEEK * np.arange(1, n_weeks + 1),
        media=media,
        spend=np.where(present[:, :, None], data.spend[:, before], 0.0),
        frequency=_frequency_before(data, media, before),
        present=present,
        revenue_per_kpi=_revenue(data, None, n_weeks),
        population=data.population,
        controls={},
        notes=tuple(notes),
    )


def _frequency_before(data: ModelData, media: FloatArray, before: NDArray[np.intp]) -> FloatArray | None:
    """(G, T, M) of a year before, the fit's mean where nobody is reached; None without such channels."""
    if data.frequency is None:
        return None
    return np.where(media > 0, data.frequency[:, before], usual_frequency(data)[:, None])


def _from_file(table: PlanTable, weeks: PlanWeeks, data: ModelData, config: Config) -> ComingWeeks:
    notes = [*table.source.notes, *weeks.notes]
    n_weeks, values = len(weeks.dates), weeks.values
    spend = np.zeros((len(data.geos), n_weeks, len(data.channels)))
    for m, channel in enumerate(data.paid_channels):
        spend[:, :, m] = values.get(f"{SPEND}{channel}", 0.0)
    population = data.population
    if POPULATION in values:
        means = pd.DataFrame(values[POPULATION]).mean(axis=1).to_numpy()
        population = np.where(np.isfinite(means), means, data.population)
    media = _media(table, values, spend, data, config, notes)
    return ComingWeeks(
        dates=weeks.dates,
        media=media,
        spend=spend,
        frequency=_frequency(values, data, media, notes),
        present=np.ones(spend.shape[:2], dtype=bool),
        revenue_per_kpi=_revenue(data, values.get(REVENUE_PER_KPI), n_weeks),
        population=population,
        controls=_given_controls(table, weeks, data),
        notes=tuple(notes),
    )


def _media(
    table: PlanTable,
    values: Mapping[str, FloatArray],
    spend: FloatArray,
    data: ModelData,
    config: Config,
    notes: list[str],
) -> FloatArray:
    """(G, T, M) media units of all channels."""
    mapping, media = table.mapping, np.zeros_like(spend)
    columns = dict(zip((*mapping.channels, *mapping.organic), mapping.media_columns, strict=True))
    prices = unit_cost(data.spend, data.media)
    usual = as_a_year_before(data.media, data.present, spend.shape[1])
    wearing = discounted_channels(config.features.creative_fatigue)
    priced, organic = [], []
    for m, channel in enumerate(data.channels):
        column = columns.get(channel, "")
        if column in values:
            media[:, :, m] = values[column]
            media[:, :, m] *= _freshness(table, values, channel, config) if channel in wearing else 1.0
        elif channel in data.paid_channels:
            media[:, :, m] = spend[:, :, m] / prices[:, None, m]
            priced.append(channel)
        else:
            media[:, :, m] = usual[:, :, m]
            organic.append(channel)
    if priced:
        notes.append(f"{listed(priced)}: no media units in the plan, so they are spend at the fit's prices.")
    if organic:
        notes.append(f"{listed(organic)}: organic media as in the same weeks a year before.")
    return media


def _freshness(table: PlanTable, values: Mapping[str, FloatArray], channel: str, config: Config) -> FloatArray:
    """(G, T) what a media unit counts, by the age of the creative."""
    fatigue = config.features.creative_fatigue
    age = values.get(f"{AGE}{channel}")
    if age is None or not np.isfinite(age).all():
        raise DataError(
            f"{table.source.origin} does not tell the age of {channel}'s creatives in every week, by which its "
            f"media are discounted; complete the column {fatigue.age_cols[channel]!r} "
            "(features.creative_fatigue.age_cols)."
        )
    return np.asarray(0.5 ** (np.maximum(age, 0.0) / (_DAYS_PER_WEEK * fatigue.half_life_weeks)))


def _frequency(
    values: Mapping[str, FloatArray], data: ModelData, media: FloatArray, notes: list[str]
) -> FloatArray | None:
    """(G, T, M) as planned, the fit's mean where it is not known or nobody is reached; None without channels that
    have one."""
    if data.frequency is None:
        return None
    usual, unknown = usual_frequency(data), []
    found = np.ones(media.shape)
    for m, channel in enumerate(data.channels):
        if data.channel_kinds[m] != "reach_frequency":
            continue
        given = values.get(f"{FREQUENCY}{channel}", np.full(found.shape[:2], np.nan))
        reached = media[:, :, m] > 0
        found[:, :, m] = np.where(np.isfinite(given) & reached, given, usual[:, None, m])
        if not np.isfinite(given[reached]).all():
            unknown.append(channel)
    if unknown:
        notes.append(f"{listed(unknown)}: where no frequency is planned, it is the mean one of the fit.")
    return found


def _revenue(data: ModelData, given: FloatArray | None, n_weeks: int) -> FloatArray | None:
    """(G, T) revenue per KPI: as planned, else as last known."""
    if data.revenue_per_kpi is None:
        return None
    known = np.full((len(data.geos), n_weeks), np.nan) if given is None else given
    forward = pd.DataFrame(known).ffill(axis=1).to_numpy()
    return np.where(np.isfinite(forward), forward, last_known(data.revenue_per_kpi, data.present)[:, None])


def _given_controls(table: PlanTable, weeks: PlanWeeks, data: ModelData) -> dict[str, FloatArray]:
    """Controls, treatments, events and custom terms that the file knows."""
    found = {
        column.removeprefix(prefix): values
        for prefix in (CONTROL, TREATMENT)
        for column, values in weeks.values.items()
        if column.startswith(prefix)
    }
    terms = table.config.features.custom_terms
    if terms:
        found |= _custom_terms(table, weeks, data.geos)
    return {name: values for name, values in found.items() if name in data.controls}


def _custom_terms(table: PlanTable, weeks: PlanWeeks, geos: Sequence[str]) -> dict[str, FloatArray]:
    by_geo = []
    for g, geo in enumerate(geos):
        source = {
            column.removeprefix(prefix): values[g]
            for prefix in (TREATMENT, CONTROL, EXTRA)
            for column, values in weeks.values.items()
            if column.startswith(prefix)
        }
        by_geo.append(
            custom_terms(pd.DatetimeIndex(weeks.dates.astype("datetime64[ns]")), geo, source, table.config)
        )
    return {column.removeprefix(TERM): np.stack([terms[column] for terms in by_geo]) for column in by_geo[0]}
