"""How simulated media, baseline and controls come about.

Everything is per capita.  Nothing is shared with the model's code, so that simulated data can serve as its
oracle.  G geos, T weeks, M channels, K controls.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.presets import Preset

FloatArray = NDArray[np.float64]
Rng = np.random.Generator

LEVEL = 0.05
"""Weekly KPI per person without media."""
MAX_LAG_WEEKS = 8
MEDIA_SHARE = 0.35
"""Share of the expected KPI that media cause."""
NOISE_SHARE = 0.1
"""Share of the variance of KPI per capita that is noise."""
GEO_SPREAD = 0.2
"""Spread over geos of the logarithm of media effects."""
Pattern = Literal["linear", "seasonal", "delayed_start", "on_off"]
PATTERNS: tuple[Pattern, ...] = ("linear", "seasonal", "delayed_start", "on_off")
"""How spend moves over the weeks; the channels of a preset take them in turn."""
_DAYS_PER_YEAR = 365.25
_WEEKS_PER_KNOT = 13


class MediaCurves(NamedTuple):
    """(M,) each."""

    alpha: FloatArray
    ec: FloatArray
    slope: FloatArray
    eta: FloatArray


@dataclass(frozen=True)
class MediaEffects:
    """Media and what they do."""

    impressions: FloatArray
    """(G, T, M) media units, whole numbers."""
    effects: FloatArray
    """(G, T, M) KPI per capita."""
    alpha: FloatArray
    """(M,)"""
    ec: FloatArray
    """(M,)"""
    eta: FloatArray
    """(M,)"""
    slope: FloatArray
    """(M,)"""


def media_effects(rng: Rng, population: FloatArray, n_weeks: int, n_channels: int) -> MediaEffects:
    """Draw a media plan and its effects; media cause `MEDIA_SHARE` of the KPI, split unevenly over channels."""
    n_geos = len(population)
    plan = _flights(rng, (n_geos, n_weeks, n_channels)) * rng.uniform(0.3, 2.0, n_channels)
    alpha = rng.uniform(0.2, 0.7, n_channels)
    ec = rng.uniform(0.6, 1.6, n_channels)
    eta = np.full(n_channels, GEO_SPREAD if n_geos > 1 else 0.0)
    return _effects_of(rng, plan, population, MediaCurves(alpha, ec, np.ones(n_channels), eta))


def patterned_media_effects(
    rng: Rng, population: FloatArray, n_channels: int, demand: FloatArray, preset: Preset
) -> MediaEffects:
    """The same for a preset: each channel with one of `PATTERNS` (or flights) and a Hill slope of its own.

    Args:
        rng: source of randomness.
        population: (G,) people.
        n_channels: M.
        demand: (G, T) demand with sd 1, which spend follows by `preset.demand_coupling`.
        preset: what is simulated.
    """
    n_geos, n_weeks = demand.shape
    plan = np.empty((n_geos, n_weeks, n_channels))
    if preset.flights:
        plan = _flights(rng, plan.shape)
    else:
        for m in range(n_channels):
            plan[:, :, m] = spend_pattern(rng, PATTERNS[m % len(PATTERNS)], n_geos, n_weeks)
        plan *= rng.lognormal(0.0, 0.25, (n_geos, 1, n_channels)) * rng.gamma(8.0, 1 / 8.0, plan.shape)
    plan *= np.exp(preset.demand_coupling * demand)[:, :, None] * rng.uniform(0.3, 2.0, n_channels)
    curves = MediaCurves(
        alpha=rng.uniform(0.1, 0.7, n_channels),
        ec=rng.uniform(0.5, 1.6, n_channels),
        slope=rng.uniform(*preset.slopes, n_channels),
        eta=np.full(n_channels, preset.geo_spread if n_geos > 1 else 0.0),
    )
    return _effects_of(rng, plan, population, curves)


def spend_pattern(rng: Rng, kind: Pattern, n_geos: int, n_weeks: int) -> FloatArray:
    """(G, T) activity around 1, 0 where a channel is off."""
    weeks = np.arange(n_weeks)
    if kind == "linear":
        first, last = rng.permutation([0.5, 1.5]).tolist()
        return np.broadcast_to(np.linspace(first, last, n_weeks), (n_geos, n_weeks)).copy()
    if kind == "seasonal":
        phase = rng.uniform(0.0, 2 * np.pi)
        return np.broadcast_to(1.0 + 0.7 * np.sin(2 * np.pi * weeks / 52.0 + phase), (n_geos, n_weeks)).copy()
    if kind == "delayed_start":
        first = n_weeks * rng.uniform(0.2, 0.4) + rng.integers(-4, 5, n_geos)
        return (weeks >= first[:, None]).astype(np.float64)
    activity = np.zeros((n_geos, n_weeks))
    for g in range(n_geos):
        start = int(rng.integers(0, 6))
        while start < n_weeks:
            length = int(rng.integers(4, 11))
            activity[g, start : start + length] = 1.0
            start += length + int(rng.integers(3, 9))
    return activity


def demand(rng: Rng, n_geos: int, n_weeks: int) -> FloatArray:
    """(G, T) demand with mean 0 and sd 1 that lasts for weeks, half of its variance shared by all geos."""
    shocks = np.sqrt(0.5) * (rng.standard_normal(n_weeks) + rng.standard_normal((n_geos, n_weeks)))
    walk = shocks.copy()
    for week in range(1, n_weeks):
        walk[:, week] = 0.85 * walk[:, week - 1] + np.sqrt(1 - 0.85**2) * shocks[:, week]
    return np.asarray((walk - walk.mean()) / walk.std(), dtype=np.float64)


def _effects_of(rng: Rng, plan: FloatArray, population: FloatArray, curves: MediaCurves) -> MediaEffects:
    """What a plan (G, T, M) of media per capita does."""
    n_geos, _, n_channels = plan.shape
    impressions = np.round(plan * population[:, None, None])
    per_capita = impressions / population[:, None, None]
    alpha, ec, slope, eta = curves
    typical = np.array([np.median(per_capita[:, :, m][per_capita[:, :, m] > 0]) for m in range(n_channels)])
    saturated = saturation(carry_over(per_capita / typical, alpha), ec, slope)
    unscaled = saturated * np.exp(eta * rng.standard_normal((n_geos, n_channels)))[:, None, :]
    split = rng.uniform(0.7, 1.3, (n_channels,))
    target = LEVEL * MEDIA_SHARE / (1 - MEDIA_SHARE) * split / split.sum()
    return MediaEffects(impressions, unscaled * target / unscaled.mean(axis=(0, 1)), alpha, ec, eta, slope)


def _flights(rng: Rng, shape: tuple[int, int, int]) -> FloatArray:
    """(G, T, M) activity around 1 while a channel is on in a geo, 0 while it is off (about every fourth week)."""
    stay_on, stay_off = 0.85, 0.5
    change = rng.random(shape)
    on = np.empty(shape, dtype=bool)
    on[:, 0] = change[:, 0] < (1 - stay_off) / (2 - stay_on - stay_off)
    for week in range(1, shape[1]):
        on[:, week] = np.where(on[:, week - 1], change[:, week] < stay_on, change[:, week] > stay_off)
    on[:, 0] |= ~on.any(axis=1)
    return on * rng.gamma(4.0, 0.25, shape)


def carry_over(media: FloatArray, alpha: FloatArray) -> FloatArray:
    """(G, T, M) geometric adstock: weights alpha^l for l = 0 ... MAX_LAG_WEEKS, divided by their sum."""
    carried = np.zeros_like(media)
    weight, total = np.ones_like(alpha), np.zeros_like(alpha)
    for lag in range(min(MAX_LAG_WEEKS + 1, media.shape[1])):
        carried[:, lag:] += weight * media[:, : media.shape[1] - lag]
        total = total + weight
        weight = weight * alpha
    return carried / total


def saturation(media: FloatArray, ec: FloatArray, slope: FloatArray | float = 1.0) -> FloatArray:
    """(G, T, M) Hill curve: half of the largest effect at `ec`."""
    powered = media**slope
    return np.asarray(powered / (powered + ec**slope), dtype=np.float64)


def trend(geo_rng: Rng, trend_rng: Rng, n_geos: int, n_weeks: int) -> FloatArray:
    """(G, T) geo intercepts plus a trend shared by all geos, linear between quarterly knots."""
    n_knots = max(2, round(n_weeks / _WEEKS_PER_KNOT))
    knots = np.unique(np.linspace(0, n_weeks - 1, n_knots, dtype=int))
    walk = np.clip(np.cumsum(trend_rng.normal(0.0, 0.03, len(knots))), -0.2, 0.2)
    shared = np.interp(np.arange(n_weeks), knots, walk - walk.mean())
    intercepts = np.clip(geo_rng.normal(0.0, 0.15, n_geos), -0.3, 0.3) if n_geos > 1 else np.zeros(1)
    return np.asarray(LEVEL * (1.0 + intercepts[:, None] + shared), dtype=np.float64)


def seasonality(rng: Rng, dates: pd.DatetimeIndex) -> FloatArray:
    """(T,) two annual harmonics, mean 0, with the calendar's own phase (days since 1970-01-01)."""
    days = (dates - pd.Timestamp("1970-01-01")).days.to_numpy(dtype=np.float64)
    wave = np.zeros(len(dates))
    for order, size in ((1, 0.08), (2, 0.03)):
        angle = 2 * np.pi * order * days / _DAYS_PER_YEAR + rng.uniform(0.0, 2 * np.pi)
        wave += size * np.sin(angle)
    return np.asarray(LEVEL * (wave - wave.mean()), dtype=np.float64)


def control_effects(rng: Rng, n_geos: int, n_weeks: int, n_controls: int) -> tuple[FloatArray, FloatArray]:
    """(G, T, K) control values, and their effects counted from the controls' means."""
    shape = (n_geos, n_weeks, n_controls)
    shared = rng.standard_normal((n_weeks, n_controls))
    for week in range(1, n_weeks):
        shared[week] = 0.6 * shared[week - 1] + 0.8 * shared[week]
    values = np.round(0.6 * shared + 0.8 * rng.standard_normal(shape), 6)
    sign = np.where(np.arange(n_controls) % 2 == 0, -1.0, 1.0)
    size = LEVEL * sign * rng.uniform(0.03, 0.06, n_controls)
    by_geo = LEVEL * 0.01 * rng.standard_normal((n_geos, n_controls)) * (n_geos > 1)
    standardised = (values - values.mean(axis=(0, 1))) / values.std(axis=(0, 1))
    return values, standardised * (size + by_geo)[:, None, :]


def noise(rng: Rng, expected: FloatArray) -> FloatArray:
    """(G, T) normal noise that is `NOISE_SHARE` of the variance of the sum."""
    sd = float(np.sqrt(expected.var() * NOISE_SHARE / (1 - NOISE_SHARE)))
    return sd * rng.standard_normal(expected.shape)
