"""What a person looks at before a fit, as small tables, and their form in JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from mmm_core.errors import StorageError


@dataclass(frozen=True)
class Exploration:
    """Small tables about data to be modelled: bounded in size however many geos there are.

    Weeks are first days of weeks, as datetime64.  Exposure is spend, or media units for organic media.
    """

    currency: str
    """Currency of spend."""
    data_version: str
    """Content hash of the source snapshot."""
    n_geos: int
    """All geos, shown or not."""
    per_person: bool
    """Whether the size of geos (their population) is known."""
    correlation_limit: float
    """|Correlation| of two channels from which on they can hardly be told apart."""
    inflation_limit: float
    """Variance inflation from which on a channel can hardly be told from the others."""
    iqr_factor: float
    """Interquartile ranges outside the quartiles from which on a value counts as extreme."""
    channels: pd.DataFrame
    """channel, kind, spend (money), share (of all spend), media (units; contacts of the reached), cost (money
    per media unit, NaN without either or where spend stands for media), active (share of geo-weeks with media),
    rank_correlation (Spearman, of exposure and KPI of the same week, both relative to the geo's mean), pairs
    (geo-weeks behind it)."""
    weeks: pd.DataFrame
    """geo, date, kpi (sum of what is known, NaN if nothing is), unknown (share of the usual KPI of the present
    geos that is not known; NaN in weeks in which none is), and per channel `exposure__<channel>`.  First all geos
    together, then each geo of `shown`, then the others together (see `names`); with one geo, only that."""
    shown: tuple[str, ...]
    """Geos with rows of their own in `weeks`, in their order: all, or those with the largest spend."""
    geos: pd.DataFrame
    """geo, population (NaN if unknown), spend, kpi (sum), mean, q05, q25, q50, q75, q95 of its known weeks, and
    weeks that are observed, filled, masked, absent, outside (see `states`)."""
    stretches: pd.DataFrame
    """geo, start and end (first weeks), weeks, state; consecutive weeks of one state, of the geos of which most
    weeks are not simply observed."""
    changes: pd.DataFrame
    """rule, column, geos, cells, sum_before, sum_after of what cleaning changed (see `cleaning.totals`), the most
    frequent first."""
    outliers: pd.DataFrame
    """column (`kpi` or a channel), weeks (geo-weeks above 0), outliers, largest (value of the most extreme one),
    median (of its geo), geo, date."""
    correlations: pd.DataFrame
    """one, other, correlation (Pearson, over present geo-weeks, channels per capita; NaN if one never varies)."""
    inflation: pd.DataFrame
    """name, kind (`channel` or `control`), among_channels and with_controls: variance inflation 1 / (1 - R²)
    by the other channels, and by every other channel and linear term; inf if the others give it exactly."""
    pairs: pd.DataFrame
    """channel, exposure and kpi of sampled geo-weeks, as multiples of the geo's mean week."""
    lead_lag: pd.DataFrame
    """channel, lag (weeks by which exposure is earlier than the KPI), correlation (Pearson, within geos), weeks
    (geo-weeks)."""
    histogram: pd.DataFrame
    """low, high (KPI as a multiple of the geo's mean week), weeks (geo-weeks)."""
    seasonality: pd.DataFrame
    """date, year, week (ISO, of the middle of the week), index (KPI as a multiple of the usual KPI of the geos
    that are known)."""
    costs: pd.DataFrame
    """date, channel, cost (money per media unit, all geos; NaN in weeks without media)."""

    @property
    def names(self) -> tuple[str, ...]:
        """The geos and groups of geos that have rows in `weeks`."""
        return tuple(str(name) for name in self.weeks["geo"].unique())

    @property
    def channel_names(self) -> tuple[str, ...]:
        """M names."""
        return tuple(str(name) for name in self.channels["channel"])

    @property
    def paid(self) -> tuple[str, ...]:
        """The channels that cost money."""
        table = self.channels
        return tuple(str(name) for name in table.loc[table["kind"] != "organic_media", "channel"])

    def to_record(self) -> dict[str, Any]:
        """Only what JSON knows: numbers, text, lists and mappings."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Exploration":
        """Inverse of `to_record`.

        Raises:
            StorageError: something is missing.
        """
        missing = [field.name for field in fields(cls) if field.name not in record]
        if missing:
            raise StorageError(
                f"The stored exploration lacks {', '.join(missing)}; materialize exploration again."
            )
        return cls(**{field.name: _restored(record[field.name]) for field in fields(cls)})


def _plain(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return {"columns": {str(name): _column(value[name]) for name in value.columns}}
    return list(value) if isinstance(value, tuple) else value


def _column(series: "pd.Series[Any]") -> dict[str, Any]:
    """Type and values; dates as ISO text, infinite numbers as text, missing ones as null."""
    kind = "date" if pd.api.types.is_datetime64_any_dtype(series) else str(series.dtype)
    if kind == "date":
        return {"type": kind, "values": [None if pd.isna(value) else f"{value:%Y-%m-%d}" for value in series]}
    if kind == "float64":
        return {"type": kind, "values": [_number(float(value)) for value in series]}
    return {"type": kind, "values": series.tolist()}


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def _restored(value: Any) -> Any:
    if isinstance(value, Mapping):
        return pd.DataFrame(
            {name: _series(column["type"], column["values"]) for name, column in value["columns"].items()}
        )
    return tuple(value) if isinstance(value, list) else value


def _series(kind: str, values: Sequence[Any]) -> "pd.Series[Any]":
    if kind == "date":
        return pd.Series(pd.to_datetime(list(values), format="%Y-%m-%d").astype("datetime64[ns]"))
    if kind == "float64":
        return pd.Series([math.nan if value is None else float(value) for value in values], dtype="float64")
    return pd.Series(list(values), dtype=kind)
