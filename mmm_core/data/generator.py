"""How simulated media, baseline and controls come about.

Everything is per capita.  Nothing is shared with the model's code, so that simulated data can serve as its
oracle.  G geos, T weeks, M channels, K controls.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
_DAYS_PER_YEAR = 365.25
_WEEKS_PER_KNOT = 13


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


def media_effects(rng: Rng, population: FloatArray, n_weeks: int, n_channels: int) -> MediaEffects:
    """Draw a media plan and its effects; media cause `MEDIA_SHARE` of the KPI, split unevenly over channels."""
    n_geos = len(population)
    per_capita = _flights(rng, (n_geos, n_weeks, n_channels)) * rng.uniform(0.3, 2.0, n_channels)
    impressions = np.round(per_capita * population[:, None, None])
    per_capita = impressions / population[:, None, None]
    alpha = rng.uniform(0.2, 0.7, n_channels)
    ec = rng.uniform(0.6, 1.6, n_channels)
    typical = np.array([np.median(per_capita[:, :, m][per_capita[:, :, m] > 0]) for m in range(n_channels)])
    saturated = saturation(carry_over(per_capita / typical, alpha), ec)
    eta = np.full(n_channels, GEO_SPREAD if n_geos > 1 else 0.0)
    unscaled = saturated * np.exp(eta * rng.standard_normal((n_geos, n_channels)))[:, None, :]
    split = rng.uniform(0.7, 1.3, n_channels)
    target = LEVEL * MEDIA_SHARE / (1 - MEDIA_SHARE) * split / split.sum()
    return MediaEffects(impressions, unscaled * target / unscaled.mean(axis=(0, 1)), alpha, ec, eta)


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


def saturation(media: FloatArray, ec: FloatArray) -> FloatArray:
    """(G, T, M) Hill curve with slope 1: half of the largest effect at `ec`."""
    return media / (media + ec)


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
