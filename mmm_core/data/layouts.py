"""Column layouts that need no mapping."""

from collections.abc import Sequence

from mmm_core.config.inputs import ChannelColumns, DataConfig
from mmm_core.errors import DataError

KNOWN_TEXT_COLUMNS = frozenset({"entity_id", "period_start", "geo", "time"})
"""Key and date columns of the known layouts."""
_SIMULATED_CONTROL = "_control"


def known_layout(columns: Sequence[str], data: DataConfig, origin: str) -> DataConfig | None:
    """The mapping of a known layout, or None.

    Known are the entity layout (`entity_id, period_start, sales`, then `act_<channel>`, `spend_<channel>`
    and `ctrl_<name>`; `sales` is revenue) and the simulator's (`geo, time, conversions`, then
    `<channel>_spend`, `<channel>_impressions` and `<name>_control`).

    A driver `act_<channel>` without `spend_<channel>` has no return on spend.  Leaving it out would credit
    its effect to other channels without a word, so it is refused unless it is listed in `data.controls`.

    Raises:
        DataError: an activity without spend.
    """
    if {"entity_id", "period_start", "sales"} <= set(columns):
        return _entity_layout(columns, data, origin)
    if {"geo", "time", "conversions"} <= set(columns):
        return _simulated_layout(columns)
    return None


def _entity_layout(columns: Sequence[str], data: DataConfig, origin: str) -> DataConfig | None:
    spend = [column.removeprefix("spend_") for column in columns if column.startswith("spend_")]
    activity = [column.removeprefix("act_") for column in columns if column.startswith("act_")]
    unpaid = [name for name in activity if name not in spend and f"act_{name}" not in data.controls]
    if unpaid:
        raise DataError(
            f"{origin}: {', '.join(f'act_{name}' for name in unpaid)} has no spend column; add "
            f"{', '.join(f'spend_{name}' for name in unpaid)}, or list it in data.controls to use it as a control."
        )
    channels = {
        name: ChannelColumns(spend=f"spend_{name}", media=f"act_{name}" if name in activity else None)
        for name in spend
    }
    if not channels:
        return None
    return DataConfig(
        date_col="period_start",
        keys=("entity_id",),
        revenue_col="sales",
        channel_map=dict(channels),
        controls=tuple(column for column in columns if column.startswith("ctrl_")),
    )


def _simulated_layout(columns: Sequence[str]) -> DataConfig | None:
    present = set(columns)
    channels = {
        name: ChannelColumns(spend=f"{name}_spend", media=f"{name}_impressions")
        for name in (column.removesuffix("_spend") for column in columns if column.endswith("_spend"))
        if f"{name}_impressions" in present
    }
    known = {column for channel in channels.values() for column in (channel.spend, channel.media)}
    controls = tuple(column for column in columns if column.endswith(_SIMULATED_CONTROL))
    optional = ("revenue_per_conversion", "population")
    known |= {"geo", "time", "conversions", *optional, *controls, "source_row"}
    if not channels or not present <= known:
        return None
    return DataConfig(
        date_col="time",
        keys=("geo",),
        kpi_col="conversions",
        revenue_per_kpi_col=optional[0] if optional[0] in present else None,
        population_col=optional[1] if optional[1] in present else None,
        channel_map=dict(channels),
        controls=controls,
    )
