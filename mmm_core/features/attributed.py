"""What platforms attribute to themselves, beside the model and never in it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.panel import ATTRIBUTED, DATE, SPEND, with_prefix

_COLUMNS = ("geo", "date", "channel", "attributed", "spend", "window_days")


def attribution_comparison(frames: Mapping[str, pd.DataFrame], config: Config) -> pd.DataFrame:
    """Conversions that platforms attribute to their channels, one row per geo, week and channel.

    Args:
        frames: geo -> features (or clean panel) with `attributed__<channel>`.
        config: `features.attribution`.

    Returns:
        geo, date, channel, attributed (conversions or revenue per week, in the platform's own count), spend (money
        per week, NaN for channels without), window_days (days after the contact within which the platform counts);
        no row where `features.attribution.enabled` is false.
    """
    settings = config.features.attribution
    tables = [
        pd.DataFrame(
            {
                "geo": geo,
                "date": frame[DATE].to_numpy(),
                "channel": column.removeprefix(ATTRIBUTED),
                "attributed": frame[column].to_numpy(dtype=np.float64),
                "spend": _spend(frame, column.removeprefix(ATTRIBUTED)),
                "window_days": settings.window_days,
            }
        )
        for geo, frame in frames.items()
        for column in with_prefix(frame.columns, ATTRIBUTED)
        if settings.enabled and column.removeprefix(ATTRIBUTED) in settings.conversions
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(_COLUMNS))


def _spend(frame: pd.DataFrame, channel: str) -> object:
    column = f"{SPEND}{channel}"
    return frame[column].to_numpy(dtype=np.float64) if column in frame else np.nan
