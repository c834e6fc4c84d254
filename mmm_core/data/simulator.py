"""Simulated panels whose effects are known.

The data follow the model's own specification (docs/statistics.md): KPI per capita is a geo intercept, a trend
that is linear between quarterly knots, annual seasonality, controls, and media effects that carry over,
saturate and vary over geos, plus normal noise.  Presets have spend patterns, free Hill slopes and, where they
say so, demand that no column shows.  G geos, T weeks, M channels, K controls.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from mmm_core.config.ingest import SimulatorConfig
from mmm_core.data import generator
from mmm_core.data.generator import FloatArray, MediaEffects, Rng
from mmm_core.data.naming import NATIONAL
from mmm_core.data.presets import PRESETS, Preset
from mmm_core.data.truth import Truth, contribution_frame
from mmm_core.errors import ConfigError

_CHANNELS = ("tv", "search", "social", "video", "display", "audio", "print", "email")
_CONTROLS = ("competitor_price_control", "consumer_confidence_control")
_REVENUE_PER_KPI = 40.0
_ROI_RANGE = (0.6, 3.2)


@dataclass(frozen=True)
class Simulation:
    """A panel and the truth behind it."""

    frame: pd.DataFrame
    """geo, time, then per channel `<name>_spend` and `<name>_impressions`, `<name>_control`, conversions,
    revenue_per_conversion, population; one row per geo and week."""
    truth: Truth


@dataclass(frozen=True)
class _Effects:
    """What moves the KPI, per capita; noise is not in it."""

    media: MediaEffects
    controls: FloatArray
    """(G, T, K) values"""
    components: FloatArray
    """(M + K + 2, G, T) channels, controls, seasonality, baseline"""


def simulate(settings: SimulatorConfig, preset: Preset | None = None) -> Simulation:
    """Simulate a panel; the same settings give the same panel.

    Args:
        settings: size, dates, seed, and the preset by its name.
        preset: a panel that has no name, in place of the one that `settings` name.

    Raises:
        ConfigError: `ingest.simulator.start_date` is no Monday in ISO form.
    """
    if preset is None and settings.preset is not None:
        preset = PRESETS[settings.preset]
    settings = settings if preset is None else settings.model_copy(update=preset.sizes)
    dates = _dates(settings)
    children = np.random.SeedSequence(settings.seed).spawn(7)
    geo_rng, effect_rng, plan_rng, kpi_rng, money_rng, cost_rng, demand_rng = (
        np.random.default_rng(child) for child in children
    )
    shape = (settings.n_geos, settings.n_weeks)
    population = np.round(geo_rng.uniform(1e5, 1e6, shape[0])) if shape[0] > 1 else np.array([2e6])
    if preset is None:
        media = generator.media_effects(plan_rng, population, settings.n_weeks, settings.n_channels)
        demand = np.zeros(shape)
    else:
        demand = generator.demand(demand_rng, *shape)
        media = generator.patterned_media_effects(plan_rng, population, settings.n_channels, demand, preset)
        demand = generator.LEVEL * preset.demand_share * demand
    effects = _effects(settings, media, demand, dates, geo_rng, effect_rng)
    expected = effects.components.sum(axis=0)
    kpi = np.round((expected + generator.noise(kpi_rng, expected)) * population[:, None])
    revenue_per_kpi = np.round(_REVENUE_PER_KPI * money_rng.uniform(0.99, 1.01, shape), 4)
    contributions = effects.components * population[:, None]
    revenue = (contributions[: settings.n_channels] * revenue_per_kpi).sum(axis=(1, 2))
    spend = _spend(cost_rng, effects.media.impressions, revenue, None if preset is None else preset.returns)
    frame = _frame(settings, dates, effects, spend)
    frame["conversions"] = np.maximum(kpi, 0.0).ravel()
    frame["revenue_per_conversion"] = revenue_per_kpi.ravel()
    frame["population"] = np.repeat(population, settings.n_weeks)
    return Simulation(frame, _truth(settings, dates, effects, contributions, spend, revenue_per_kpi))


def _dates(settings: SimulatorConfig) -> pd.DatetimeIndex:
    try:
        start = date.fromisoformat(settings.start_date)
    except ValueError as error:
        raise ConfigError(
            f"ingest.simulator.start_date is {settings.start_date!r}; write a Monday as YYYY-MM-DD."
        ) from error
    if start.weekday() != 0:
        raise ConfigError(f"ingest.simulator.start_date {start} is a {start:%A}; give a Monday.")
    return pd.date_range(start, periods=settings.n_weeks, freq="7D")


def _effects(
    settings: SimulatorConfig,
    media: MediaEffects,
    demand: FloatArray,
    dates: pd.DatetimeIndex,
    geo_rng: Rng,
    rng: Rng,
) -> _Effects:
    n_geos, n_weeks = settings.n_geos, settings.n_weeks
    baseline = generator.trend(geo_rng, rng, n_geos, n_weeks) + demand
    season = np.broadcast_to(generator.seasonality(rng, dates), baseline.shape)
    controls, control_effects = generator.control_effects(rng, n_geos, n_weeks, settings.n_controls)
    stacked = [np.moveaxis(media.effects, 2, 0), np.moveaxis(control_effects, 2, 0), season[None], baseline[None]]
    return _Effects(media, controls, np.concatenate(stacked))


def _spend(
    rng: Rng, impressions: FloatArray, revenue: FloatArray, returns: tuple[float, float] | None
) -> FloatArray:
    """(G, T, M) money, at prices that give the returns: drawn, or evenly between the ends of `_ROI_RANGE`."""
    n_channels = impressions.shape[2]
    low, high = np.log(_ROI_RANGE if returns is None else returns)
    steps = (
        rng.permutation((np.arange(n_channels) + 0.5) / n_channels) if returns is None else rng.random(n_channels)
    )
    roi = np.exp(low + (high - low) * steps)
    unpriced = impressions * np.exp(rng.normal(0.0, 0.05, impressions.shape))
    return np.asarray(np.round(unpriced * revenue / roi / unpriced.sum(axis=(0, 1)), 2), dtype=np.float64)


def _frame(
    settings: SimulatorConfig, dates: pd.DatetimeIndex, effects: _Effects, spend: FloatArray
) -> pd.DataFrame:
    geos = _geos(settings.n_geos)
    columns: dict[str, object] = {
        "geo": np.repeat(np.array(geos, dtype=object), len(dates)),
        "time": np.tile(dates.strftime("%Y-%m-%d").to_numpy(dtype=object), len(geos)),
    }
    for m, name in enumerate(_channels(settings)):
        columns[f"{name}_spend"] = spend[:, :, m].ravel()
        columns[f"{name}_impressions"] = effects.media.impressions[:, :, m].ravel()
    for k, name in enumerate(_controls(settings)):
        columns[name] = effects.controls[:, :, k].ravel()
    return pd.DataFrame(columns)


def _truth(
    settings: SimulatorConfig,
    dates: pd.DatetimeIndex,
    effects: _Effects,
    contributions: FloatArray,
    spend: FloatArray,
    revenue_per_kpi: FloatArray,
) -> Truth:
    channels, geos = _channels(settings), _geos(settings.n_geos)
    revenue = (contributions[: len(channels)] * revenue_per_kpi).sum(axis=2)
    paid = spend.sum(axis=1).T

    def by_channel(values: FloatArray) -> dict[str, float]:
        return dict(zip(channels, values.tolist(), strict=True))

    components = [*channels, *_controls(settings), "seasonality", "baseline"]
    return Truth(
        roi=by_channel(revenue.sum(axis=1) / paid.sum(axis=1)),
        alpha=by_channel(effects.media.alpha),
        ec=by_channel(effects.media.ec),
        eta=by_channel(effects.media.eta),
        spend=by_channel(paid.sum(axis=1)),
        contributions=contribution_frame(components, geos, dates, contributions),
        slope=by_channel(effects.media.slope),
        roi_by_geo={
            geo: {
                channel: float(revenue[m, g] / paid[m, g]) for m, channel in enumerate(channels) if paid[m, g] > 0
            }
            for g, geo in enumerate(geos)
        },
    )


def _geos(n_geos: int) -> list[str]:
    return [NATIONAL] if n_geos == 1 else [f"Geo{number}" for number in range(n_geos)]


def _channels(settings: SimulatorConfig) -> list[str]:
    return _numbered(_CHANNELS, settings.n_channels, "channel_{}")


def _controls(settings: SimulatorConfig) -> list[str]:
    return _numbered(_CONTROLS, settings.n_controls, "factor_{}_control")


def _numbered(names: Sequence[str], count: int, pattern: str) -> list[str]:
    return [names[i] if i < len(names) else pattern.format(i + 1) for i in range(count)]
