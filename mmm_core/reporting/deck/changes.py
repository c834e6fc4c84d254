"""What has changed since the last accepted fit, and why."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from mmm_core.refresh.changes import WhatChanged
from mmm_core.refresh.reasons import cause_words
from mmm_core.reporting.change_tables import CHANGE_FILES
from mmm_core.reporting.deck.interval_bars import channel_cells, interval_bars
from mmm_core.reporting.deck.phrases import outcome_per_money, single
from mmm_core.reporting.deck.said import Said, fact, joined, say
from mmm_core.reporting.deck.slides import BOTTOM, Box, Column, Grid, Slide, findings, halves
from mmm_core.reporting.formats import chance, counted, listed, percent, ratio
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, BASE
from mmm_core.reporting.sections.scenarios import scenario_title

_MOST = 10
_RETURNS = CHANGE_FILES["roi_changes"]
_PARTS = {
    "from_fit": "because the fit says otherwise of the same weeks",
    "from_window": "because other weeks or geos count",
    "from_revision": "because spend or media were corrected",
}
_SMALL = 0.005
"""Share of the earlier return, or of a budget, below which a change is not worth a word."""


def changes_slide(inputs: ReportInputs) -> Slide | None:
    """Returns before and now, and what they moved for; None where there is nothing to compare with."""
    found = inputs.changes
    table = None if found is None else found.table("roi_changes")
    known = None if table is None else table.dropna(subset=["roi_change_mean"])
    if found is None or known is None or known.empty:
        return None
    order = known["roi_change_mean"].abs().sort_values(ascending=False, kind="stable").index
    known = known.loc[order].reset_index(drop=True)
    left, right = halves(0.52, bottom=BOTTOM - 1.4)
    pair = (("roi_now", "this fit", ACCENT), ("roi_before", "last accepted fit", BASE))
    unit = f"ROI: {outcome_per_money(inputs)} spent"
    return Slide(
        _title(known, found.certainty),
        (
            interval_bars(known.head(_MOST), pair, unit, left, _RETURNS),
            _grid(known.head(_MOST), right),
            findings(_why(known.iloc[0]), _differs(found), _budget(found), height=1.3),
        ),
        notes=(found.sentence,),
    )


def _title(known: pd.DataFrame, certainty: float) -> Said:
    real = known[known["roi_probability_real"] >= certainty]
    every = fact(str(len(known)), len(known), f"{_RETURNS}, number of channels in both fits")
    if real.empty:
        return say("Since the last accepted fit, none of {} returns has changed by more than noise", every)
    row, count = real.iloc[0], len(real)
    moved = fact(str(count), count, f"{_RETURNS}, number of channels whose change is no noise")
    return say(
        "Since the last accepted fit, {} of {} returns {} changed, most {}: {} instead of {}",
        *(moved, every, "has" if count == 1 else "have", str(row["channel"])),
        *(single(row, f"roi_{when}_mean", ratio, _at(row)) for when in ("now", "before")),
    )


def _grid(known: pd.DataFrame, box: Box) -> Grid:
    rows = [(row, _at(row)) for row in known.to_dict("records")]
    columns = [Column("Channel", channel_cells(rows), numeric=False)]
    for heading, name, show in (
        ("Before", "roi_before_mean", ratio),
        ("Now", "roi_now_mean", ratio),
        ("Change", "roi_change_mean", _moved),
        ("Not noise", "roi_probability_real", chance),
    ):
        columns.append(Column(heading, tuple(single(row, name, show, source) for row, source in rows)))
    return Grid(
        box,
        tuple(columns),
        f"Return of {len(rows)} channels in the last accepted fit and in this one, and how sure the change is.",
        f"{_RETURNS}, roi_before_mean, roi_now_mean, roi_change_mean, roi_probability_real (no sampler’s noise)",
    )


def _why(row: Any) -> Said:
    """The parts of the largest change."""
    parts = [
        say(f"{{}} {words}", single(row, name, _moved, _at(row)))
        for name, words in _PARTS.items()
        if abs(float(row[name])) > _SMALL * abs(float(row["roi_before_mean"]))
    ]
    return say("Return of {}: {}.", str(row["channel"]), joined(parts, "; ")) if parts else Said("")


def _differs(found: WhatChanged) -> Said:
    """What differs between the fits, with counts where there are some."""
    reasons = found.table("reasons")
    if reasons is None:
        return Said("Nothing differs between the two fits but the draws.")
    causes = [cause_words(str(cause)) for cause in dict.fromkeys(reasons["cause"])]
    return joined([say("What differs: {}.", listed(causes)), *_counts(found)])


def _counts(found: WhatChanged) -> Iterator[Said]:
    scope, revised = found.table("scope"), found.table("data_revisions")
    if scope is not None:
        new = int(((scope["what"] == "week") & (scope["change"] == "new")).sum())
        if new:
            source = f"{CHANGE_FILES['scope']}, number of new weeks"
            yield say("{} came in.", fact(counted(new, "week"), new, source))
    if revised is not None:
        cells = int(revised["cells_changed"].sum())
        source = f"{CHANGE_FILES['data_revisions']}, sum of cells_changed"
        changed = fact(counted(cells, "value"), cells, source)
        yield say("In weeks that were known before, {} {} corrected.", changed, "was" if cells == 1 else "were")


def _budget(found: WhatChanged) -> Said:
    """The share of a recommended budget that moved most."""
    table = found.table("budget_changes")
    known = None if table is None else table.dropna(subset=["share_change"])
    if known is None or known.empty or known["share_change"].abs().max() < _SMALL:
        return Said("")
    row = known.loc[known["share_change"].abs().idxmax()]
    source = f"{CHANGE_FILES['budget_changes']}, scenario {row['scenario']}, channel {row['channel']}"
    return say(
        "Recommended budget “{}”: {} now gets {} of it, before {}.",
        *(scenario_title(str(row["scenario"])), str(row["channel"])),
        *(single(row, f"share_{when}", percent, source) for when in ("now", "before")),
    )


def _moved(value: float | None) -> str:
    return ("+" if value is not None and value > 0 else "") + ratio(value)


def _at(row: Any) -> str:
    return f"{_RETURNS}, channel {row['channel']}"
