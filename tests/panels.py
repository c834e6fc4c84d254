"""Small source tables, mappings and panels that tests of data, quality, cleaning and features share."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.config.mapping import ChannelColumns
from mmm_core.config.schema import Config
from mmm_core.data.mapping import ColumnMapping, raw_panel
from mmm_core.data.sources.table import SourceTable

MAPPING = ColumnMapping(
    keys=("region",),
    date="day",
    kpi="orders",
    kpi_type="non_revenue",
    revenue_per_kpi="price",
    population="people",
    channels=("tv", "search"),
    channel_columns=(
        ChannelColumns(spend="tv_cost", media="tv_views"),
        ChannelColumns(spend="search_cost"),
    ),
    controls=("weather",),
)
"""A mapping with every kind of column."""

SECTION: dict[str, Any] = {
    "date_col": "day",
    "keys": ["region"],
    "kpi_col": "orders",
    "revenue_per_kpi_col": "price",
    "population_col": "people",
    "channel_map": {"tv": {"spend": "tv_cost", "media": "tv_views"}, "search": "search_cost"},
    "controls": ["weather"],
}
"""The same mapping as a `data` section."""


WIDE_SECTION: dict[str, Any] = SECTION | {
    "channel_map": SECTION["channel_map"]
    | {"video": {"spend": "video_cost", "reach": "video_reach", "frequency": "video_frequency"}},
    "organic_media": {"newsletter": "newsletter_opens"},
    "non_media_treatments": ["promo"],
    "controls_per_capita": ["weather"],
}
"""A `data` section with reach and frequency, organic media, a treatment and a per-capita control."""
WIDE_MAPPING = replace(
    MAPPING,
    channels=(*MAPPING.channels, "video"),
    channel_columns=(
        *MAPPING.channel_columns,
        ChannelColumns(spend="video_cost", reach="video_reach", frequency="video_frequency"),
    ),
    organic=("newsletter",),
    organic_columns=("newsletter_opens",),
    treatments=("promo",),
    per_capita=("weather",),
)
"""The mapping of `WIDE_SECTION`."""


def config(**sections: Any) -> Config:
    """A configuration with `SECTION` as its data section, and other sections as given."""
    return Config.model_validate({"data": SECTION} | sections)


def source_rows(
    n_rows: int = 60, geo: str = "North", start: str = "2023-01-02", step_days: int = 7, seed: int = 3
) -> pd.DataFrame:
    """Rows of one geo in the source's own columns: weekly from a Monday unless told otherwise."""
    rng = np.random.default_rng(seed)
    views = np.round(rng.gamma(4.0, 100.0, n_rows)) * (rng.random(n_rows) > 0.2)
    return pd.DataFrame(
        {
            "region": geo,
            "day": pd.date_range(start, periods=n_rows, freq=f"{step_days}D").strftime("%Y-%m-%d"),
            "orders": np.round(rng.gamma(50.0, 10.0, n_rows)),
            "price": rng.uniform(9.0, 11.0, n_rows),
            "people": 1000.0,
            "tv_cost": np.round(views * rng.uniform(0.9, 1.1, n_rows), 2),
            "tv_views": views,
            "search_cost": np.round(rng.gamma(3.0, 20.0, n_rows), 2) * (rng.random(n_rows) > 0.2),
            "weather": rng.normal(size=n_rows),
        }
    )


def wide_rows(
    n_rows: int = 60, geo: str = "North", start: str = "2023-01-02", step_days: int = 7, seed: int = 3
) -> pd.DataFrame:
    """`source_rows` with the columns of `WIDE_SECTION`."""
    rng = np.random.default_rng(seed + 1000)
    reach = np.round(rng.gamma(4.0, 50.0, n_rows)) * (rng.random(n_rows) > 0.2)
    return source_rows(n_rows, geo, start, step_days, seed).assign(
        video_cost=reach * 0.1,
        video_reach=reach,
        video_frequency=np.round(1 + rng.gamma(2.0, 0.5, n_rows), 2) * (reach > 0),
        newsletter_opens=np.round(rng.gamma(3.0, 30.0, n_rows)),
        promo=(rng.random(n_rows) > 0.7).astype(float),
    )


def source_table(frame: pd.DataFrame) -> SourceTable:
    """A source table as a connector would hand it over."""
    return SourceTable(frame=frame, origin="orders.csv", content_hash="hash")


def panel(frame: pd.DataFrame, geo: str = "North", mapping: ColumnMapping = MAPPING) -> pd.DataFrame:
    """Raw panel of one geo of a source in the columns of `source_rows` (or of `wide_rows`)."""
    return raw_panel(source_table(frame), mapping, geo)
