"""Decks of made-up reports, and what is read off them."""

import io
import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from pptx import Presentation

from mmm_core.quality.check import CheckResult
from mmm_core.reporting.deck.deck import render_deck
from mmm_core.reporting.inputs import ReportInputs
from tests.reporting.change_frames import made_up_changes
from tests.reporting.decision_frames import made_up_decisions, summaries_of
from tests.reporting.frames import decided_inputs, made_up_inputs, scenario_summaries
from tests.reporting.trust_frames import made_up_trust

LONG_NAMES = tuple(
    f"{kind}_prospecting_retargeting_region_{number:02d}"
    for number in range(10)
    for kind in ("social", "videos", "search")
)
EMU = 914400


def opened(content: bytes) -> Any:
    return Presentation(io.BytesIO(content))


@cache
def full_inputs() -> ReportInputs:
    return decided_inputs()


@cache
def full() -> bytes:
    return render_deck(full_inputs())


def kpi_only() -> ReportInputs:
    return made_up_inputs(3, 60, has_revenue=False, scenarios=scenario_summaries())


def with_organic() -> ReportInputs:
    inputs = made_up_inputs(3, 60)
    table, summary = inputs.contributions.copy(), inputs.channel_summary.copy()
    table.loc[table["component"] == "social", "kind"] = "organic_media"
    summary.loc[summary["channel"] == "social", "spend"] = 0.0
    returns = [name for name in summary if name.startswith(("roi", "mroi"))]
    summary.loc[summary["channel"] == "social", returns] = np.nan
    plan = inputs.budget_plan[inputs.budget_plan["channel"] != "social"]
    return replace(inputs, contributions=table, channel_summary=summary, budget_plan=plan)


def without_plan() -> ReportInputs:
    inputs = made_up_inputs(1, 60, channels=("tv",))
    return replace(inputs, budget_plan=inputs.budget_plan.iloc[:0])


def blocked() -> ReportInputs:
    check = CheckResult(
        "rhat", False, "error", "Largest R-hat is 1.2 (roi_m[tv]), above 1.01: draw more.", 1.2, 1.01
    )
    return made_up_inputs(3, 60, checks=(("posterior", check),), scenarios=scenario_summaries())


@cache
def large_inputs() -> ReportInputs:
    return made_up_inputs(40, 156, channels=LONG_NAMES, scenarios=scenario_summaries())


@cache
def long_names() -> ReportInputs:
    inputs = made_up_inputs(2, 30, channels=LONG_NAMES)
    plan = inputs.budget_plan.assign(extrapolated=True)
    found = {"scenarios": summaries_of(inputs), "decisions": made_up_decisions(inputs)}
    return replace(inputs, budget_plan=plan, changes=made_up_changes(inputs), **found)


@cache
def judged() -> ReportInputs:
    """With verdict, backtest and experiments."""
    return replace(full_inputs(), trust=made_up_trust(full_inputs()))


CASES = {
    "all tables": full_inputs,
    "30 channels, 40 geos": large_inputs,
    "30 long names, all tables": long_names,
    "no revenue": kpi_only,
    "organic": with_organic,
    "one channel, no plan": without_plan,
    "blocked": blocked,
    "judged": judged,
}


@cache
def deck_of(case: str) -> bytes:
    return render_deck(CASES[case]())


every_case = pytest.mark.parametrize("case", CASES)


def texts(slide: Any) -> list[str]:
    """Title and text boxes, without foot and tables."""
    frames = [shape for shape in slide.shapes if shape.has_text_frame and shape.top < 6.95 * EMU]
    return [paragraph.text for shape in frames for paragraph in shape.text_frame.paragraphs if paragraph.text]


def titles(content: bytes) -> list[str]:
    return [slide.shapes.title.text_frame.text for slide in opened(content).slides]


def charts(content: bytes) -> list[Any]:
    return [shape.chart for slide in opened(content).slides for shape in slide.shapes if shape.has_chart]


def chart_on(content: bytes, title_part: str) -> Any:
    return next(
        shape.chart
        for slide in opened(content).slides
        if title_part in slide.shapes.title.text_frame.text
        for shape in slide.shapes
        if shape.has_chart
    )


def grid_rows(content: bytes, title_part: str) -> list[list[str]]:
    return next(
        [[cell.text for cell in row.cells] for row in shape.table.rows]
        for slide in opened(content).slides
        if title_part in slide.shapes.title.text_frame.text
        for shape in slide.shapes
        if shape.has_table
    )


def facts_of(slide: Any) -> list[tuple[str, str, str]]:
    """(shown, exact, source) of the notes."""
    lines = slide.notes_slide.notes_text_frame.text.replace("\v", "\n").splitlines()
    found = [re.fullmatch(r"- (.+?) = (\S+) \((.+)\)", line) for line in lines]
    return [(one[1], one[2], one[3]) for one in found if one]


# What is on the slides
