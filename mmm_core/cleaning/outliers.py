"""Extreme weeks."""

import pandas as pd

from mmm_core.cleaning.change_log import log_changes
from mmm_core.config.cleaning import OutliersConfig
from mmm_core.data.panel import MEDIA, REACH, SPEND, with_prefix


def winsorize(weekly: pd.DataFrame, settings: OutliersConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cap spend, media and reach of one geo, each column at its own percentile.

    The percentile is that of the weeks in which the column is above 0, so that a channel that is often off
    is not capped at nearly nothing.  KPI and controls stay as they are.

    Args:
        weekly: geo, date and float columns.
        settings: nothing is changed unless the policy is `contextual_winsorization`.

    Returns:
        The panel, and the log of capped cells.
    """
    columns = list(with_prefix(weekly.columns, SPEND, MEDIA, REACH))
    capped = weekly.copy()
    if settings.policy == "contextual_winsorization":
        share = settings.winsorize_percentile / 100.0
        for column in columns:
            active = weekly[column][weekly[column] > 0]
            if len(active):
                capped[column] = weekly[column].clip(upper=float(active.quantile(share)))
    changed = capped[columns] != weekly[columns]
    rules = changed.astype("object")
    rules[:] = f"capped at the {settings.winsorize_percentile:g}th percentile of active weeks"
    return capped, log_changes(weekly, capped, changed, rules)
