"""Daily panels of any number of geos, to measure the data path with: five years, 40 columns, realistic defects.

Each geo is drawn from a seed of its own, so that the first geos of a large panel are those of a small one.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mmm_core.config.ingest import IngestConfig
from mmm_core.config.mapping import DataConfig
from mmm_core.config.outputs import RuntimeConfig
from mmm_core.config.schema import Config
from mmm_core.features.model_data import FloatArray
from mmm_core.progress import Progress, silent
from mmm_core.storage import atomic_path

FIVE_YEARS = 1826
"""Days."""
CHANNELS, ORGANIC, TREATMENTS, CONTROLS = 12, 3, 2, 6
_FIRST_DAY = "2019-01-07"
_GEOS_PER_GROUP = 50
_GAPS, _EMPTY_CELLS = 3, 20
_MEDIA = tuple(f"channel_{number:02d}" for number in range(1, CHANNELS + 1))
_ORGANIC = tuple(f"organic_{number}" for number in range(1, ORGANIC + 1))
_TREATMENTS = tuple(f"treatment_{number}" for number in range(1, TREATMENTS + 1))
_CONTROLS = tuple(f"control_{number}" for number in range(1, CONTROLS + 1))


def scale_config(path: Path, runtime: RuntimeConfig) -> Config:
    """The settings that the panel is prepared with: all defaults, so that measurements can be compared.

    Args:
        path: the Parquet file.
        runtime: of the project; `cores` counts.
    """
    channels = {name: {"spend": f"{name}_spend", "media": f"{name}_impressions"} for name in _MEDIA}
    data = {
        "date_col": "date",
        "keys": ["geo"],
        "kpi_col": "conversions",
        "revenue_per_kpi_col": "revenue_per_conversion",
        "population_col": "population",
        "channel_map": channels,
        "organic_media": {name: f"{name}_impressions" for name in _ORGANIC},
        "non_media_treatments": list(_TREATMENTS),
        "controls": list(_CONTROLS),
    }
    return Config(ingest=IngestConfig(path=str(path)), data=DataConfig.model_validate(data), runtime=runtime)


def write_scale_panel(
    path: Path, geos: int, days: int = FIVE_YEARS, seed: int = 1, progress: Progress = silent
) -> None:
    """Write a panel as Parquet, some geos at a time, so that memory does not grow with it.

    Args:
        path: the file.
        geos: how many, at least one.
        days: per geo, at least 60; a few of them are left out.
        seed: of everything.
        progress: told how many geos are written.
    """
    import pyarrow
    import pyarrow.parquet

    seeds = np.random.SeedSequence(seed).spawn(geos)
    with atomic_path(path) as temporary:
        writer = None
        for start in range(0, geos, _GEOS_PER_GROUP):
            group = range(start, min(start + _GEOS_PER_GROUP, geos))
            frame = pd.concat([_geo(number, days, seeds[number]) for number in group], ignore_index=True)
            table = pyarrow.Table.from_pandas(frame, preserve_index=False)
            writer = writer or pyarrow.parquet.ParquetWriter(temporary, table.schema)
            writer.write_table(table)
            progress(f"writing {geos} geos", group[-1] + 1, geos)
        if writer is not None:
            writer.close()


def _geo(number: int, days: int, seed: np.random.SeedSequence) -> pd.DataFrame:
    """One geo's rows: three gaps of a day or two, and 20 empty cells in spend, media and controls."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range(_FIRST_DAY, periods=days)
    population = float(rng.integers(50_000, 5_000_000))
    spend = _spend(rng, days, population)
    impressions = np.round(spend / rng.uniform(0.004, 0.02, CHANNELS) * rng.uniform(0.9, 1.1, spend.shape))
    organic = np.round(population * 0.01 * np.exp(_wandering(rng, days, ORGANIC, 0.3)))
    treatments = (rng.random((days, TREATMENTS)) < 0.1) * rng.uniform(0.05, 0.3, (days, TREATMENTS))
    controls = _wandering(rng, days, CONTROLS, 1.0)
    kpi = _kpi(rng, dates, population, spend, treatments, controls)
    frame = pd.DataFrame(
        {
            "date": dates,
            "geo": f"geo_{number + 1:04d}",
            "population": population,
            "conversions": kpi,
            "revenue_per_conversion": np.round(rng.uniform(40, 60, days), 2),
            **_named([f"{name}_spend" for name in _MEDIA], spend),
            **_named([f"{name}_impressions" for name in _MEDIA], impressions),
            **_named([f"{name}_impressions" for name in _ORGANIC], organic),
            **_named(_TREATMENTS, treatments),
            **_named(_CONTROLS, controls),
        }
    )
    _empty_cells(rng, frame)
    gone = {int(first) + more for first in rng.choice(days - 2, _GAPS, replace=False) for more in (0, 1)}
    return frame.drop(index=sorted(gone)[: 2 * _GAPS - 1])


def _named(names: tuple[str, ...] | list[str], values: FloatArray) -> dict[str, FloatArray]:
    return dict(zip(names, values.T, strict=True))


def _wandering(rng: np.random.Generator, days: int, columns: int, sd: float) -> FloatArray:
    """(days, columns) autoregressive series of that standard deviation, day to day correlation 0.9."""
    from scipy.signal import lfilter

    steps = rng.normal(0.0, sd * np.sqrt(1 - 0.9**2), (days, columns))
    return np.asarray(lfilter([1.0], [1.0, -0.9], steps, axis=0), dtype=np.float64)


def _spend(rng: np.random.Generator, days: int, population: float) -> FloatArray:
    """(days, channels) money in flights of four weeks, of which a third are pauses."""
    flights = rng.random((-(-days // 28), CHANNELS)) > 1 / 3
    running = np.repeat(flights, 28, axis=0)[:days]
    level = population * 0.002 * rng.uniform(0.3, 1.5, CHANNELS)
    spent = level * np.exp(_wandering(rng, days, CHANNELS, 0.4)) * running
    return np.asarray(np.round(spent, 2), dtype=np.float64)


def _kpi(
    rng: np.random.Generator,
    dates: pd.DatetimeIndex,
    population: float,
    spend: FloatArray,
    treatments: FloatArray,
    controls: FloatArray,
) -> FloatArray:
    """(days,) conversions: a base with a year's season, media with diminishing returns, treatments, noise."""
    season = 1 + 0.2 * np.sin(2 * np.pi * dates.dayofyear.to_numpy() / 365.25)
    media = np.sqrt(spend / (population * 0.002)) @ rng.uniform(0.01, 0.05, CHANNELS)
    rate = season + media + treatments.sum(axis=1) + 0.02 * controls.sum(axis=1)
    noisy = np.maximum(rate + rng.normal(0, 0.05, len(dates)), 0.1)
    return np.asarray(np.round(population * 2e-4 * noisy), dtype=np.float64)


def _empty_cells(rng: np.random.Generator, frame: pd.DataFrame) -> None:
    """Missing numbers in spend, media and controls, in place."""
    columns = np.flatnonzero(frame.columns.str.startswith(("channel_", "organic_", "control_")))
    for row, column in zip(
        rng.integers(0, len(frame), _EMPTY_CELLS), rng.choice(columns, _EMPTY_CELLS), strict=True
    ):
        frame.iat[int(row), int(column)] = np.nan
