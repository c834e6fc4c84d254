"""The deck, read back with python-pptx: what it shows are the exports' numbers, and everything has room."""

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from pptx.oxml.ns import qn

from mmm_core.refresh.changes import FIRST, WhatChanged
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.deck.deck import render_deck, write_deck
from mmm_core.reporting.sections.budget import scenario_plans
from tests.reporting.decks import (
    CASES,
    chart_on,
    charts,
    deck_of,
    every_case,
    facts_of,
    full,
    full_inputs,
    grid_rows,
    opened,
    texts,
    titles,
    without_plan,
)
from tests.reporting.frames import decided_inputs, made_up_inputs, scenario_summaries
from tests.reporting.parsed import shown_number


def test_every_table_has_its_slide_and_a_finding_as_title() -> None:
    found = titles(full())
    assert len(found) == 16
    assert len(set(found)) == 16
    assert all(len(title) > 10 for title in found[1:])


def test_slides_without_their_table_are_left_out() -> None:
    assert len(titles(deck_of("one channel, no plan"))) == 9
    plain = made_up_inputs(2, 60)
    some = replace(plain, decisions=DecisionTables(forecast=full_inputs().decisions.forecast))
    assert len(titles(render_deck(some))) == len(titles(render_deck(plain))) + 1


@every_case
def test_no_placeholder_is_empty_and_there_are_no_pictures(case: str) -> None:
    content = deck_of(case)
    for slide in opened(content).slides:
        assert [shape.name for shape in slide.placeholders if not shape.text_frame.text] == []
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert [name for name in names if name.endswith((".png", ".jpeg", ".jpg", ".emf"))] == []


@every_case
def test_every_chart_and_table_has_a_text_for_those_who_cannot_see_it(case: str) -> None:
    frames = [
        shape
        for slide in opened(deck_of(case)).slides
        for shape in slide.shapes
        if shape.has_chart or shape.has_table
    ]
    alts = [frame._element.nvGraphicFramePr.cNvPr.get("descr") for frame in frames]
    assert len(alts) >= 7
    assert all(alt and len(alt) > 30 for alt in alts)


# The numbers are the exports'


@every_case
def test_workbook_and_chart_hold_the_same_numbers(case: str) -> None:
    """Every reference of a chart, those of error bars included, names the cells with its cached values."""
    n_checked = 0
    for chart in charts(deck_of(case)):
        sheet = openpyxl.load_workbook(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob))["Sheet1"]
        for reference in chart._chartSpace.iter(qn("c:numRef")):
            cells = [cell.value for row in sheet[reference.find(qn("c:f")).text.split("!")[1]] for cell in row]
            if hasattr(cells[0], "date"):
                continue
            cached: list[float | None] = [None] * len(cells)
            for point in reference.iter(qn("c:pt")):
                cached[int(point.get("idx"))] = float(point.find(qn("c:v")).text)
            assert cells == pytest.approx(cached, rel=1e-14)
            n_checked += len(cells)
    assert n_checked > 100


def test_bars_of_returns_are_those_of_the_channel_summary_with_their_intervals() -> None:
    chart = chart_on(full(), "returned")
    table = full_inputs().channel_summary.set_index("channel")
    channels = list(chart.plots[0].categories)
    assert channels == list(table["roi_mean"].sort_values(ascending=False).index)
    assert list(chart.plots[0].series[0].values) == table.loc[channels, "roi_mean"].tolist()
    sheet = openpyxl.load_workbook(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob))["Sheet1"]
    columns = {cell.value: [row.value for row in column[1:]] for column in sheet.columns for cell in column[:1]}
    assert columns["Return (ROI), 5%"] == pytest.approx(table.loc[channels, "roi_q05"].tolist(), rel=1e-14)
    assert columns["Return (ROI), 95%"] == pytest.approx(table.loc[channels, "roi_q95"].tolist(), rel=1e-14)
    bars = chart.plots[0].series[0]._element.find(qn("c:errBars"))
    above = [float(value.text) for value in bars.find(qn("c:plus")).iter(qn("c:v"))]
    assert above == pytest.approx((table["roi_q95"] - table["roi_mean"])[channels].tolist())


@pytest.mark.parametrize("case", ["all tables", "30 long names, all tables", "30 channels, 40 geos"])
def test_layers_add_up_to_the_fitted_kpi_of_every_week(case: str) -> None:
    chart = chart_on(deck_of(case), "brought the most")
    layers = np.array([series.values for series in chart.plots[0].series])
    weekly = CASES[case]().contributions.groupby("date")["mean"].sum()
    assert len(layers) <= 8
    assert layers.sum(axis=0) == pytest.approx(weekly.to_numpy(), rel=1e-12)


def test_curves_are_the_pooled_ones() -> None:
    slide = next(s for s in opened(full()).slides if "of the most it could" in s.shapes.title.text_frame.text)
    curves = full_inputs().pooled_curves
    found = [shape.chart for shape in slide.shapes if shape.has_chart]
    assert len(found) == 4
    for chart in found:
        part = curves[curves["channel"] == chart.chart_title.text_frame.text]
        series = {one.name: one for one in chart.plots[0].series}
        for name, column in (("expected", "outcome_mean"), ("5%", "q05"), ("95%", "q95")):
            assert list(series[name].values) == part[column].tolist()
            assert [float(x) for x in series[name].iter_values()] == part[column].tolist()
        now = part[part["multiplier"] == 1.0]
        assert list(series["now"].values) == now["outcome_mean"].tolist()


@pytest.mark.parametrize("case", ["all tables", "30 channels, 40 geos"])
def test_budget_bars_hold_all_money_with_small_channels_in_one_row(case: str) -> None:
    inputs, chart = CASES[case](), chart_on(deck_of(case), "would bring")
    chart = next(
        shape.chart
        for slide in opened(deck_of(case)).slides
        for shape in slide.shapes
        if shape.has_chart and [s.name for s in shape.chart.plots[0].series] == ["current", "recommended"]
    )
    plan = scenario_plans(inputs)[0].table.set_index("channel")
    before, after = (np.array(series.values) for series in chart.plots[0].series)
    assert before.sum() == pytest.approx(plan["current_spend"].sum())
    assert after.sum() == pytest.approx(plan["optimal_spend"].sum())
    for label, value in zip(chart.plots[0].categories, after, strict=True):
        if label in plan.index:
            assert value == plan.loc[label, "optimal_spend"]
    assert len(before) == min(len(plan), 11)


def test_further_charts_are_those_of_their_tables() -> None:
    decisions = full_inputs().decisions.present()
    series = {
        one.name: (list(one.values), chart.part) for chart in charts(full()) for one in chart.plots[0].series
    }
    assert series["best outcome"][0] == decisions["frontier"].sort_values("budget")["outcome_mean"].tolist()
    forecast = decisions["forecast"].query("scenario == 'current_budget' and geo == 'all'")
    assert series["Current budget: expected"][0] == forecast["kpi_mean"].tolist()
    assert series["change of outcome"][0] == decisions["counterfactuals"]["outcome_change_mean"].tolist()
    against = decisions["comparison"].query("other == 'current_budget'")
    assert series["difference"][0] == against["difference_mean"].tolist()
    assert series["model"][0] == full_inputs().totals.fit["predicted_mean"].tolist()
    weekly = decisions["flighting"].query("scenario == 'current_budget'").groupby("date")["optimal_spend"].sum()
    stack = next(
        c for c in charts(full()) if "recommended spend per week" in c.value_axis.axis_title.text_frame.text
    )
    assert np.sum([one.values for one in stack.plots[0].series], axis=0) == pytest.approx(weekly.to_numpy())


@every_case
def test_every_number_in_the_text_stands_in_the_notes_with_its_exact_value(case: str) -> None:
    for slide in list(opened(deck_of(case)).slides)[1:]:
        facts = facts_of(slide)
        for text in texts(slide):
            rest = text
            for name in sorted(CASES[case]().channels, key=len, reverse=True):
                rest = rest.replace(name, "")
            rest = FIXED.sub("", rest)
            for shown, _, _ in sorted(facts, key=lambda one: -len(one[0])):
                rest = rest.replace(shown, "")
            assert not re.search(r"\d", rest), f"{text!r} leaves {rest!r}"


FIXED = re.compile(
    r"90% interval|probability of 90%|9 times out of 10|next 1%|USD\u00a01(?!\.?\d)|\(1 is perfect\)|"
    r"and \d+ others|in Q3|minus 20 percent|(?<!\d)\d (warning|check|question|more point)s?|"
    r"R-hat is 1.2 .*, above 1.01"
)
"""Digits that are no results."""


@every_case
def test_what_is_shown_rounds_to_the_exact_number(case: str) -> None:
    n_checked = 0
    for slide in opened(deck_of(case)).slides:
        for shown, exact, source in facts_of(slide):
            plain = (
                shown.split("\u00a0")[0]
                if not shown.startswith(("USD", "+USD", "−USD"))
                else shown.replace("USD\u00a0", "")
            )
            found = shown_number(plain)
            if found is None:
                continue
            number, half = found
            assert abs(number - float(exact)) <= max(half, 0.005 * abs(float(exact))) + 1e-12, (
                shown,
                exact,
                source,
            )
            n_checked += 1
    assert n_checked > 15


def test_facts_about_channels_and_scenarios_are_cells_of_their_tables() -> None:
    inputs = full_inputs()
    summaries = pd.DataFrame([vars(one) for one in inputs.scenarios]).set_index("name")
    tables = {
        "channel": inputs.channel_summary.set_index("channel"),
        "scenario": summaries,
    }
    n_checked = 0
    for slide in opened(full()).slides:
        for _, exact, source in facts_of(slide):
            found = re.fullmatch(r"(?:channel|scenario)_summary\.csv, (channel|scenario) (\w+): (\w+)", source)
            if found:
                assert float(exact) == tables[found[1]].loc[found[2], found[3]], source
                n_checked += 1
    assert n_checked > 20


def test_cells_of_the_returns_grid_round_to_the_channel_summary() -> None:
    rows = grid_rows(full(), "returned")
    table = full_inputs().channel_summary.set_index("channel")
    assert rows[0] == ["Channel", "Spend (USD)", "ROI", "90% interval"]
    for channel, spend, roi, ends in rows[1:]:
        low, high = ends.split(" to ")
        for text, column in ((spend, "spend"), (roi, "roi_mean"), (low, "roi_q05"), (high, "roi_q95")):
            number, half = shown_number(text) or (np.nan, 0.0)
            assert abs(number - table.loc[channel, column]) <= max(half, 0.005 * number) + 1e-9


# Honest words


def test_overlapping_intervals_are_not_distinguishable() -> None:
    inputs = made_up_inputs(2, 60)
    assert any("not distinguishable from audio" in title for title in titles(render_deck(inputs)))
    summary = inputs.channel_summary.copy()
    summary.loc[summary["channel"] == "audio", "roi_q95"] = 2.0
    clear = titles(render_deck(replace(inputs, channel_summary=summary)))
    assert any(
        title.startswith("paid_search returned 2.94") and title.endswith("clearly the most") for title in clear
    )


def test_a_lift_whose_interval_includes_zero_is_not_promised() -> None:
    unsure = replace(scenario_summaries()[0], lift_q05=-2e5, probability_better=0.8)
    found = titles(render_deck(made_up_inputs(2, 60, scenarios=(unsure,))))
    assert any("no split of the budget is surely better" in title for title in found)
    assert any("not surely different from the current split" in title for title in found)
    assert "Next: test before moving money, because the gain is not sure" in found
    sure = titles(render_deck(made_up_inputs(2, 60, scenarios=scenario_summaries())))
    assert any("would bring +USD\u00a0900K (90% interval +400K to +1.4M)" in title for title in sure)


def test_spends_never_seen_are_flagged_and_lead_to_caution() -> None:
    rows = grid_rows(full(), "more for")
    plan = full_inputs().budget_plan.query("scenario == 'current_budget'")
    flagged = plan.groupby("channel")["extrapolated"].sum()
    assert rows[0][-1] == "Never seen"
    assert {row[0]: row[-1] for row in rows[1:-1]} == {
        name: f"{count} of 8 geos" if count else "" for name, count in flagged.items()
    }
    assert any("step by step" in text for text in texts(list(opened(full()).slides)[-2]))


def test_what_changed_is_told_with_its_reasons_where_there_is_an_earlier_fit() -> None:
    changes = full_inputs().changes
    assert changes is not None
    table = changes.tables["roi_changes"]
    slide = next(s for s in opened(full()).slides if "last accepted fit" in s.shapes.title.text_frame.text)
    largest = table.loc[table["roi_change_mean"].abs().idxmax()]
    assert str(largest["channel"]) in slide.shapes.title.text_frame.text
    facts = {source: float(exact) for _, exact, source in facts_of(slide)}
    for name in ("from_fit", "roi_now_mean", "roi_before_mean"):
        assert facts[f"what_changed_returns.csv, channel {largest['channel']}: {name}"] == largest[name]
    told = " ".join(texts(slide))
    assert "What differs: corrected data, new weeks" in told
    assert "2 weeks came in." in told
    assert "Recommended budget" in told
    series = {one.name: list(one.values) for one in chart_on(full(), "last accepted fit").plots[0].series}
    ordered = table.reindex(table["roi_change_mean"].abs().sort_values(ascending=False).index)
    assert series["last accepted fit"] == ordered["roi_before_mean"].tolist()
    assert series["this fit"] == ordered["roi_now_mean"].tolist()
    alone = replace(full_inputs(), changes=WhatChanged("fit", None, FIRST))
    assert len(titles(render_deck(alone))) == len(titles(full())) - 1


def test_a_change_within_the_noise_is_no_change() -> None:
    changes = full_inputs().changes
    assert changes is not None
    quiet = replace(changes, certainty=1.1)
    assert any(
        "changed by more than noise" in title
        for title in titles(render_deck(replace(full_inputs(), changes=quiet)))
    )


def test_verdict_backtest_and_the_worst_conflict_stand_beside_the_fit() -> None:
    slide = next(s for s in opened(deck_of("judged")).slides if "misses a week" in s.shapes.title.text_frame.text)
    told = texts(slide)
    assert "Verdict: accepted with warnings after 28 checks." in told
    assert "Backtest: held-out conversions are missed by 6.1%; by 8.6% with last year’s week." in told
    assert (
        "1 of 3 experiments conflict with the model: spring geo test measured 36.6K USD, the model says 81.2K."
        in told
    )
    sources = {source for _, _, source in facts_of(slide)}
    assert "backtest scores, strategy temporal, predictor seasonal_naive: wmape" in sources
    assert "experiments, experiment spring geo test: measured_mean" in sources


def test_blocked_numbers_are_marked_on_every_slide() -> None:
    slides = list(opened(deck_of("blocked")).slides)
    assert any("Do not use these numbers" in text for text in texts(slides[0]))
    assert "Blocked by 1 check" in slides[1].shapes.title.text_frame.text
    for slide in slides:
        assert any("BLOCKED" in shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)


def test_without_revenue_nothing_is_called_revenue_and_units_are_the_kpis() -> None:
    words = " ".join(text for slide in opened(deck_of("no revenue")).slides for text in texts(slide))
    assert "revenue" not in words.lower()
    assert "conversions per USD\u00a01 spent" in words


def test_organic_channels_have_a_contribution_but_no_return() -> None:
    content = deck_of("organic")
    assert "social" in [row[0] for row in grid_rows(content, "brought the most")]
    assert "social" not in list(chart_on(content, "returned").plots[0].categories)
    assert "Paid media" in titles(content)[1]


def test_without_a_frontier_the_lifts_of_scenarios_are_drawn_with_their_intervals() -> None:
    inputs = replace(full_inputs(), decisions=DecisionTables())
    chart = chart_on(render_deck(inputs), "A budget of")
    lifts = {one.lift_mean: one.lift_q95 - one.lift_mean for one in inputs.scenarios}
    series = chart.plots[0].series[0]
    assert set(series.values) == set(lifts)
    above = [
        float(value.text) for value in series._element.find(qn("c:errBars")).find(qn("c:plus")).iter(qn("c:v"))
    ]
    assert above == pytest.approx([lifts[value] for value in series.values])


def test_saturation_is_told_apart_only_where_intervals_are() -> None:
    table = full_inputs().decisions.saturation
    assert table is not None
    assert any("of the most it could with this timing, not disting" in title for title in titles(full()))
    narrow = table.assign(
        saturation_q05=table["saturation_mean"] - 0.01, saturation_q95=table["saturation_mean"] + 0.01
    )
    clear = render_deck(replace(full_inputs(), decisions=DecisionTables(saturation=narrow)))
    assert any("is the closest to its ceiling" in title for title in titles(clear))


# Room


def test_equal_inputs_give_equal_bytes() -> None:
    assert render_deck(decided_inputs()) == full()


def test_a_large_deck_is_light() -> None:
    assert len(deck_of("30 channels, 40 geos")) < 1_000_000


def test_deck_is_written_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "exports" / "deck.pptx"
    target.parent.mkdir()
    target.write_bytes(b"old")
    write_deck(target, without_plan())
    assert [path.name for path in target.parent.iterdir()] == ["deck.pptx"]
    assert len(opened(target.read_bytes()).slides) == 9


def test_hostile_names_stay_text() -> None:
    name = '=SUM(A1) <b>{0}</b> & "tv"'
    content = render_deck(made_up_inputs(1, 30, channels=(name, "tv"), title="{x} <y> & 'z'"))
    assert titles(content)[0] == "{x} <y> & 'z'"
    assert any(name in list(chart.plots[0].categories) for chart in charts(content) if chart.plots[0].categories)


# Parts
