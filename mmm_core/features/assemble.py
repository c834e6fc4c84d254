"""From one frame per geo to the aligned cube that a model is fitted to."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.annual_terms import annual_pairs, most_annual_pairs
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.naming import natural_order
from mmm_core.data.panel import (
    AGE,
    ATTRIBUTED,
    CURRENCY,
    CURRENCY_RATE,
    DATE,
    EXTRA,
    FREQUENCY,
    KPI,
    MEDIA,
    NATIONAL_SHARE,
    POPULATION,
    REVENUE_PER_KPI,
    SPEND,
    with_prefix,
)
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.aligned import AlignedPanel, align
from mmm_core.features.baseline import trend_terms
from mmm_core.features.fatigue import discounted_channels
from mmm_core.features.linear_terms import COMPUTED, control_name, control_role, linear_columns
from mmm_core.features.model_data import ChannelKind, FloatArray, ModelData
from mmm_core.features.seasonality import is_annual_term
from mmm_core.features.windows import choose_window

_log = logging.getLogger(__name__)
_NOT_MODELLED = (EXTRA, AGE, ATTRIBUTED, CURRENCY, CURRENCY_RATE, NATIONAL_SHARE)
"""Columns, or their prefixes, that stay beside the model."""


def assemble_model_data(
    frames: Mapping[str, pd.DataFrame],
    mapping: ColumnMapping,
    config: Config,
    data_version: str,
    excluded: Mapping[str, str] | None = None,
) -> ModelData:
    """Stack the features of all geos, in natural order of their names, on all weeks that any of them has.

    Weeks outside a geo's own range are not `present`; they and weeks without a KPI are masked.  Which weeks
    are fitted and which lead up to them is up to `windows.choose_window`.  A channel without media units
    takes spend as media, one with reach takes reach.  Population is the mean over weeks, one where the source
    has none.  Holidays, events and other computed terms that are the same everywhere in the fitted weeks are left
    out, and the log says so; so are annual terms that cannot be told from the trend (`annual_pairs`).  The trend
    counts from the first week of all geos, so that it is the same everywhere.

    Args:
        frames: geo -> features panel, at least one geo.
        mapping: which channels, controls and treatments there are.
        config: `project.currency`, `data.windows`, `features`.
        data_version: content hash of the source.
        excluded: geo of the source that is not among the frames -> why.

    Raises:
        ConfigError: `features.holidays.territories` or an event names a geo that does not exist, or two terms have
            the same name.
        DataError: no geo, a geo without a column or without any KPI, weeks that begin on different
            weekdays, or too little history for the window.
    """
    if not frames:
        raise DataError("There is no geo to model; materialize source_snapshot and features first.")
    geos = sorted(frames, key=natural_order)
    ordered = [frames[geo].sort_values(DATE) for geo in geos]
    excluded = excluded or {}
    _check_named_geos([*geos, *excluded], config)
    columns = _columns(ordered[0], mapping, config)
    _check_columns(geos, ordered, columns)
    _check_weekdays(geos, ordered)
    panel = _with_common_trend(align(geos, ordered, columns), config)
    _check_observed(panel, "")
    window = choose_window(panel.weeks, np.isfinite(panel.of(KPI)).any(axis=0).ravel(), config)
    fitted = _with_known_season(panel.cut(window.fitted), config)
    _check_observed(fitted, f" (data.windows.estimation_months is {config.data.windows.estimation_months})")
    media = _media_columns(mapping, config)
    data = _model_data(fitted, panel.cut(window.lead), mapping, media, config.project.currency, data_version)
    return replace(data, excluded_geos=excluded) if excluded else data


def _columns(features: pd.DataFrame, mapping: ColumnMapping, config: Config) -> tuple[str, ...]:
    """Panel columns that the model needs, in the order of the features."""
    mapped = [column for column in mapping.numeric_columns if not column.startswith(_NOT_MODELLED)]
    computed = with_prefix(features.columns, *COMPUTED)
    return tuple(dict.fromkeys([*mapped, *_media_columns(mapping, config), *computed]))


def _media_columns(mapping: ColumnMapping, config: Config) -> tuple[str, ...]:
    """Panel column of what drives each channel; spend that wears out has a media column of its own."""
    discounted = {f"{SPEND}{channel}" for channel in discounted_channels(config.features.creative_fatigue)}
    return tuple(
        f"{MEDIA}{column.removeprefix(SPEND)}" if column in discounted else column
        for column in mapping.media_columns
    )


def _with_common_trend(panel: AlignedPanel, config: Config) -> AlignedPanel:
    """The trend of all geos counts from the same week."""
    terms = trend_terms(panel.weeks.to_numpy(), config.features.baseline.trend)
    common = {column: np.tile(values, (len(panel.geos), 1)) for column, values in terms.items()}
    return replace(panel, values={**panel.values, **common})


def _with_known_season(fitted: AlignedPanel, config: Config) -> AlignedPanel:
    """Without annual terms where `annual_fourier_order: auto` cannot tell a season from the trend."""
    wanted = annual_pairs(config, len(fitted.weeks))
    if wanted == most_annual_pairs(config):
        return fitted
    _log.info("%d weeks: no annual terms (features.seasonality.annual_fourier_order: auto).", len(fitted.weeks))
    kept = {column: values for column, values in fitted.values.items() if not is_annual_term(column)}
    return replace(fitted, values=kept)


def _model_data(
    fitted: AlignedPanel,
    lead: AlignedPanel,
    mapping: ColumnMapping,
    media_columns: Sequence[str],
    currency: str,
    data_version: str,
) -> ModelData:
    population = _population(fitted, mapping)
    controls = linear_columns(fitted, mapping)
    names = tuple(control_name(column) for column in controls)
    per_capita = tuple(name in mapping.per_capita for name in names)
    return ModelData(
        geos=fitted.geos,
        dates=fitted.weeks.to_numpy().astype("datetime64[D]"),
        channels=(*mapping.channels, *mapping.organic),
        channel_kinds=_kinds(mapping),
        controls=names,
        control_roles=tuple(control_role(column) for column in controls),
        control_per_capita=per_capita,
        kpi=fitted.of(KPI),
        kpi_type=mapping.kpi_type,
        revenue_per_kpi=None if mapping.revenue_per_kpi is None else _revenue_per_kpi(fitted),
        population=population,
        media=np.nan_to_num(fitted.cube(media_columns)),
        spend=_spend(fitted, mapping),
        control_values=_control_values(fitted, controls, np.array(per_capita, dtype=bool), population),
        currency=currency,
        data_version=data_version,
        frequency=_frequency(fitted, mapping),
        lead_media=np.nan_to_num(lead.cube(media_columns)),
        lead_frequency=_frequency(lead, mapping),
        present=fitted.present,
    )


def _kinds(mapping: ColumnMapping) -> tuple[ChannelKind, ...]:
    paid: list[ChannelKind] = [
        "media" if columns.reach is None else "reach_frequency" for columns in mapping.channel_columns
    ]
    organic: list[ChannelKind] = ["organic_media"] * len(mapping.organic)
    return (*paid, *organic)


def _spend(panel: AlignedPanel, mapping: ColumnMapping) -> FloatArray:
    """(G, T, M) spend, 0 for organic channels."""
    paid = np.nan_to_num(panel.cube([f"{SPEND}{channel}" for channel in mapping.channels]))
    return np.concatenate([paid, np.zeros((*panel.present.shape, len(mapping.organic)))], axis=2)


def _frequency(panel: AlignedPanel, mapping: ColumnMapping) -> FloatArray | None:
    """(G, T, M) frequency, 1 for channels without; None if no channel has one."""
    if not any(columns.frequency for columns in mapping.channel_columns):
        return None
    frequency = np.ones((*panel.present.shape, len(mapping.channels) + len(mapping.organic)))
    for position, (channel, columns) in enumerate(zip(mapping.channels, mapping.channel_columns, strict=True)):
        if columns.frequency is not None:
            frequency[:, :, position] = np.nan_to_num(panel.of(f"{FREQUENCY}{channel}"))
    return frequency


def _population(panel: AlignedPanel, mapping: ColumnMapping) -> FloatArray:
    """(G,) mean over the geo's weeks."""
    if mapping.population is None:
        return np.ones(len(panel.geos))
    return np.asarray(np.nanmean(panel.of(POPULATION), axis=1), dtype=np.float64)


def _revenue_per_kpi(panel: AlignedPanel) -> FloatArray:
    """(G, T) the geo's mean where it has no row."""
    values = panel.of(REVENUE_PER_KPI)
    return np.where(panel.present, values, np.nanmean(values, axis=1, keepdims=True))


def _control_values(
    panel: AlignedPanel, columns: Sequence[str], per_capita: NDArray[np.bool_], population: FloatArray
) -> FloatArray:
    """(G, T, K) values; where a geo has no row, the mean over all rows (per capita, for those that are)."""
    values = panel.cube(columns)
    divisor = np.where(per_capita, population[:, None], 1.0)[:, None, :]
    mean = (values / divisor)[panel.present].mean(axis=0)
    return np.where(panel.present[:, :, None], values, mean * divisor)


def _check_named_geos(geos: Sequence[str], config: Config) -> None:
    """Geos that the configuration names exist."""
    named = {"features.holidays.territories": tuple(config.features.holidays.territories)}
    named |= {f"features.events.{name}.geos": event.geos for name, event in config.features.events.items()}
    for key, wanted in named.items():
        unknown = [geo for geo in wanted if geo not in geos]
        if unknown:
            raise ConfigError(
                f"{key} names {', '.join(unknown[:10])}, but there is no such geo; there are "
                f"{', '.join(geos[:10])}{', …' if len(geos) > 10 else ''}."
            )


def _check_columns(geos: Sequence[str], frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> None:
    for geo, frame in zip(geos, frames, strict=True):
        missing = [column for column in columns if column not in frame]
        if missing:
            raise DataError(
                f"Features of geo {geo} lack {', '.join(missing)}; they were made with another configuration, "
                "materialize them again."
            )


def _check_weekdays(geos: Sequence[str], frames: Sequence[pd.DataFrame]) -> None:
    """The weeks of all geos begin on the same weekday."""
    weekdays = {geo: int(frame[DATE].iloc[0].weekday()) for geo, frame in zip(geos, frames, strict=True)}
    usual = Counter(weekdays.values()).most_common(1)[0][0]
    different = [geo for geo in geos if weekdays[geo] != usual]
    if different:
        raise DataError(
            f"The weeks of all geos must begin on the same weekday, but those of {', '.join(different[:10])} "
            f"begin on {calendar.WEEKDAYS[weekdays[different[0]]]} and most others on {calendar.WEEKDAYS[usual]}; "
            "date them alike in the source."
        )


def _check_observed(panel: AlignedPanel, why: str) -> None:
    unknown = [geo for geo, kpi in zip(panel.geos, panel.of(KPI), strict=True) if not np.isfinite(kpi).any()]
    if unknown:
        raise DataError(
            f"The KPI of geo {', '.join(unknown[:10])} is not known in any week from {panel.weeks[0]:%Y-%m-%d} to "
            f"{panel.weeks[-1]:%Y-%m-%d}{why}; complete it, or leave the geo out of the source."
        )
