"""What platforms attribute to themselves against what the model finds incremental, in the same geos and weeks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.config.stability import ClaimLimitsConfig, DigitalChecksConfig
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import channel_contribution, effect_units
from mmm_core.model.posterior import Posterior
from mmm_core.quality.check import CheckResult
from mmm_core.stability.records import finite_rows

DIGITAL_CHECKS: Mapping[str, str] = {
    "platform_overclaims": "Whether platforms claim many times what the model finds incremental",
    "platform_underclaims": "Whether the model finds much more than platforms claim",
}
"""Check name -> what it looks at, in the order of the results."""
CLAIM_COLUMNS = [
    "channel",
    "unit",
    "cells",
    "claimed",
    "incremental_mean",
    "incremental_q05",
    "incremental_q95",
    "ratio_q05",
    "ratio_q50",
    "ratio_q95",
    "incrementality_mean",
    "incrementality_q05",
    "incrementality_q95",
    "min_ratio",
    "max_ratio",
    "verdict",
]
_QUANTILES = (0.05, 0.5, 0.95)


def claims_table(posterior: Posterior, attributed: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Claims and incremental contributions per channel.

    Only geo-weeks that the fit knows and for which the platform gives a number count, on both sides.  What the
    model finds is what falls into these weeks, whichever week's media caused it.

    Args:
        posterior: the fit.
        attributed: `features.attributed.attribution_comparison`: geo, date, channel, attributed.
        config: `evaluation.digital_checks`.

    Returns:
        `CLAIM_COLUMNS`, one row per claiming channel of the fit: unit (`kpi` or `outcome`), cells (geo-weeks),
        claimed, incremental (in that unit), ratio (claimed / incremental; infinite where nothing is incremental),
        incrementality (incremental / claimed; missing where nothing is claimed), the limits of the ratio, and
        verdict (`overclaims`, `underclaims`, by the ratio's median, or empty).
    """
    data, units = posterior.data, effect_units(posterior)
    rows = []
    for m, channel in enumerate(data.channels):
        claims = _claims(posterior, attributed, channel)
        there = np.isfinite(claims)
        if not there.any():
            continue
        limits = _limits(config.evaluation.digital_checks, channel)
        worth = data.outcome_per_kpi if limits.unit == "outcome" else data.present.astype(np.float64)
        weekly = channel_contribution(posterior, m, units=units)
        incremental = sum(
            (draws @ (worth[g] * there[g]) for g, draws in enumerate(weekly)), np.zeros(posterior.n_draws)
        )
        rows.append(
            {"channel": channel, **_row(float(claims[there].sum()), incremental, int(there.sum()), limits)}
        )
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS)


def check_claims(table: pd.DataFrame) -> list[CheckResult]:
    """All checks of `DIGITAL_CHECKS`, in that order; they inform.  Nothing where no platform claims anything."""
    if table.empty:
        return []
    return [_check(table, "over"), _check(table, "under")]


def _claims(posterior: Posterior, attributed: pd.DataFrame, channel: str) -> FloatArray:
    """(G, T) of one channel; NaN where the platform says nothing or the fit does not know the geo-week."""
    data = posterior.data
    rows = attributed[attributed["channel"] == channel]
    summed = rows.groupby(["geo", "date"], observed=True)["attributed"].sum(min_count=1).unstack("date")
    if summed.empty:
        return np.full(data.kpi.shape, np.nan)
    summed.columns = pd.DatetimeIndex(summed.columns)
    found = summed.reindex(index=list(data.geos), columns=pd.DatetimeIndex(data.dates.astype("datetime64[ns]")))
    return np.where(data.present, found.to_numpy(dtype=np.float64), np.nan)


def _limits(settings: DigitalChecksConfig, channel: str) -> ClaimLimitsConfig:
    """Those of the channel, with the general ones where it has none."""
    own = settings.channels.get(channel, ClaimLimitsConfig())
    return ClaimLimitsConfig(
        unit=own.unit or settings.unit,
        min_ratio=settings.min_ratio if own.min_ratio is None else own.min_ratio,
        max_ratio=settings.max_ratio if own.max_ratio is None else own.max_ratio,
    )


def _row(claimed: float, incremental: FloatArray, cells: int, limits: ClaimLimitsConfig) -> dict[str, object]:
    positive = incremental > 0
    ratio = np.divide(claimed, incremental, out=np.full_like(incremental, np.inf), where=positive)
    low, median, high = np.quantile(ratio, _QUANTILES, method="inverted_cdf")
    share = incremental / claimed if claimed > 0 else np.full_like(incremental, np.nan)
    smallest, largest = limits.min_ratio or 0.0, np.inf if limits.max_ratio is None else limits.max_ratio
    verdict = "overclaims" if median > largest else "underclaims" if median < smallest else ""
    added, part = np.quantile(incremental, (0.05, 0.95)), np.quantile(share, (0.05, 0.95))
    return {
        "unit": limits.unit,
        "cells": cells,
        "claimed": claimed,
        "incremental_mean": float(incremental.mean()),
        "incremental_q05": float(added[0]),
        "incremental_q95": float(added[1]),
        "ratio_q05": float(low),
        "ratio_q50": float(median),
        "ratio_q95": float(high),
        "incrementality_mean": float(share.mean()),
        "incrementality_q05": float(part[0]),
        "incrementality_q95": float(part[1]),
        "min_ratio": smallest,
        "max_ratio": largest,
        "verdict": verdict,
    }


def _check(table: pd.DataFrame, kind: str) -> CheckResult:
    """`over` or `under`."""
    found = table[table["verdict"] == f"{kind}claims"]
    limit = "max_ratio" if kind == "over" else "min_ratio"
    farthest = (table["ratio_q50"] / table[limit].clip(lower=1e-12)).sort_values(ascending=kind == "under")
    worst = table.loc[farthest.index[0]]
    said = found if len(found) else table.loc[[worst.name]]
    numbers = "; ".join(
        f"{row.channel} {row.ratio_q50:.2g} times (90 % {row.ratio_q05:.2g} to {row.ratio_q95:.2g}, limit "
        f"{getattr(row, limit):g})"
        for row in said.itertuples()
    )
    message = f"Platforms claim, against what is incremental: {numbers}."
    if len(found) and kind == "over":
        message += (
            " Do not plan by the platform's own numbers; count its conversions times the incrementality, and run "
            "a lift test where the interval is wide."
        )
    elif len(found):
        message += (
            " The model may give these channels what others did: look for a missing control that moves with them, "
            "or run a lift test; check that all conversions are in features.attribution."
        )
    value = float(worst["ratio_q50"])
    return CheckResult(
        f"platform_{kind}claims",
        found.empty,
        "warn",
        message,
        value if np.isfinite(value) else None,
        float(worst[limit]),
        tuple(finite_rows(table)),
    )
