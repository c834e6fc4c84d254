"""Can the effects of channels be told apart, and from the baseline?  G geos, T weeks, M channels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmm_core.quality.check import CheckResult
from mmm_core.quality.violations import MAX_TABLE_ROWS

FloatArray = NDArray[np.float64]
MIN_COEFFICIENT_OF_VARIATION = 0.3
_ROUNDING = 1e-18
"""Spread, squared and relative to the largest value, up to which values count as equal."""


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


def check_variance_inflation(media: FloatArray, channels: Sequence[str], limit: float) -> CheckResult:
    """No channel is nearly a linear combination of the others.

    Args:
        media: (G, T, M) media per capita.
        channels: M names.
        limit: largest variance inflation factor 1 / (1 - R²), R² of the channel on the others.
    """
    inflation = np.diag(np.linalg.pinv(_correlation(media)))
    singular = np.linalg.matrix_rank(_correlation(media)) < len(channels)
    high = [m for m in np.argsort(-inflation) if inflation[m] > limit]
    message = "No channel is explained by the others."
    if singular:
        message = "Some channels are exact combinations of the others; remove or combine them in data.channel_map."
    elif high:
        message = (
            f"Media of {channels[high[0]]} are almost a combination of the other channels (variance inflation "
            f"{inflation[high[0]]:.1f}, limit {limit:g}: validation.identifiability.max_vif); combine channels or "
            "give ROI priors."
        )
    table = tuple(
        {"channel": channels[m], "variance_inflation": float(inflation[m])} for m in high[:MAX_TABLE_ROWS]
    )
    largest = float(np.inf) if singular else float(inflation.max())
    return CheckResult("variance_inflation", not high and not singular, "warn", message, largest, limit, table)


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


def check_variation_over_geos(
    media: FloatArray, present: NDArray[np.bool_], channels: Sequence[str], limit: float
) -> CheckResult:
    """Each channel differs between geos by more than its size: the weeks alone do not explain it.

    Args:
        media: (G, T, M) media per capita.
        present: (G, T) geo-weeks that count.
        channels: M names.
        limit: largest adjusted R² of a channel on the weeks.
    """
    if media.shape[0] < 2:
        message = "Not judged: there is one geo."
        return CheckResult("variation_over_geos", True, "warn", message, threshold=limit)
    share = _explained_by_groups(media, present, axis=0)
    what = "move together in all geos, so that its effect can hardly be told from the baseline"
    remedy = "give it a prior in model.priors.roi_bounds, use fewer model.knots, or vary it by geo"
    return _explained("variation_over_geos", share, channels, limit, f"weeks ({what})", remedy, "max_time_r2")


def check_variation_over_time(
    media: FloatArray, present: NDArray[np.bool_], channels: Sequence[str], limit: float
) -> CheckResult:
    """Each channel changes over time: the geos alone do not explain it.

    Args:
        media: (G, T, M) media per capita.
        present: (G, T) geo-weeks that count.
        channels: M names.
        limit: largest adjusted R² of a channel on the geos.
    """
    if media.shape[0] < 2:
        message = "Not judged: there is one geo (see spend_variation)."
        return CheckResult("variation_over_time", True, "warn", message, threshold=limit)
    share = _explained_by_groups(media, present, axis=1)
    what = "hardly change over time, so that its effect can hardly be told from the geos' intercepts"
    remedy = "check that no total was spread evenly over the weeks, or give it a prior in model.priors.roi_bounds"
    return _explained("variation_over_time", share, channels, limit, f"geos ({what})", remedy, "max_geo_r2")


def _explained(
    name: str,
    share: FloatArray,
    channels: Sequence[str],
    limit: float,
    by: str,
    remedy: str,
    key: str,
) -> CheckResult:
    high = [m for m in np.argsort(-share) if share[m] > limit]
    message = "Every channel's media vary over geos and weeks."
    if high:
        others = f" ({len(high)} channels: {', '.join(channels[m] for m in high[:5])})" if len(high) > 1 else ""
        message = (
            f"Media of {channels[high[0]]} are explained by the {by}: adjusted R² {share[high[0]]:.3f}, "
            f"limit {limit:g} (validation.identifiability.{key}){others}; {remedy}."
        )
    table = tuple({"channel": channels[m], "adjusted_r2": float(share[m])} for m in high[:MAX_TABLE_ROWS])
    return CheckResult(name, not high, "warn", message, float(share.max(initial=0.0)), limit, table)


def _explained_by_groups(media: FloatArray, present: NDArray[np.bool_], axis: int) -> FloatArray:
    """(M,) adjusted R² of each channel on dummies: of the weeks (axis 0) or of the geos (axis 1).

    1 - (SSE / (n - p)) / (SST / (n - 1)) for n geo-weeks and p groups, SSE around the means of the groups; 0 for
    a channel that never varies, and where there are no more geo-weeks than groups.
    """
    there = present[:, :, None]
    sizes = np.maximum(present.sum(axis=axis), 1)[:, None]
    means = np.where(there, media, 0.0).sum(axis=axis) / sizes
    residual = np.where(there, media - np.expand_dims(means, axis), 0.0)
    n, groups = int(present.sum()), int(present.any(axis=axis).sum())
    overall = np.where(there, media, 0.0).sum(axis=(0, 1)) / max(n, 1)
    total = np.where(there, media - overall, 0.0)
    sse, sst = (residual**2).sum(axis=(0, 1)), (total**2).sum(axis=(0, 1))
    if n <= groups:
        return np.zeros(media.shape[2])
    varies = sst > _ROUNDING * np.where(there, media, 0.0).max(axis=(0, 1), initial=0.0) ** 2
    ratio = (sse / (n - groups)) / np.where(varies, sst / (n - 1), 1.0)
    return np.asarray(np.where(varies, 1.0 - ratio, 0.0), dtype=np.float64)


def _correlation(media: FloatArray) -> FloatArray:
    """(M, M) over geo-weeks; a channel that never varies has correlation 0 with the others."""
    flat = media.reshape(-1, media.shape[2])
    largest = np.abs(flat).max(axis=0, initial=0.0)
    flat = flat / np.where(largest > 0, largest, 1.0)  # squares of any amounts are finite then
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
