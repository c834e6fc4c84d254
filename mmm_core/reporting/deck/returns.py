"""What each channel returned, and what the next money would return."""

import pandas as pd

from mmm_core.reporting.deck.interval_bars import channel_cells, ends, interval_bars
from mmm_core.reporting.deck.phrases import (
    indistinct,
    measured,
    of_channel,
    outcome_per_money,
    single,
    some,
)
from mmm_core.reporting.deck.said import Said, fact, joined, say
from mmm_core.reporting.deck.slides import BOTTOM, Box, Column, Grid, Slide, findings, halves
from mmm_core.reporting.formats import compact, percent, ratio
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, BASE

_FILE = "channel_summary.csv"
MOST = 10
"""Channels in a chart; the others are named in a sentence."""


def paid_returns(inputs: ReportInputs, name: str) -> pd.DataFrame:
    """Paid channels with a known return (`roi` or `mroi`), the best first."""
    table = inputs.channel_summary
    columns = [f"{name}_{part}" for part in ("mean", "q05", "q95")]
    found = table[table["channel"].isin(inputs.paid_channels)].dropna(subset=columns)
    return found.sort_values(f"{name}_mean", ascending=False, kind="stable").reset_index(drop=True)


def returns_slide(inputs: ReportInputs) -> Slide | None:
    """ROI with 90 % intervals; None without a paid channel that spent."""
    table = paid_returns(inputs, "roi")
    if table.empty:
        return None
    shown = _largest(table)
    left, right = halves(0.52, bottom=BOTTOM - 0.8)
    unit = outcome_per_money(inputs)
    bars = interval_bars(shown, (("roi", "Return (ROI)", ACCENT),), f"ROI: {unit} spent", left, _FILE)
    return Slide(
        _best(table, "roi", f"{{}} returned {{}} {unit} spent", inputs),
        (
            bars,
            _grid(shown, right, inputs),
            findings(joined([_verdicts(table, "roi", inputs), _left_out(table, shown)])),
        ),
    )


def next_money_slide(inputs: ReportInputs) -> Slide | None:
    """Marginal beside average return; None without a paid channel that spent."""
    table = paid_returns(inputs, "mroi")
    if table.empty:
        return None
    shown = _largest(table)
    unit = outcome_per_money(inputs)
    pair = (("mroi", "Next 1% of spend (mROI)", ACCENT), ("roi", "All spend so far (ROI)", BASE))
    left, right = halves(0.6, bottom=BOTTOM - 0.8)
    return Slide(
        _best(table, "mroi", f"The next money works hardest in {{}}: {{}} {unit}", inputs),
        (
            interval_bars(shown, pair, f"{unit} spent", left, _FILE),
            _marginal_grid(shown, right, inputs),
            findings(joined([_verdicts(table, "mroi", inputs), _left_out(table, shown)])),
        ),
    )


def _best(table: pd.DataFrame, name: str, template: str, inputs: ReportInputs) -> Said:
    """The best channel, and which ones it cannot be told from."""
    first = table.iloc[0]
    opening = say(template, str(first["channel"]), measured(first, name, ratio, of_channel(first["channel"])))
    if len(table) == 1:
        return opening
    same = indistinct(table, name)
    if same:
        return say("{}, not distinguishable from {}", opening, some(same))
    return say("{}, clearly the most", opening)


def _largest(table: pd.DataFrame) -> pd.DataFrame:
    """The channels with most spend, in the order of the table."""
    keep = table["spend"].astype(float).nlargest(MOST).index
    return table.loc[sorted(keep)]


def _grid(table: pd.DataFrame, box: Box, inputs: ReportInputs) -> Grid:
    """Spend, ROI, interval, and where outcomes are no money the cost of one more of the KPI."""
    rows = [(row, of_channel(row["channel"])) for row in table.to_dict("records")]
    columns = [
        Column("Channel", channel_cells(rows), numeric=False),
        Column(f"Spend ({inputs.currency})", tuple(single(row, "spend", compact, at) for row, at in rows)),
        Column("ROI", tuple(single(row, "roi_mean", ratio, at) for row, at in rows)),
        Column("90% interval", tuple(ends(row, "roi", at) for row, at in rows)),
    ]
    source = "channel_summary.csv, spend, roi_mean, roi_q05, roi_q95"
    if not inputs.has_revenue and "cpik_mean" in table and table["cpik_mean"].notna().any():
        cells = tuple(single(row, "cpik_mean", ratio, at) for row, at in rows)
        spreads = tuple(ends(row, "cpik", at) for row, at in rows)
        columns[2:] = [Column(f"{inputs.currency} per 1", cells), Column("90% interval", spreads)]
        source = "channel_summary.csv, spend, cpik_mean, cpik_q05, cpik_q95 (spend per incremental KPI unit)"
    return Grid(box, tuple(columns), f"Spend and return of {len(rows)} channels with 90% intervals.", source)


def _marginal_grid(table: pd.DataFrame, box: Box, inputs: ReportInputs) -> Grid:
    """Both returns with intervals."""
    rows = [(row, of_channel(row["channel"])) for row in table.to_dict("records")]
    return Grid(
        box,
        (
            Column("Channel", channel_cells(rows), numeric=False),
            Column("Next 1%", tuple(single(row, "mroi_mean", ratio, at) for row, at in rows)),
            Column("90% interval", tuple(ends(row, "mroi", at) for row, at in rows)),
            Column("So far", tuple(single(row, "roi_mean", ratio, at) for row, at in rows)),
        ),
        f"Marginal and average return of {len(rows)} channels with 90% intervals.",
        "channel_summary.csv, mroi_mean, mroi_q05, mroi_q95, roi_mean",
    )


def _verdicts(table: pd.DataFrame, name: str, inputs: ReportInputs) -> Said:
    """Which channels lie wholly on one side of break-even; only where outcomes are money."""
    if not inputs.has_revenue:
        return say("A return counts {} per unit of money, so break-even cannot be read from it.", inputs.kpi_name)
    above = [str(c) for c in table.loc[table[f"{name}_q05"] > 1, "channel"]]
    below = [str(c) for c in table.loc[table[f"{name}_q95"] < 1, "channel"]]
    unclear = len(table) - len(above) - len(below)
    what, cost = ("The next money brings", "costs") if name == "mroi" else ("Spend brought", "cost")
    parts = [say("{} more revenue than it {} in {}.", what, cost, some(above, 3))] if above else []
    parts += [say("{} less revenue than it {} in {}.", what, cost, some(below, 3))] if below else []
    if unclear:
        parts.append(say("For {} of {} channels the 90% interval includes break-even.", *_counts(unclear, table)))
    return joined([*parts, Said("Break-even is in revenue; to earn a profit, a channel must return more.")])


def _counts(number: int, table: pd.DataFrame) -> tuple[Said, Said]:
    source = "channel_summary.csv, number of paid channels"
    return fact(str(number), number, f"{source} with break-even inside"), fact(str(len(table)), len(table), source)


def _left_out(table: pd.DataFrame, shown: pd.DataFrame) -> Said:
    """How many channels are not shown, and how much they cost."""
    missing = table.loc[~table.index.isin(shown.index)]
    if missing.empty:
        return Said("")
    share = float(missing["spend"].sum()) / float(table["spend"].sum())
    return say(
        "Not shown: {} smaller channels with {} of spend.",
        fact(str(len(missing)), len(missing), "channel_summary.csv, number of channels that are not shown"),
        fact(percent(share), share, "channel_summary.csv, their spend / all spend"),
    )
