"""Checks of the aligned cube: can a model learn something from it?"""

from collections.abc import Mapping

import numpy as np

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import CheckResult
from mmm_core.quality.identifiability import (
    check_channel_correlation,
    check_spend_variation,
    check_variance_inflation,
)

MODEL_DATA_CHECKS: Mapping[str, str] = {
    "channel_activity": "Every channel has spend and media",
    "kpi_variation": "The KPI varies over geos and weeks",
    "control_variation": "Every control varies over geos and weeks",
    "channel_correlation": "No two channels move together (validation.identifiability.max_channel_correlation)",
    "variance_inflation": "No channel is a combination of the others",
    "spend_variation": "Spend varies enough (validation.identifiability.min_zero_spend_weeks_pct)",
    "naive_roi": "Total outcome / spend of a channel is plausible (validation.value_sanity.roi_range)",
    "data_per_parameter": "Enough data points for the parameters",
}
"""Check name -> what it looks at, in the order of the results."""
MIN_POINTS_PER_PARAMETER = 4.0
_WEEKS_PER_KNOT = {"geo": 13, "national": 26}


def check_model_data(data: ModelData, config: Config) -> list[CheckResult]:
    """All checks of `MODEL_DATA_CHECKS`, in that order.

    Args:
        data: the aligned cube.
        config: limits are in `validation`.
    """
    limits = config.validation
    media = data.media / data.population[:, None, None]
    return [
        _channel_activity(data),
        _kpi_variation(data),
        _control_variation(data),
        check_channel_correlation(media, data.channels, limits.identifiability.max_channel_correlation),
        check_variance_inflation(media, data.channels),
        check_spend_variation(data.spend, data.channels, limits.identifiability.min_zero_spend_weeks_pct),
        _naive_roi(data, *limits.value_sanity.roi_range),
        _data_per_parameter(data, config.model.knots),
    ]


def _channel_activity(data: ModelData) -> CheckResult:
    totals = {"spend": data.spend.sum(axis=(0, 1)), "media": data.media.sum(axis=(0, 1))}
    idle = [
        {"channel": channel, "without": what}
        for m, channel in enumerate(data.channels)
        for what, total in totals.items()
        if total[m] == 0
    ]
    message = "Every channel has spend and media."
    if idle:
        listed = ", ".join(f"{row['channel']} (no {row['without']})" for row in idle)
        message = (
            f"Channels that were never active have no effect to estimate: {listed}; remove them from the mapping."
        )
    return CheckResult("channel_activity", not idle, "error", message, len(idle), 0, tuple(idle))


def _kpi_variation(data: ModelData) -> CheckResult:
    sd = float((data.kpi / data.population[:, None]).std())
    message = "The KPI varies." if sd > 0 else "The KPI is the same everywhere and always; check the KPI column."
    return CheckResult("kpi_variation", sd > 0, "error", message, sd, 0)


def _control_variation(data: ModelData) -> CheckResult:
    spread = data.control_values.std(axis=(0, 1))
    constant = [name for name, sd in zip(data.controls, spread, strict=True) if sd == 0]
    message = "Every control varies."
    if constant:
        message = f"{', '.join(constant)} never varies over geos and weeks; remove it from data.controls."
    return CheckResult("control_variation", not constant, "error", message, len(constant), 0)


def _naive_roi(data: ModelData, low: float, high: float) -> CheckResult:
    """Whole outcome / spend of each channel: far more than any channel can have caused."""
    spend = data.spend.sum(axis=(0, 1))
    outcome = float((data.kpi * data.outcome_per_kpi).sum())
    naive = {
        channel: outcome / total for channel, total in zip(data.channels, spend.tolist(), strict=True) if total > 0
    }
    odd = {channel: roi for channel, roi in naive.items() if not low <= roi <= high}
    message = "Spend and outcome are of comparable size."
    if odd:
        channel, roi = next(iter(odd.items()))
        listed = f" ({len(odd)} channels: {', '.join(odd)})" if len(odd) > 1 else ""
        message = (
            f"Total outcome / spend of {channel} is {roi:.4g}, outside {low:g} to {high:g} "
            f"(validation.value_sanity.roi_range){listed}; check the units and currency of spend and KPI, or "
            "whether the channel is too small to be modelled by itself."
        )
    table = tuple({"channel": channel, "naive_roi": roi} for channel, roi in odd.items())
    return CheckResult("naive_roi", not odd, "warn", message, len(odd), 0, table)


def _data_per_parameter(data: ModelData, knots: int | None) -> CheckResult:
    """Geo-weeks per parameter, effects that are shrunk over geos not counted."""
    n_geos, n_weeks, n_channels = data.media.shape
    n_knots = knots or max(2, round(n_weeks / _WEEKS_PER_KNOT["national" if data.is_national else "geo"]))
    per_channel = 3 if data.is_national else 4
    n_parameters = n_knots + (n_geos - 1) + per_channel * n_channels + len(data.controls) + 1
    ratio = float(np.divide(n_geos * n_weeks, n_parameters))
    passed = ratio >= MIN_POINTS_PER_PARAMETER
    message = f"{n_geos * n_weeks} data points for {n_parameters} parameters."
    if not passed:
        message = (
            f"Only {ratio:.1f} data points per parameter ({n_geos * n_weeks} for {n_parameters}; "
            f"{MIN_POINTS_PER_PARAMETER:g} or more are better); add geos or weeks, combine channels, or use fewer "
            "model.knots."
        )
    return CheckResult("data_per_parameter", passed, "warn", message, ratio, MIN_POINTS_PER_PARAMETER)
