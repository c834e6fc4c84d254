"""Missing dates and missing values."""

from typing import Literal

import pandas as pd

from mmm_core.cleaning.change_log import log_changes
from mmm_core.data import calendar
from mmm_core.data.panel import DATE, GEO, MEDIA, SPEND
from mmm_core.errors import DataError


def fill_gaps(
    panel: pd.DataFrame, expected: pd.DatetimeIndex, unit: str, strategy: Literal["refuse", "simple"]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Complete a panel.

    Spend and media that are missing become 0; KPI, revenue per KPI, population and controls are interpolated
    linearly in time, and take the nearest value before the first and after the last one that is known.

    Args:
        panel: geo, date and float columns, sorted by date, no date twice.
        expected: all dates that there should be, sorted; those of the panel among them.
        unit: what a date stands for, `day` or `week`.
        strategy: `refuse` raises if there is anything to fill.

    Returns:
        The complete panel, and the log of filled cells.

    Raises:
        DataError: gaps under `refuse`, or a column without any value to interpolate from.
    """
    geo = panel[GEO].iloc[0]
    absent = expected.difference(pd.DatetimeIndex(panel[DATE]))
    numeric = [column for column in panel.columns if column not in (GEO, DATE)]
    indexed = panel.set_index(DATE)[numeric].reindex(expected)
    changed = indexed.isna()
    if strategy == "refuse" and changed.to_numpy().any():
        raise _refusal(str(geo), absent, changed)
    zeroed = [column for column in numeric if column.startswith((SPEND, MEDIA))]
    levels = [column for column in numeric if column not in zeroed]
    empty = [column for column in levels if changed[column].all()]
    if empty:
        raise DataError(f"Geo {geo}: {', '.join(empty)} holds no value at all; remove it from the data section.")
    filled = indexed.assign(**indexed[zeroed].fillna(0.0))
    filled[levels] = indexed[levels].interpolate("linear", limit_direction="both")
    after = filled.rename_axis(DATE).reset_index()
    after.insert(0, GEO, geo)
    rules = _rules(changed, indexed.index.isin(absent), zeroed, unit)
    return after, log_changes(indexed, after, changed, rules)


def _rules(changed: pd.DataFrame, is_absent: object, zeroed: list[str], unit: str) -> pd.DataFrame:
    """(N, C) what was done to each cell if it was filled."""
    row = pd.Series(is_absent, index=changed.index).map({True: f"missing {unit}", False: "missing value"})
    return pd.DataFrame(
        {column: row + (": set to 0" if column in zeroed else ": interpolated") for column in changed.columns}
    )


def _refusal(geo: str, absent: pd.DatetimeIndex, changed: pd.DataFrame) -> DataError:
    rest = changed.drop(index=absent)
    parts = [f"missing dates {calendar.iso(absent)}"] if len(absent) else []
    parts += [
        f"missing values of {column} at {calendar.iso(pd.DatetimeIndex(rest.index[rest[column]]))}"
        for column in rest.columns
        if rest[column].any()
    ][:3]
    return DataError(
        f"Geo {geo} has {'; '.join(parts)}, and enhanced_cleaning.missing_data.strategy is refuse; complete the "
        "source, or set the strategy to simple."
    )
