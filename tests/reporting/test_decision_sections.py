"""The parts of the report about decisions: every number is one of a table's, and empty tables leave no trace."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.geo_page import render_geo_report
from mmm_core.reporting.html import render_report
from mmm_core.reporting.inputs import ReportInputs
from tests.reporting.decision_frames import geo_curve_frame, summaries_of
from tests.reporting.frames import decided_inputs, made_up_inputs
from tests.reporting.parsed import Element, Report, shown_number

HEADINGS = {
    "periods": "Returns by period",
    "counterfactuals": "What would have been",
    "adstock": "How long an effect lasts",
    "saturation": "How far each channel is saturated",
    "frequency": "The best frequency",
    "shadow_prices": "What the limits cost",
    "comparison": "How sure is one better than another?",
    "frontier": "What each budget could bring at best",
    "flighting": "Spend week by week",
    "forecast": "What to expect",
}


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    return decided_inputs(4, 104)


@pytest.fixture(scope="module")
def report(inputs: ReportInputs) -> Report:
    return Report(render_report(inputs))


def table(inputs: ReportInputs, name: str) -> pd.DataFrame:
    found: pd.DataFrame = inputs.decisions.present()[name]
    return found


def values(cells: list[Element]) -> list[float | None]:
    return [cell.value for cell in cells]


def headings(report: Report) -> list[str]:
    return [element.text for element in report.all("h3")]


def test_every_table_has_its_part(report: Report) -> None:
    assert set(HEADINGS.values()) <= set(headings(report))


@pytest.mark.parametrize("name", HEADINGS)
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_or_empty_table_leaves_its_part_out(inputs: ReportInputs, name: str, empty: bool) -> None:
    gone = table(inputs, name).head(0) if empty else None
    without = replace(inputs, decisions=replace(inputs.decisions, **{name: gone}))
    found = headings(Report(render_report(without)))
    assert HEADINGS[name] not in found
    assert set(HEADINGS.values()) - {HEADINGS[name]} <= set(found)


def test_every_table_of_decisions_is_shown_here_or_beside_the_experiments() -> None:
    assert {field.name for field in fields(DecisionTables)} == {*HEADINGS, "proposals", "test_geos"}


def test_without_any_of_them_the_report_is_as_it_was() -> None:
    found = headings(Report(render_report(made_up_inputs(2, 20))))
    assert not set(HEADINGS.values()) & set(found)


def test_every_text_is_its_exact_value_up_to_rounding(report: Report) -> None:
    compared = 0
    for element in report.elements:
        if element.value is None or (shown := shown_number(element.text)) is None:
            continue
        number, half = shown
        assert abs(number - element.value) <= max(1.001 * half, 0.0051 * abs(element.value)), element
        compared += 1
    assert compared > 700


def test_periods_equal_their_table(inputs: ReportInputs, report: Report) -> None:
    periods = table(inputs, "periods")
    keys = ["spend", "contribution_mean", "caused_mean", "roi_mean", "roi_q05", "roi_q95", "mroi_mean"]
    keys += ["cpik_mean", "cpik_q05", "cpik_q95"]
    of_all = periods[(periods["geo"] == "all") & (periods["kind"] != "total")]
    shown = [name.removeprefix("periods:all:") for name in report.tables if name.startswith("periods:")]
    assert shown[:3] == ["2024", "2023", "spring campaign"]
    assert set(shown) == set(of_all["period"])
    for row in of_all.to_dict("records"):
        assert values(report.rows(f"periods:all:{row['period']}")[row["channel"]]) == [row[key] for key in keys]


def test_costs_and_priors_equal_the_summary(inputs: ReportInputs, report: Report) -> None:
    costs, returns = report.rows("costs"), report.rows("roi")
    for row in inputs.channel_summary.to_dict("records"):
        ends = ("mean", "q05", "q95")
        wanted = [row[f"{name}_{end}"] for name in ("cpik", "effectiveness") for end in ends]
        assert values(costs[row["channel"]]) == wanted
        prior = [row[f"roi_prior_{end}"] for end in ends]
        assert values(returns[row["channel"]])[-3:] == [None if np.isnan(value) else value for value in prior]


def test_counterfactuals_are_told_in_words(inputs: ReportInputs, report: Report) -> None:
    told = [" ".join(element.text.split()) for element in report.all("li") if "conversions (90%" in element.text]
    assert told[0] == (
        "without tv in Q3. Without tv, weeks from 2 Jan 2023 to 23 Dec 2024: −1,234 conversions "
        "(90% interval −1,900 to −610), −3.1% of what the model fits there. Spend: −81,000 USD."
    )
    assert "With 50% less of paid_search, social, display and audio in Geo0" in told[1]
    assert "With 20% more of paid media, weeks" in told[2]
    rows = report.rows("counterfactuals")
    for row in table(inputs, "counterfactuals").to_dict("records"):
        keys = [f"kpi_change_{end}" for end in ("mean", "q05", "q95")]
        keys += ["kpi_share", *(f"outcome_change_{end}" for end in ("mean", "q05", "q95")), "spend_change"]
        assert values(rows[row["name"]]) == [row[key] for key in keys]


def test_scenarios_equal_their_summaries(inputs: ReportInputs, report: Report) -> None:
    rows = report.rows("scenarios")
    for each in inputs.scenarios:
        title = each.name.replace("_", " ").capitalize()
        numbers = [each.total_optimal, each.outcome_optimal, each.roi_optimal, each.lift_mean, each.lift_q05]
        numbers += [each.lift_q95, each.probability_better, each.probability_better_than_same_mix]
        assert values(rows[title])[1:] == [*numbers, each.objective_gap]
        assert rows[title][0].text == "largest outcome"
    assert rows["Budget minus 20 percent"][-1].text == "–"


def test_the_matrix_has_every_pair(inputs: ReportInputs, report: Report) -> None:
    rows = report.tables["comparison"]
    titles = [cell.text for cell in rows[0][1:]]
    shown = {(row[0].text, other): cell for row in rows[1:] for other, cell in zip(titles, row[1:], strict=True)}
    for row in table(inputs, "comparison").to_dict("records"):
        pair = tuple(row[key].replace("_", " ").capitalize() for key in ("scenario", "other"))
        assert shown[pair].value == row["probability_better"]
    assert all(shown[title, title].value is None for title in titles)


def test_limits_that_bind_come_first_and_say_what_they_cost(inputs: ReportInputs, report: Report) -> None:
    rows = report.tables["limits:current_budget"][1:]
    prices = table(inputs, "shadow_prices")
    prices = prices[prices["scenario"] == "current_budget"].set_index("limit")
    names = [row[0].text for row in rows]
    assert names[0] == "total budget"
    binds = [bool(prices.loc[name, "binding"]) for name in names]
    assert binds == sorted(binds, reverse=True)
    for row in rows:
        wanted = prices.loc[row[0].text]
        assert values(row[1:5]) == [wanted[key] for key in ("low", "high", "spend", "shadow_price")]
    assert rows[0][5].text == "One more USD of budget would bring 1.37 USD."
    words = {row[0].text: row[5].text for row in rows}
    assert words["tv"] == "One more USD allowed for tv would bring 0.41 USD."
    assert words["paid_search"] == "One USD less required for paid_search would bring 0.23 USD."
    assert words["social"] == "does not bind"


@pytest.mark.parametrize(("objective", "unit"), [("kpi", "conversions"), ("profit", "of the objective")])
def test_prices_are_in_the_unit_of_the_objective(inputs: ReportInputs, objective: str, unit: str) -> None:
    scenarios = tuple(replace(each, objective=objective) for each in inputs.scenarios)
    rows = Report(render_report(replace(inputs, scenarios=scenarios))).rows("limits:current_budget")
    assert rows["total budget"][-1].text == f"One more USD of budget would bring 1.37 {unit}."


def test_spend_beyond_the_data_is_flagged_with_the_number_of_geos(inputs: ReportInputs, report: Report) -> None:
    plan = inputs.budget_plan
    for (scenario, channel), part in plan.groupby(["scenario", "channel"]):
        cell = report.rows(f"budget:{scenario}")[str(channel)][-1]
        flagged = int(part["extrapolated"].sum())
        assert cell.value == (flagged or None)
        assert cell.text == (f"in {flagged} geos" if flagged else "")


def test_saturation_equals_its_table_and_is_marked_on_the_curves(inputs: ReportInputs, report: Report) -> None:
    saturation = table(inputs, "saturation")
    rows = report.rows("saturation")
    keys = ["spend_per_week", *(f"saturation_{end}" for end in ("mean", "q05", "q95")), "half_spend"]
    for row in saturation.to_dict("records"):
        assert values(rows[row["channel"]]) == [row[key] for key in (*keys, "saturation_spend")]
    spend = inputs.channel_summary.set_index("channel")["spend"]
    marks = {
        element.attributes["data-tip"].split(":")[0]: element.value
        for element in report.all("path")
        if "half of the largest outcome" in element.attributes.get("data-tip", "")
    }
    for row in saturation.to_dict("records"):
        assert marks[row["channel"]] == pytest.approx(
            row["half_spend"] / row["spend_per_week"] * spend[row["channel"]], rel=1e-9
        )


def test_marginal_curves_tell_the_slope_at_current_spend(inputs: ReportInputs, report: Report) -> None:
    now = inputs.pooled_curves[inputs.pooled_curves["multiplier"] == 1.0]
    marked = [element.value for element in report.all("text") if element.text.startswith("now ")]
    assert [value for value in marked if value is not None] == now["marginal_mean"].tolist()


def test_the_best_frequency_is_marked(inputs: ReportInputs, report: Report) -> None:
    frequency = table(inputs, "frequency")
    marked = [element.value for element in report.all("text") if element.text.startswith("best ")]
    assert marked == frequency.loc[frequency["optimal"], "frequency"].tolist()


def test_forecasts_are_drawn_per_plan_and_added_up(inputs: ReportInputs, report: Report) -> None:
    forecast = table(inputs, "forecast")
    rows = report.rows("forecast")
    for scenario, part in forecast[forecast["geo"] == "all"].groupby("scenario"):
        sums = [part[key].sum() for key in ("spend", "kpi_mean", "baseline_mean", "media_mean")]
        assert values(rows[str(scenario).replace("_", " ").capitalize()]) == pytest.approx(sums, rel=1e-12)
    dashed = [element for element in report.all("path") if "dashed" in element.attributes.get("class", "")]
    assert len(dashed) == 2  # both scenarios are compared with the current plan, which is not


def test_the_scenario_that_keeps_the_budget_comes_first_wherever_one_is_chosen(inputs: ReportInputs) -> None:
    tables = {name: frame.iloc[::-1] for name, frame in inputs.decisions.present().items() if "scenario" in frame}
    turned = replace(
        inputs, budget_plan=inputs.budget_plan.iloc[::-1], decisions=replace(inputs.decisions, **tables)
    )
    report = Report(render_report(turned))
    chosen = [
        element.attributes["data-name"] for element in report.all("div") if "data-name" in element.attributes
    ]
    scenarios = [name for name in chosen if name in ("Current budget", "Budget minus 20 percent")]
    assert scenarios == ["Current budget", "Budget minus 20 percent"] * 3  # spend, limits, weeks


def test_a_scenario_alone_is_not_compared() -> None:
    inputs = decided_inputs(2, 20)
    plan = inputs.budget_plan[inputs.budget_plan["scenario"] == "current_budget"]
    alone = replace(inputs, budget_plan=plan, scenarios=summaries_of(replace(inputs, budget_plan=plan)))
    report = Report(render_report(replace(alone, decisions=DecisionTables())))
    assert list(report.rows("scenarios")) == ["Current budget"]
    assert not any("Lift" in svg.attributes.get("aria-label", "") for svg in report.all("svg"))


def test_a_channel_that_returned_nothing_has_gaps_and_no_crash(inputs: ReportInputs) -> None:
    periods = table(inputs, "periods").copy()
    returns = [column for column in periods.columns if "roi" in column or "cpik" in column]
    periods.loc[(periods["channel"] == "tv") & (periods["period"] == "2024-Q1"), returns] = np.nan
    report = Report(render_report(replace(inputs, decisions=replace(inputs.decisions, periods=periods))))
    assert [cell.text for cell in report.rows("periods:all:2024-Q1")["tv"]][3:] == ["–"] * 7


def test_forty_geos_over_three_years_stay_below_five_megabytes_and_a_page_below_one() -> None:
    large = decided_inputs(40, 156)
    text = render_report(large, {f"Geo{g}": f"geos/Geo{g}.html" for g in range(40)})
    assert len(text.encode()) < 3.5e6
    assert len(render_geo_report(large, "Geo7", geo_curve_frame(large)).encode()) < 0.5e6


def test_what_users_write_stays_text() -> None:
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(1)">'
    inputs = decided_inputs(2, 20)
    tables = {name: frame.copy() for name, frame in inputs.decisions.present().items()}
    for frame in tables.values():
        for column in ("name", "period", "scenario", "other", "limit", "channels"):
            if column in frame:
                frame[column] = frame[column].astype(str) + evil
    report = Report(render_report(replace(inputs, decisions=DecisionTables(**tables)), {evil: "geos/a.html"}))
    assert report.all("img") == []
    assert all(not name.startswith("on") for element in report.elements for name in element.attributes)
