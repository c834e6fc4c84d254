"""Checks of the aligned cube: can a model learn something from it?"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mmm_core.config.schema import Config
from mmm_core.features.collinearity import check_collinear_channels
from mmm_core.features.finite_values import check_finite_values
from mmm_core.features.knot_count import default_knot_count
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.quality.check import CheckResult, Severity, with_severities
from mmm_core.quality.identifiability import (
    check_channel_correlation,
    check_spend_variation,
    check_variance_inflation,
    check_variation_over_geos,
    check_variation_over_time,
)
from mmm_core.quality.value_sanity import roi_limits

MODEL_DATA_CHECKS: Mapping[str, str] = {
    "finite_values": "No missing or infinite number anywhere, a missing KPI excepted",
    "channel_activity": "Every channel has media, and every paid one spend",
    "kpi_variation": "The KPI varies over geos and weeks",
    "control_variation": "Every control varies over geos and weeks",
    "collinear_channels": "No channel is an exact combination of others",
    "channel_correlation": "No two channels move together (validation.identifiability.max_channel_correlation)",
    "variance_inflation": "No channel is nearly a combination of the others (validation.identifiability.max_vif)",
    "spend_variation": "Spend varies enough (validation.identifiability.min_zero_spend_weeks_pct)",
    "variation_over_geos": "Weeks alone do not explain a channel (validation.identifiability.max_time_r2)",
    "variation_over_time": "Geos alone do not explain a channel (validation.identifiability.max_geo_r2)",
    "naive_roi": "Total outcome / spend of a channel is plausible (validation.value_sanity.roi_range)",
    "data_per_parameter": "Data points per parameter (validation.identifiability.min_points_per_parameter)",
}
"""Check name -> what it looks at, in the order of the results."""
_ROUNDING = 1e-12
"""Spread, relative to the largest value, up to which values count as equal."""


def check_excluded_geos(data: ModelData) -> list[CheckResult]:
    """`excluded_geos`, a warning that names them with their reasons; nothing if every geo is there."""
    if not data.excluded_geos:
        return []
    total = len(data.geos) + len(data.excluded_geos)
    why = "; ".join(f"{geo} ({reason})" for geo, reason in data.excluded_geos.items())
    message = (
        f"{len(data.excluded_geos)} of {total} geos are left out of fit, budgets and totals: {why}. Correct their "
        "rows, then run again; the next run takes them back in."
    )
    return [CheckResult("excluded_geos", False, "warn", message, float(len(data.excluded_geos)), 0.0)]


@np.errstate(over="ignore", invalid="ignore")  # absurd amounts are judged too
def check_model_data(data: ModelData, config: Config) -> list[CheckResult]:
    """All checks of `MODEL_DATA_CHECKS` that are not off, in that order.

    Args:
        data: the aligned cube.
        config: limits and severities are in `validation`.
    """
    limits, identifiable = config.validation, config.validation.identifiability
    finite = check_finite_values(data)
    if not finite.passed:
        data = _without_holes(data)
    cube = _exposure(data)
    exposure = cube[data.present][None]
    n_paid = len(data.paid_channels)
    found = [
        finite,
        _channel_activity(data),
        _kpi_variation(data),
        _control_variation(data),
        check_collinear_channels(exposure, data.channels),
        check_channel_correlation(exposure, data.channels, identifiable.max_channel_correlation),
        check_variance_inflation(exposure, data.channels, identifiable.max_vif),
        check_spend_variation(
            _spend_while_present(data)[:, :, :n_paid],
            data.paid_channels,
            identifiable.min_zero_spend_weeks_pct,
        ),
        check_variation_over_geos(cube, data.present, data.channels, identifiable.max_time_r2),
        check_variation_over_time(cube, data.present, data.channels, identifiable.max_geo_r2),
        _naive_roi(data, *limits.value_sanity.roi_range),
        _data_per_parameter(data, config.model.knots, identifiable.min_points_per_parameter),
    ]
    return with_severities(found, config)


def _without_holes(data: ModelData) -> ModelData:
    """Zeros for numbers that are not finite, so that the other checks can say what they can."""
    holes = ("media", "spend", "control_values", "frequency", "revenue_per_kpi")
    values = {name: getattr(data, name) for name in holes}
    filled = {
        name: np.nan_to_num(value, posinf=0, neginf=0) for name, value in values.items() if value is not None
    }
    population = np.where(np.isfinite(data.population) & (data.population > 0), data.population, 1.0)
    kpi = np.where(np.isfinite(data.kpi), data.kpi, np.nan)
    return dataclasses.replace(data, **filled, population=population, kpi=kpi)


def _exposure(data: ModelData) -> FloatArray:
    """(G, T, M) media per capita; contacts of the reached for `reach_frequency`."""
    contacts = data.media if data.frequency is None else data.media * data.frequency
    return contacts / data.population[:, None, None]


def _spend_while_present(data: ModelData) -> FloatArray:
    """(G, T, M) each geo's spend in its present weeks, repeated to fill the window: absence is no pause."""
    weeks = np.arange(data.spend.shape[1])
    own = [np.resize(np.flatnonzero(there), len(weeks)) if there.any() else weeks for there in data.present]
    return np.stack([spend[order] for spend, order in zip(data.spend, own, strict=True)])


def _channel_activity(data: ModelData) -> CheckResult:
    totals = {"spend": data.spend[data.present].sum(axis=0), "media": data.media[data.present].sum(axis=0)}
    idle = [
        {"channel": channel, "without": what}
        for m, channel in enumerate(data.channels)
        for what, total in totals.items()
        if total[m] == 0 and (what == "media" or data.channel_kinds[m] != "organic_media")
    ]
    message = "Every channel has media, and every paid one spend."
    if idle:
        listed = ", ".join(f"{row['channel']} (no {row['without']})" for row in idle)
        message = (
            f"Channels that were never active have no effect to estimate: {listed}; remove them from the mapping."
        )
    return CheckResult("channel_activity", not idle, "error", message, len(idle), 0, tuple(idle))


def _kpi_variation(data: ModelData) -> CheckResult:
    known = (data.kpi / data.population[:, None])[data.observed & data.present]
    sd = float(known.std()) if known.size else 0.0
    passed = sd > _ROUNDING * float(np.abs(known).max(initial=0.0))
    message = "The KPI varies."
    if not known.size:
        message = "The KPI is not known in any week; check the KPI column and data.windows."
    elif not passed:
        message = "The KPI is the same everywhere and always; check the KPI column."
    return CheckResult("kpi_variation", passed, "error", message, sd, 0)


def _control_variation(data: ModelData) -> CheckResult:
    per_capita = np.array(data.control_per_capita, dtype=bool)
    divisor = np.where(per_capita, data.population[:, None], 1.0)
    values = (data.control_values / divisor[:, None, :])[data.present]
    largest = np.abs(values).max(axis=0, initial=0.0)
    constant = [
        name
        for name, sd, top in zip(data.controls, values.std(axis=0), largest, strict=True)
        if sd <= _ROUNDING * top
    ]
    message = "Every control varies."
    if constant:
        message = (
            f"{', '.join(constant)} never varies over geos and weeks; remove it from data.controls "
            "(or data.non_media_treatments)."
        )
    table = tuple({"control": name} for name in constant)
    return CheckResult("control_variation", not constant, "error", message, len(constant), 0, table)


def _naive_roi(data: ModelData, low: float, high: float) -> CheckResult:
    """Whole outcome / spend of each paid channel: far more than any channel can have caused (`roi_limits`)."""
    spend = data.spend.sum(axis=(0, 1))[: len(data.paid_channels)]
    outcome = float(np.nansum(data.kpi * data.outcome_per_kpi))
    paid = np.flatnonzero(spend > 0)
    rows = [
        {"channel": data.paid_channels[m], "naive_roi": outcome / float(spend[m]), "limit": float(top)}
        for m, top in zip(paid, roi_limits(high, spend[paid]), strict=True)
        if not low <= outcome / spend[m] <= top
    ]
    message = "Spend and outcome are of comparable size."
    if rows:
        row = rows[0]
        names = ", ".join(str(case["channel"]) for case in rows)
        listed = f" ({len(rows)} channels: {names})" if len(rows) > 1 else ""
        message = (
            f"Total outcome / spend of {row['channel']} is {row['naive_roi']:.4g}, outside {low:g} to "
            f"{row['limit']:.4g} (validation.value_sanity.roi_range){listed}; check the units and currency of "
            "spend and KPI, or whether the channel is too small to be modelled by itself."
        )
    return CheckResult("naive_roi", not rows, "warn", message, len(rows), 0, tuple(rows))


def _data_per_parameter(data: ModelData, knots: int | str | tuple[str, ...] | None, least: float) -> CheckResult:
    """Known KPI values per parameter, effects that are shrunk over geos not counted; `least` are good."""
    counts = _parameter_counts(data, knots)
    n_parameters = sum(counts.values())
    n_points = int((data.observed & data.present).sum())
    ratio = n_points / n_parameters
    passed = ratio >= least
    message = f"{n_points} data points for {n_parameters} parameters."
    if not passed:
        wish = "at least 1 is needed" if ratio < 1 else f"{least:g} or more are better"
        message = (
            f"Only {ratio:.1f} data points per parameter ({n_points} for {n_parameters}; {wish}); add geos or "
            "weeks, combine channels, remove controls, or use fewer model.knots."
        )
    table = tuple({"parameters of": what, "number": count} for what, count in counts.items())
    severity: Severity = "error" if ratio < 1 else "warn"
    return CheckResult("data_per_parameter", passed, severity, message, ratio, least, table)


def _parameter_counts(data: ModelData, knots: int | str | tuple[str, ...] | None) -> dict[str, int]:
    """What has how many parameters."""
    n_geos, n_weeks, n_channels = data.media.shape
    if isinstance(knots, int):
        n_knots = knots
    elif isinstance(knots, tuple):
        n_knots = len(knots)
    else:
        n_knots = default_knot_count(n_weeks, data.is_national)
    return {
        "knots": n_knots,
        "geos beyond the first": n_geos - 1,
        "channels": (3 if data.is_national else 4) * n_channels,
        "controls": len(data.controls),
        "noise": 1,
    }
