"""Missing dates and missing values."""

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from mmm_core.cleaning.change_log import log_changes
from mmm_core.data import calendar
from mmm_core.data.panel import DATE, GEO, KPI, activity_columns
from mmm_core.errors import DataError

Strategy = Literal["refuse", "mask", "simple"]
_MASKED = {"week": "left out of the fit", "day": "the week is left out of the fit"}
"""What becomes of a KPI that is not known, by what a row stands for."""


def fill_gaps(
    panel: pd.DataFrame, expected: pd.DatetimeIndex, unit: str, strategy: Strategy
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Complete a panel.

    Spend, media, reach and frequency that are missing become 0; revenue per KPI, population, controls and
    treatments are interpolated linearly in time, and take the nearest value before the first and after the
    last one that is known.  So does the KPI under `simple`; under `mask` it stays NaN.

    Args:
        panel: geo, date and float columns, sorted by date, no date twice.
        expected: all dates that there should be, sorted; those of the panel among them.
        unit: what a date stands for, `day` or `week`.
        strategy: `refuse` raises if there is anything to fill.

    Returns:
        The complete panel, and the log of filled and of masked cells.

    Raises:
        DataError: gaps under `refuse`, or a KPI or a column to interpolate without any value.
    """
    geo = panel[GEO].iloc[0]
    absent = expected.difference(pd.DatetimeIndex(panel[DATE]))
    numeric = [column for column in panel.columns if column not in (GEO, DATE)]
    indexed = panel.set_index(DATE)[numeric].reindex(expected)
    changed = indexed.isna()
    if strategy == "refuse" and changed.to_numpy().any():
        raise _refusal(str(geo), absent, changed)
    zeroed = list(activity_columns(numeric))
    levels = [column for column in numeric if column not in zeroed]
    empty = [column for column in levels if changed[column].all()]
    if empty:
        raise DataError(f"Geo {geo}: {', '.join(empty)} holds no value at all; remove it from the data section.")
    filled = indexed.assign(**indexed[zeroed].fillna(0.0))
    masked = [KPI] if strategy == "mask" else []
    interpolated = [column for column in levels if column not in masked]
    filled[interpolated] = indexed[interpolated].interpolate("linear", limit_direction="both")
    after = filled.rename_axis(DATE).reset_index()
    after.insert(0, GEO, geo)
    what = dict.fromkeys(zeroed, "set to 0") | dict.fromkeys(interpolated, "interpolated")
    what |= dict.fromkeys(masked, _MASKED[unit])
    rules = _rules(changed, indexed.index.isin(absent), what, unit)
    return after, log_changes(indexed, after, changed, rules)


def _rules(changed: pd.DataFrame, is_absent: object, what: Mapping[str, str], unit: str) -> pd.DataFrame:
    """(N, C) what was done to each cell if it was filled."""
    row = pd.Series(is_absent, index=changed.index).map({True: f"missing {unit}", False: "missing value"})
    return pd.DataFrame({column: row + f": {what[column]}" for column in changed.columns})


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
        "source, or set the strategy to mask or simple."
    )
