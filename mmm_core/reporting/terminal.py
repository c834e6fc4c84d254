"""Results as tables in a terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from mmm_core.reporting.formats import MISSING, column_format, compact, percent, ratio
from mmm_core.reporting.sections.budget import relative
from mmm_core.reporting.sections.returns import inside
from mmm_core.reporting.sections.scenarios import scenario_title

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def roi_table(channel_summary: pd.DataFrame, truth_roi: Mapping[str, float] | None = None) -> "Table":
    """ROI and mROI of each channel with 90 % intervals, the best first.

    Args:
        channel_summary: `channel_summary.csv`.
        truth_roi: channel -> true ROI of simulated data; adds the truth and whether the interval holds it.
    """
    table = _empty("ROI and next-1% ROI, 90% intervals")
    for title in ("Spend", "Share", "ROI", "5%", "95%", "mROI", "5%", "95%"):
        table.add_column(title, justify="right")
    if truth_roi is not None:
        table.add_column("True ROI", justify="right")
        table.add_column("Inside")
    ordered = channel_summary.sort_values("roi_mean", ascending=False)
    keys = ("roi_mean", "roi_q05", "roi_q95", "mroi_mean", "mroi_q05", "mroi_q95")
    show = column_format([float(value) for key in keys for value in ordered[key]])
    for row in ordered.to_dict("records"):
        cells = [compact(row["spend"]), percent(row["share"]), *(show(row[key]) for key in keys)]
        if truth_roi is not None:
            truth = truth_roi.get(str(row["channel"]))
            held = inside(row["roi_q05"], row["roi_q95"], truth)
            cells += [ratio(truth), {True: "yes", False: "NO", None: MISSING}[held]]
        table.add_row(_text(row["channel"]), *cells)
    return table


def budget_table(budget_plan: pd.DataFrame) -> "Table":
    """Current and recommended spend and outcome of each scenario and channel, summed over geos."""
    table = _empty("Recommended budgets")
    for title in ("Now", "Recommended", "Change", "Outcome now", "Expected", "Change"):
        table.add_column(title, justify="right")
    columns = ["current_spend", "optimal_spend", "current_outcome", "optimal_outcome"]
    sums = budget_plan.groupby(["scenario", "channel"], sort=False)[columns].sum()
    for scenario in sums.index.get_level_values("scenario").unique():
        table.add_row(_text(scenario_title(str(scenario)), "bold"))
        part = sums.xs(scenario, level="scenario")
        for channel, row in part.iterrows():
            table.add_row(_text(f"  {channel}"), *_amounts(row))
        table.add_row(_text("  total", "bold"), *_amounts(part.sum()), end_section=True)
    return table


def render_text(table: "Table", width: int = 110) -> str:
    """The table as plain text without colours, e.g. for a log file."""
    from rich.console import Console

    console = Console(width=width, no_color=True, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _amounts(row: pd.Series) -> list[str]:
    """Spend and outcome before and after, with relative changes."""
    spend, best, outcome, expected = (
        float(row[key]) for key in ("current_spend", "optimal_spend", "current_outcome", "optimal_outcome")
    )
    return [
        compact(spend),
        compact(best),
        percent(relative(spend, best), signed=True),
        compact(outcome),
        compact(expected),
        percent(relative(outcome, expected), signed=True),
    ]


def _empty(title: str) -> "Table":
    """A table whose first column holds channels."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Channel")
    return table


def _text(value: object, style: str = "") -> "Text":
    """Text in which square brackets mean nothing."""
    from rich.text import Text

    return Text(str(value), style=style)
