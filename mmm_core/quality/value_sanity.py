"""Checks of one geo's weekly panel: are the values believable?"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmm_core.config.validation import MetricToleranceConfig, ValueOutliersConfig
from mmm_core.data.panel import KPI, MEDIA, REACH, SPEND, with_prefix
from mmm_core.quality.check import CheckResult
from mmm_core.quality.violations import MAX_TABLE_ROWS
from mmm_core.quality.weekly_values import FloatArray, WeeklyValues

MIN_RELATIVE_VARIANCE = 1e-4
"""Variance / mean² below which a column hardly varies."""
_THOUSAND = 1000.0
_USUAL_CHANNELS, _SMALL_CHANNEL = 10, 3.0
_MIN_SHARE = 0.02
_MIN_WEEKS = 8
"""Weeks that a channel must have been active to be judged."""
Rows = list[Mapping[str, object]]


def check_kpi_variation(weekly: WeeklyValues) -> CheckResult:
    """The KPI varies over weeks."""
    known = weekly.of(KPI)[~np.isnan(weekly.of(KPI))]
    relative = _relative_variance(known) if known.size else 0.0
    passed = relative >= MIN_RELATIVE_VARIANCE
    message = "The KPI varies over weeks."
    if not passed:
        message = (
            f"Geo {weekly.geo}: the KPI hardly varies over weeks (variance / mean² {relative:.2g}, expected "
            f"{MIN_RELATIVE_VARIANCE:g} or more), so it says little about media; check the KPI column."
        )
    return CheckResult("kpi_variation", passed, "warn", message, relative, MIN_RELATIVE_VARIANCE)


def check_channel_variation(weekly: WeeklyValues) -> CheckResult:
    """No channel runs at the same level in every week; one that never runs in this geo is left alone."""
    columns = with_prefix(weekly.columns, SPEND, MEDIA, REACH)
    rows: Rows = []
    for column in columns:
        values = weekly.of(column)[~np.isnan(weekly.of(column))]
        if values.size >= _MIN_WEEKS and values.any() and _relative_variance(values) < MIN_RELATIVE_VARIANCE:
            rows.append({"column": column, "mean": float(values.mean()), "sd": float(values.std())})
    message = "Every active channel varies over weeks."
    if rows:
        names = ", ".join(str(row["column"]) for row in rows[:5])
        message = (
            f"Geo {weekly.geo}: {names} stay(s) at one level (variance / mean² below {MIN_RELATIVE_VARIANCE:g}), "
            "so no effect of it can show in this geo; check that no total was spread evenly over the weeks."
        )
    table = tuple(rows[:MAX_TABLE_ROWS])
    return CheckResult("channel_variation", not rows, "warn", message, len(rows), 0, table)


def check_cost_per_media_unit(weekly: WeeklyValues, limit: float) -> CheckResult:
    """Each week's cost per media unit is within a factor of its channel's median.

    Args:
        weekly: the panel.
        limit: the factor (`validation.value_sanity.metric_tolerance.max_ratio`).
    """
    costs = weekly.unit_costs
    medians = _median(costs)
    with np.errstate(invalid="ignore"):
        ratio = costs / medians
        odd = (ratio > limit) | (ratio < 1 / limit)
    at = np.argwhere(odd.T)[:MAX_TABLE_ROWS]
    rows: Rows = [
        {
            "channel": weekly.priced[m],
            "week": weekly.week(t),
            "cost": float(costs[t, m]),
            "median": float(medians[m]),
        }
        for m, t in at
    ]
    count = int(odd.sum())
    message = "Cost per media unit is steady."
    if rows:
        first = rows[0]
        message = (
            f"Geo {weekly.geo}: in {count} channel-weeks the cost per media unit is more than {limit:g} times its "
            f"median or less than 1/{limit:g} of it (validation.value_sanity.metric_tolerance.max_ratio), first "
            f"{first['channel']} in {first['week']} ({first['cost']:.4g} against {first['median']:.4g}); check "
            "units of spend and media."
        )
    return CheckResult("cost_per_media_unit", not rows, "warn", message, count, 0, tuple(rows))


def check_cost_range(weekly: WeeklyValues, limits: MetricToleranceConfig, in_money: bool = True) -> CheckResult:
    """A channel's median cost per thousand media units (CPM) or per unit (CPC) lies in its configured range.

    Args:
        weekly: the panel.
        limits: the ranges.
        in_money: False where amounts were scaled per geo, so that nothing can be said.
    """
    medians = dict(zip(weekly.priced, _median(weekly.unit_costs).tolist(), strict=True))
    rows: Rows = []
    metrics = (("cpm", limits.cpm, _THOUSAND), ("cpc", limits.cpc, 1.0)) if in_money else ()
    for metric, ranges, factor in metrics:
        for channel, (low, high) in ranges.items():
            cost = factor * medians.get(channel, np.nan)
            if np.isfinite(cost) and not low <= cost <= high:
                rows.append({"channel": channel, "metric": metric, "median": cost, "low": low, "high": high})
    message = "Costs of media units are in their ranges."
    if not (limits.cpm or limits.cpc):
        message = "Not judged: no range is given in validation.value_sanity.metric_tolerance.cpm or cpc."
    if not in_money:
        message = "Not judged: money was scaled per geo (enhanced_cleaning.currency.policy)."
    if rows:
        row = rows[0]
        more = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        message = (
            f"Geo {weekly.geo}: median {row['metric']} of {row['channel']} is {row['median']:.4g}, outside "
            f"{row['low']:g} "
            f"to {row['high']:g} (validation.value_sanity.metric_tolerance.{row['metric']}){more}; check the "
            "units and the currency of its spend and media."
        )
    return CheckResult("cost_range", not rows, "warn", message, len(rows), 0, tuple(rows[:MAX_TABLE_ROWS]))


def check_geo_roi(weekly: WeeklyValues, low: float, high: float) -> CheckResult:
    """Total outcome / spend of each channel that ran in this geo: far more than any channel can have caused.

    Channels with less than 2 % of the geo's spend are left to the check of all geos together (`naive_roi`).

    Args:
        weekly: the panel.
        low: smallest plausible ratio.
        high: largest one, before `roi_limits`.
    """
    spend = np.nan_to_num(weekly.many([f"{SPEND}{channel}" for channel in weekly.paid]))
    totals = spend.sum(axis=0)
    ran = np.flatnonzero(((spend > 0).sum(axis=0) >= _MIN_WEEKS) & (totals >= _MIN_SHARE * totals.sum()))
    totals = totals[ran]
    rows: Rows = [
        {
            "channel": weekly.paid[m],
            "naive_roi": weekly.outcome / total,
            "limit": float(top),
            "spend": float(total),
        }
        for m, total, top in zip(ran, totals, roi_limits(high, totals), strict=True)
        if not low <= weekly.outcome / total <= top
    ]
    message = "Spend and outcome are of comparable size."
    if rows:
        row = rows[0]
        more = f" ({len(rows)} channels)" if len(rows) > 1 else ""
        message = (
            f"Geo {weekly.geo}: total outcome / spend of {row['channel']} is {row['naive_roi']:.4g}, outside "
            f"{low:g} to "
            f"{row['limit']:.4g} (validation.value_sanity.roi_range){more}; check the units and currency of "
            "spend and KPI."
        )
    return CheckResult("geo_roi", not rows, "warn", message, len(rows), 0, tuple(rows[:MAX_TABLE_ROWS]))


def roi_limits(high: float, spend: FloatArray) -> FloatArray:
    """(M,) largest plausible outcome / spend of each channel.

    That is `high` for at most ten channels with equal shares of spend.  A channel with a smaller share has a
    larger ratio even if nothing is wrong: the limit grows with the number of channels beyond ten, and up to
    threefold for a channel below their mean.

    Args:
        high: the configured limit.
        spend: (M,) total spend of each channel, above 0.
    """
    if not len(spend):
        return spend
    below_mean = np.clip(spend.mean() / spend, 1.0, _SMALL_CHANNEL)
    return np.asarray(high * max(1.0, len(spend) / _USUAL_CHANNELS) * below_mean, dtype=np.float64)


def check_outliers(weekly: WeeklyValues, limits: ValueOutliersConfig, flag: bool) -> CheckResult:
    """Values far outside the quartiles of the column's weeks that are not 0.

    Args:
        weekly: the panel.
        limits: how far, and how many a column may have.
        flag: whether every single one is reported (`enhanced_cleaning.outliers.policy` is `flag`).
    """
    columns = [KPI, *with_prefix(weekly.columns, SPEND, MEDIA, REACH)]
    values = weekly.many(columns)
    odd = _outside_fences(values, limits.iqr_factor)
    share = 100.0 * odd.mean(axis=0)
    reported = odd.any(axis=0) if flag else share > limits.max_share_pct
    rows = _outlier_rows(weekly, columns, values, odd & reported)
    count = int((odd & reported).sum())
    message = f"{int(odd.sum())} value(s) outside the fences, not more than allowed."
    if rows:
        names = ", ".join(columns[c] for c in np.flatnonzero(reported)[:5])
        allowed = (
            "enhanced_cleaning.outliers.policy is flag"
            if flag
            else f"validation.value_sanity.outliers.max_share_pct allows {limits.max_share_pct:g} % of the weeks"
        )
        message = (
            f"Geo {weekly.geo}: {count} value(s) of {names} lie more than {limits.iqr_factor:g} interquartile "
            "ranges "
            f"outside the quartiles (first {rows[0]['column']} in {rows[0]['week']}); {allowed}. Check them, or "
            "set enhanced_cleaning.outliers.policy to contextual_winsorization."
        )
    value, limit = (float(count), 0.0) if flag else (float(share.max(initial=0.0)), limits.max_share_pct)
    return CheckResult("outliers", not rows, "warn", message, value, limit, tuple(rows))


def _outlier_rows(
    weekly: WeeklyValues, columns: Sequence[str], values: FloatArray, odd: NDArray[np.bool_]
) -> Rows:
    return [
        {"column": columns[c], "week": weekly.week(t), "value": float(values[t, c])}
        for c, t in np.argwhere(odd.T)[:MAX_TABLE_ROWS]
    ]


def _outside_fences(values: FloatArray, factor: float) -> NDArray[np.bool_]:
    """(T, C) beyond quartile -/+ factor x interquartile range of each column's values that are not 0.

    Both as they are and in logarithms: amounts are skewed, and a large value among values of every size is none.
    """
    active = np.where(values > 0, values, np.nan)
    return _beyond(active, factor) & _beyond(np.log(active), factor)


def _beyond(values: FloatArray, factor: float) -> NDArray[np.bool_]:
    low, high = _quantile(values, 0.25), _quantile(values, 0.75)
    reach = factor * (high - low)
    with np.errstate(invalid="ignore"):
        outside: NDArray[np.bool_] = (values < low - reach) | (values > high + reach)
    return outside


def _median(values: FloatArray) -> FloatArray:
    return _quantile(values, 0.5)


def _quantile(values: FloatArray, share: float) -> FloatArray:
    """(C,) linear quantile of each column's known values, NaN without any (a quick `numpy.nanquantile`)."""
    ordered = np.sort(values, axis=0)  # NaN last
    count = (~np.isnan(values)).sum(axis=0)
    at = share * np.maximum(count - 1, 0)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    if not values.size:
        return np.full(values.shape[1], np.nan)
    columns = np.arange(values.shape[1])
    one, other = ordered[below, columns], ordered[above, columns]
    return np.asarray(one + (at - below) * (other - one), dtype=np.float64)


def _relative_variance(values: FloatArray) -> float:
    mean = float(values.mean())
    return float((values / mean).var()) if mean else 0.0
