"""Column layouts that need no mapping."""

import logging
from collections.abc import Sequence
from functools import lru_cache

from mmm_core.config.mapping import ChannelColumns, DataConfig
from mmm_core.data.patterns import matching_columns

KNOWN_TEXT_COLUMNS = frozenset({"entity_id", "period_start", "geo", "time"})
"""Key and date columns of the known layouts."""
_SIMULATED_CONTROL = "_control"


def known_layout(columns: Sequence[str], data: DataConfig, origin: str) -> DataConfig | None:
    """The mapping of a known layout, or None.

    Known are the entity layout (`entity_id, period_start, sales`, then `act_<channel>`, `spend_<channel>`
    and `ctrl_<name>`; `sales` is revenue) and the simulator's (`geo, time, conversions`, then
    `<channel>_spend`, `<channel>_impressions` and `<name>_control`).

    A driver `act_<channel>` without `spend_<channel>` has no return on spend, but it drives the KPI with
    carryover and saturation: it becomes organic media, and the log says so.  One that is listed in
    `data.controls` or `data.non_media_treatments` acts linearly instead.  `data.organic_media` adds to the
    layout's.

    Returns:
        A complete `data` section, or None where no paid channel is found.
    """
    if {"entity_id", "period_start", "sales"} <= set(columns):
        return _entity_layout(columns, data, origin)
    if {"geo", "time", "conversions"} <= set(columns):
        return _simulated_layout(columns, data)
    return None


def _entity_layout(columns: Sequence[str], data: DataConfig, origin: str) -> DataConfig | None:
    spend = [column.removeprefix("spend_") for column in columns if column.startswith("spend_")]
    activity = [column.removeprefix("act_") for column in columns if column.startswith("act_")]
    treatments = matching_columns(data.non_media_treatments, columns, "data.non_media_treatments", origin)
    controls = matching_columns(data.controls, columns, "data.controls", origin)
    elsewhere = {*controls, *treatments, *data.organic_media.values()}
    organic = {name: f"act_{name}" for name in activity if name not in spend and f"act_{name}" not in elsewhere}
    channels = {
        name: ChannelColumns(spend=f"spend_{name}", media=f"act_{name}" if name in activity else None)
        for name in spend
    }
    if not channels:
        return None
    if organic:
        _say_once(f"{origin}: {', '.join(organic.values())} has no spend column and is taken as organic media.")
    return DataConfig(
        date_col="period_start",
        keys=("entity_id",),
        revenue_col="sales",
        channel_map=dict(channels),
        organic_media=organic | data.organic_media,
        controls=tuple(column for column in columns if column.startswith("ctrl_") and column not in treatments),
    )


@lru_cache(maxsize=100)
def _say_once(message: str) -> None:
    """Log something that every stage and geo finds again."""
    logging.getLogger(__name__).info(message)


def _simulated_layout(columns: Sequence[str], data: DataConfig) -> DataConfig | None:
    present = set(columns)
    channels = {
        name: ChannelColumns(spend=f"{name}_spend", media=f"{name}_impressions")
        for name in (column.removesuffix("_spend") for column in columns if column.endswith("_spend"))
        if f"{name}_impressions" in present
    }
    known = {column for channel in channels.values() for column in (channel.spend, channel.media)}
    treatments = data.non_media_treatments
    controls = tuple(c for c in columns if c.endswith(_SIMULATED_CONTROL) and c not in treatments)
    optional = ("revenue_per_conversion", "population")
    known |= {"geo", "time", "conversions", *optional, *controls, "source_row"}
    known |= {*data.organic_media.values(), *treatments}
    if not channels or not present <= known:
        return None
    return DataConfig(
        date_col="time",
        keys=("geo",),
        kpi_col="conversions",
        revenue_per_kpi_col=optional[0] if optional[0] in present else None,
        population_col=optional[1] if optional[1] in present else None,
        channel_map=dict(channels),
        organic_media=data.organic_media,
        controls=controls,
    )
