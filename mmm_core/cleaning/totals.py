"""Sums over the change log."""

import pandas as pd

from mmm_core.cleaning.change_log import ROW

TOTALS_COLUMNS = ("rule", "column", "geos", "cells", "sum_before", "sum_after")


def change_totals(log: pd.DataFrame) -> pd.DataFrame:
    """What each rule did to each column, over all geos of the log.

    `sum_after - sum_before` is what the rule added to the column's total (see `change_log`); for an amount
    that was combined by sum it is 0.

    Args:
        log: change log of one geo or of several, one below the other.

    Returns:
        rule, column, geos (how many), cells (lines of the log; for the column `(row)`, rows), sum_before and
        sum_after (empty cells count as 0; NaN for rows, which have numbers of lines there); by rule and column.
    """
    groups = log.groupby(["rule", "column"], sort=True, observed=True)
    totals = groups.agg(
        geos=("geo", "nunique"), cells=("geo", "size"), sum_before=("before", "sum"), sum_after=("after", "sum")
    ).reset_index()
    sums = ["sum_before", "sum_after"]
    totals[sums] = totals[sums].astype("float64").mask(totals["column"] == ROW)
    return totals[list(TOTALS_COLUMNS)]
