"""Can the effects of channels be told apart, and from the baseline?  G geos, T weeks, M channels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmm_core.quality.check import CheckResult
from mmm_core.quality.violations import MAX_TABLE_ROWS

FloatArray = NDArray[np.float64]
MIN_COEFFICIENT_OF_VARIATION = 0.3
MAX_VARIANCE_INFLATION = 10.0


def check_channel_correlation(media: FloatArray, channels: Sequence[str], limit: float) -> CheckResult:
    """No two channels move together.

    Args:
        media: (G, T, M) media per capita.
        channels: M names.
        limit: largest |Pearson correlation| over all geo-weeks.
    """
    correlation = _correlation(media)
    pairs = sorted(
        (
            (abs(float(correlation[i, j])), channels[i], channels[j], float(correlation[i, j]))
            for i in range(len(channels))
            for j in range(i)
        ),
        reverse=True,
    )
    high = [pair for pair in pairs if pair[0] > limit]
    message = "No two channels move together."
    if high:
        _, one, other, value = high[0]
        message = (
            f"Media of {one} and {other} correlate {value:.2f} ({len(high)} pair(s) above {limit:g}); their "
            "effects can hardly be told apart. Combine them, or give priors in model.priors.roi_bounds."
        )
    table = tuple({"channel": a, "other": b, "correlation": value} for _, a, b, value in high[:MAX_TABLE_ROWS])
    largest = pairs[0][0] if pairs else 0.0
    return CheckResult("channel_correlation", not high, "warn", message, largest, limit, table)


def check_variance_inflation(media: FloatArray, channels: Sequence[str]) -> CheckResult:
    """No channel is a linear combination of the others (variance inflation factor 1 / (1 - R²), at most 10).

    Args:
        media: (G, T, M) media per capita.
        channels: M names.
    """
    inflation = np.diag(np.linalg.pinv(_correlation(media)))
    singular = np.linalg.matrix_rank(_correlation(media)) < len(channels)
    high = [m for m in np.argsort(-inflation) if inflation[m] > MAX_VARIANCE_INFLATION]
    message = "No channel is explained by the others."
    if singular:
        message = "Some channels are exact combinations of the others; remove or combine them in data.channel_map."
    elif high:
        message = (
            f"Media of {channels[high[0]]} are almost a combination of the other channels (variance inflation "
            f"{inflation[high[0]]:.1f}, limit {MAX_VARIANCE_INFLATION:g}); combine channels or give ROI priors."
        )
    table = tuple(
        {"channel": channels[m], "variance_inflation": float(inflation[m])} for m in high[:MAX_TABLE_ROWS]
    )
    largest = float(np.inf) if singular else float(inflation.max())
    return CheckResult(
        "variance_inflation", not high and not singular, "warn", message, largest, MAX_VARIANCE_INFLATION, table
    )


def check_spend_variation(spend: FloatArray, channels: Sequence[str], min_zero_pct: float) -> CheckResult:
    """Each channel's spend varies enough over weeks to show an effect.

    Enough are `min_zero_pct` percent of geo-weeks without spend, or a coefficient of variation over weeks
    (mean over geos with spend) of 0.3.

    Args:
        spend: (G, T, M) money.
        channels: M names.
        min_zero_pct: percent of geo-weeks.
    """
    zero_pct = 100.0 * (spend == 0).mean(axis=(0, 1))
    variation = _coefficient_of_variation(spend)
    weak = [
        m
        for m in range(len(channels))
        if zero_pct[m] < min_zero_pct and variation[m] < MIN_COEFFICIENT_OF_VARIATION
    ]
    message = "Every channel's spend varies."
    if weak:
        m = weak[0]
        message = (
            f"Spend of {', '.join(channels[m] for m in weak)} hardly varies ({channels[m]}: {zero_pct[m]:.1f} % "
            f"of weeks without spend, coefficient of variation {variation[m]:.2f}); expect a wide ROI interval "
            "that follows the prior. Vary the spend, or give a prior in model.priors.roi_bounds."
        )
    table = tuple(
        {"channel": channels[m], "zero_weeks_pct": float(zero_pct[m]), "variation": float(variation[m])}
        for m in weak
    )
    return CheckResult("spend_variation", not weak, "warn", message, len(weak), 0, table[:MAX_TABLE_ROWS])


def _correlation(media: FloatArray) -> FloatArray:
    """(M, M) over geo-weeks; a channel that never varies has correlation 0 with the others."""
    flat = media.reshape(-1, media.shape[2])
    centred = flat - flat.mean(axis=0)
    sd = np.sqrt((centred**2).mean(axis=0))
    standardised = centred / np.where(sd > 0, sd, 1.0)
    correlation = standardised.T @ standardised / len(flat)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation, dtype=np.float64)


def _coefficient_of_variation(spend: FloatArray) -> FloatArray:
    """(M,) sd / mean over weeks, averaged over the geos that spend."""
    mean = spend.mean(axis=1)
    spends = mean > 0
    ratio = np.where(spends, spend.std(axis=1) / np.where(spends, mean, 1.0), 0.0)
    return np.asarray(ratio.sum(axis=0) / np.maximum(spends.sum(axis=0), 1), dtype=np.float64)
