"""The data sets of the benchmark, as the model gets them, with what is known of their truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mmm_core.benchmark.truth import KnownTruth
from mmm_core.cleaning.clean import clean_panel
from mmm_core.config.features import BaselineConfig, FeaturesConfig
from mmm_core.config.ingest import IngestConfig, SimulatorConfig
from mmm_core.config.mapping import DataConfig
from mmm_core.config.modeling import ChannelPriorsConfig, PriorConfig
from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, raw_panel, resolve_mapping
from mmm_core.data.presets import PRESETS
from mmm_core.data.sources.source import read_source
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.truth import Truth
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.quality.check import require
from mmm_core.quality.raw_checks import check_raw_panel

_PUBLISHED = {"published_small": "small_business", "published_growing": "growing_business"}
_EXAMPLE = "pymc_marketing_example"
_EXAMPLE_TOTALS = {"x1": 274_848.0, "x2": 65_906.0}
"""True total contributions of PyMC-Marketing's example, as its authors state them."""


@dataclass(frozen=True)
class BenchmarkData:
    """A data set."""

    name: str
    data: ModelData
    truth: KnownTruth | None
    """None if nothing is known (`configured` with a file as its source)."""
    config: Config
    """What it was made with, and what the model is to be built from."""


def load_dataset(name: str, config: Config) -> BenchmarkData:
    """Make or read a data set.

    Args:
        name: one of `benchmark.datasets`.
        config: its model and features are used for every data set; source, mapping, cleaning and what is
            said of single channels for `configured` only.

    Raises:
        ConfigError: no such data set, or `benchmark.data_folder` is not given.
        InputError: a file is missing or wrong.
        GateError: a geo does not pass its blocking checks.
    """
    if name == "configured":
        data, truth = model_data_of(config)
        return BenchmarkData(name, data, None if truth is None else _simulated_truth(data, truth), config)
    if name in PRESETS:
        simulator = SimulatorConfig.model_validate({"preset": name, "seed": config.benchmark.seed})
        made = for_any_data(
            config, IngestConfig(connector_priority=("simulator",), simulator=simulator), DataConfig()
        )
        data, truth = model_data_of(made)
        return BenchmarkData(name, data, None if truth is None else _simulated_truth(data, truth), made)
    if name in _PUBLISHED:
        return _published(name, config)
    if name == _EXAMPLE:
        return _example(config)
    known = ", ".join([*PRESETS, *_PUBLISHED, _EXAMPLE, "configured"])
    raise ConfigError(f"No benchmark data set is named {name!r}; choose from {known}.")


def model_data_of(config: Config) -> tuple[ModelData, Truth | None]:
    """The aligned cube of the configured source, made in memory, and the truth if it is simulated.

    Raises:
        InputError: the source cannot be used.
        GateError: a geo does not pass its blocking checks.
    """
    return model_data_of_source(read_source(config), config)


def model_data_of_source(source: SourceTable, config: Config) -> tuple[ModelData, Truth | None]:
    """The same of a source that was read already."""
    mapping = resolve_mapping(config, list(source.frame.columns), source.origin)
    frames = {}
    for geo in geo_names(source, mapping):
        raw = raw_panel(source, mapping, geo)
        require(check_raw_panel(raw, mapping, config, source.origin), f"raw_panel of geo {geo}")
        frames[geo] = build_features(clean_panel(raw, mapping, config).panel, config)
    return assemble_model_data(frames, mapping, config, source.content_hash), source.truth


def for_any_data(config: Config, ingest: IngestConfig, data: DataConfig) -> Config:
    """The configured model without what is said of single channels, geos and columns, on other data."""
    features, model = config.features, config.model
    adstock = features.adstock.model_copy(update={"platform_overrides": {}})
    saturation = features.saturation.model_copy(update={"channel_overrides": {}})
    trend = BaselineConfig(trend=features.baseline.trend)
    priors = model.priors.model_copy(update={"roi_bounds": {}, "channels": {}})
    return Config(
        ingest=ingest,
        data=data,
        features=FeaturesConfig(
            adstock=adstock, saturation=saturation, seasonality=features.seasonality, baseline=trend
        ),
        model=model.model_copy(update={"priors": priors}),
        training=config.training,
        runtime=config.runtime,
        paths=config.paths,
        benchmark=config.benchmark,
    )


def _simulated_truth(data: ModelData, truth: Truth) -> KnownTruth:
    return KnownTruth.of_contributions(simulated_contributions(data, truth))


def simulated_contributions(data: ModelData, truth: Truth) -> FloatArray:
    """(G, T, M) true KPI units of the weeks of `data`; cleaning may have left out some."""
    wide = truth.contributions.pivot_table(index=["geo", "date"], columns="component", values="value")
    return _cube(wide, data, {channel: channel for channel in data.channels})


def _cube(wide: pd.DataFrame, data: ModelData, columns: dict[str, str]) -> FloatArray:
    """(G, T, M) from a table with index (geo, date).

    Args:
        wide: one row per geo and date.
        data: gives geos, dates and channels.
        columns: channel -> column.
    """
    dates = pd.DatetimeIndex(data.dates.astype("datetime64[ns]"))
    rows = pd.MultiIndex.from_product([data.geos, dates])
    values = wide.reindex(rows)[[columns[channel] for channel in data.channels]].to_numpy(dtype=np.float64)
    if np.isnan(values).any():
        raise DataError("The truth of this benchmark data set does not cover all of its geos and weeks.")
    return values.reshape(len(data.geos), len(dates), len(data.channels))


def _published(name: str, config: Config) -> BenchmarkData:
    stem = _PUBLISHED[name]
    folder = _data_folder(config) / "param_recovery"
    panel = folder / f"{stem}_data.csv"
    truth = _read(folder / f"{stem}_true_contributions.csv", "date")
    channels = [column for column in map(str, _read(panel, "date").columns) if column.startswith("x")]
    mapping = DataConfig.model_validate(
        {
            "date_col": "date",
            "keys": ["geo"],
            "revenue_col": "y",
            "channel_map": {channel: {"spend": channel} for channel in channels},
            "controls": ["c1", "c2"],
            "week_start": "sunday",
        }
    )
    made = _without_open_season(for_any_data(config, IngestConfig(path=str(panel)), mapping))
    data, _ = model_data_of(made)
    cube = _cube(
        truth.set_index(["geo", "date"]), data, {channel: f"contribution_{channel}" for channel in channels}
    )
    return BenchmarkData(name, data, KnownTruth.of_contributions(cube), made)


def _without_open_season(config: Config) -> Config:
    """No annual terms unless a number of them is configured, as in all results kept of these panels."""
    if config.features.seasonality.annual_fourier_order != "auto":
        return config
    seasonality = config.features.seasonality.model_copy(update={"annual_fourier_order": 0})
    return config.model_copy(update={"features": config.features.model_copy(update={"seasonality": seasonality})})


def _example(config: Config) -> BenchmarkData:
    mapping = DataConfig.model_validate(
        {
            "date_col": "date_week",
            "revenue_col": "y",
            "channel_map": {channel: {"spend": channel} for channel in _EXAMPLE_TOTALS},
            "controls": ["event_1", "event_2"],
        }
    )
    path = _data_folder(config) / "pymc_marketing" / "mmm_example.csv"
    made = _without_roi_prior(for_any_data(config, IngestConfig(path=str(path)), mapping))
    data, _ = model_data_of(made)
    totals = np.array([_EXAMPLE_TOTALS[channel] for channel in data.channels])
    return BenchmarkData(_EXAMPLE, data, KnownTruth(totals), made)


def _without_roi_prior(config: Config) -> Config:
    """The example's spend is divided by its maximum, so a prior of returns on it would be about nothing.

    As in `config/examples/pymc_marketing_example.yaml`: each channel's share of sales is Beta(1, 4), and
    seasonality has two pairs of annual terms.
    """
    share = ChannelPriorsConfig(effect=PriorConfig(family="beta", a=1, b=4))
    priors = config.model.priors.model_copy(update={"channels": dict.fromkeys(_EXAMPLE_TOTALS, share)})
    model = config.model.model_copy(update={"media_prior_type": "contribution", "priors": priors})
    seasonality = config.features.seasonality.model_copy(update={"annual_fourier_order": 2})
    features = config.features.model_copy(update={"seasonality": seasonality})
    return config.model_copy(update={"model": model, "features": features})


def _data_folder(config: Config) -> Path:
    folder = config.benchmark.data_folder
    if folder is None:
        raise ConfigError(
            "benchmark.data_folder is not set; set it to the folder that has param_recovery/ and pymc_marketing/, "
            "in the configuration or with --set benchmark.data_folder=FOLDER."
        )
    return Path(folder)


def _read(path: Path, dates: str) -> pd.DataFrame:
    try:
        return pd.read_csv(path, parse_dates=[dates])
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); check benchmark.data_folder.") from error
