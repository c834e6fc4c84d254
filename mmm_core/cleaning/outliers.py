"""Extreme weeks."""

from dataclasses import replace

import numpy as np

from mmm_core.cleaning.change_log import BoolArray, Changes, FloatArray, cell_changes
from mmm_core.cleaning.periods import Periods
from mmm_core.cleaning.promotions import promotion_weeks
from mmm_core.config.cleaning import OutliersConfig
from mmm_core.config.schema import Config
from mmm_core.data.panel import CONTROL, KPI, MEDIA, REACH, SPEND

_PREFIXES = {"spend": (SPEND,), "media": (MEDIA, REACH), "kpi": (KPI,), "controls": (CONTROL,)}


def treat_outliers(weekly: Periods, config: Config) -> tuple[Periods, list[Changes], tuple[str, ...]]:
    """Cap the chosen columns of one geo, each at its own percentile, or say what would be capped.

    The percentile is that of the weeks in which the column is above 0, so that a channel that is often off
    is not capped at nearly nothing; weeks of promotions neither count for it nor are they capped.  Controls
    are capped on both sides, at the percentile and at 100 minus it, of all weeks.

    Args:
        weekly: complete but for a masked KPI.
        config: `enhanced_cleaning.outliers`; `features.events` for the promotions.

    Returns:
        The weeks, the log of capped cells, and a sentence under the policy `flag`.
    """
    settings = config.enhanced_cleaning.outliers
    if settings.policy == "none":
        return weekly, [], ()
    exempt = promotion_weeks(weekly, config)
    chosen = _chosen(weekly, settings)
    capped = weekly.values.copy()
    for column in chosen:
        low, high = _limits(weekly.values[:, column], exempt, weekly.columns[column], settings)
        capped[:, column] = np.where(exempt, capped[:, column], np.clip(capped[:, column], low, high))
    changed = (capped != weekly.values) & ~np.isnan(weekly.values)
    if settings.policy == "flag":
        return weekly, [], _flagged(weekly, changed, settings)
    rule = f"capped at the {settings.winsorize_percentile:g}th percentile of active weeks"
    rule += " outside promotions" if exempt.any() else ""
    lines = cell_changes(weekly.dates, weekly.columns, weekly.values, capped, changed, rule)
    return replace(weekly, values=capped), [lines], ()


def _chosen(weekly: Periods, settings: OutliersConfig) -> list[int]:
    prefixes = tuple(prefix for name in settings.columns for prefix in _PREFIXES[name])
    return [position for position, column in enumerate(weekly.columns) if column.startswith(prefixes)]


def _limits(values: FloatArray, exempt: BoolArray, column: str, settings: OutliersConfig) -> tuple[float, float]:
    """Lowest and highest value that stays as it is."""
    both_sides = column.startswith(CONTROL)
    counted = values[~exempt & ~np.isnan(values)]
    counted = counted if both_sides else counted[counted > 0]
    if not len(counted):
        return -np.inf, np.inf
    high = float(np.percentile(counted, settings.winsorize_percentile))
    return float(np.percentile(counted, 100 - settings.winsorize_percentile)) if both_sides else -np.inf, high


def _flagged(weekly: Periods, above: BoolArray, settings: OutliersConfig) -> tuple[str, ...]:
    columns = np.flatnonzero(above.any(axis=0))
    if not len(columns):
        return ()
    counts = ", ".join(f"{weekly.columns[column]} in {int(above[:, column].sum())} weeks" for column in columns)
    return (
        f"Beyond the {settings.winsorize_percentile:g}th percentile of their active weeks, and left as they are: "
        f"{counts}.",
    )
