"""One page per geo: its numbers are the tables' rows of this geo."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.errors import StorageError
from mmm_core.quality.check import CheckResult
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.geo_page import render_geo_report
from mmm_core.reporting.geo_pages import geo_page_addresses, geo_page_names, write_geo_reports
from mmm_core.reporting.html import render_report
from mmm_core.reporting.inputs import ReportInputs
from tests.reporting.decision_frames import geo_curve_frame
from tests.reporting.frames import decided_inputs, made_up_inputs
from tests.reporting.parsed import Report, shown_number

GEO = "Geo1"


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    return decided_inputs(4, 104)


@pytest.fixture(scope="module")
def page(inputs: ReportInputs) -> Report:
    return Report(render_geo_report(inputs, GEO, geo_curve_frame(inputs), "report.html"))


def sections(page: Report) -> list[str]:
    return [element.attributes["id"] for element in page.all("section")]


def test_the_page_has_every_section_and_a_way_back(page: Report) -> None:
    assert sections(page) == ["fit", "contributions", "returns", "curves", "budget", "data"]
    assert page.all("h1")[0].text == "Media mix, autumn refresh: Geo1"
    assert [link.attributes["href"] for link in page.all("a")] == [
        "report.html",
        *(f"#{s}" for s in sections(page)),
    ]


def test_numbers_of_the_page_are_those_of_the_geo(inputs: ReportInputs, page: Report) -> None:
    periods = inputs.decisions.present()["periods"]
    own = periods[periods["geo"] == GEO]
    for row in own[own["kind"] == "total"].to_dict("records"):
        keys = ["spend", *(f"{name}_{end}" for name in ("roi", "mroi") for end in ("mean", "q05", "q95"))]
        assert [cell.value for cell in page.rows("roi")[row["channel"]]] == [row[key] for key in keys]
    contributions = inputs.contributions[inputs.contributions["geo"] == GEO]
    shown = page.rows("contributions")
    for component, mean in contributions.groupby("component")["mean"].sum().items():
        assert shown[str(component)][1].value == pytest.approx(mean, rel=1e-12)
    assert shown["Fitted total"][1].value == pytest.approx(contributions["mean"].sum(), rel=1e-12)
    plan = inputs.budget_plan[(inputs.budget_plan["geo"] == GEO)]
    for row in plan.to_dict("records"):
        cells = page.rows(f"budget:{row['scenario']}")[row["channel"]]
        assert [cells[0].value, cells[1].value] == [row["current_spend"], row["optimal_spend"]]
        assert cells[-1].text == ("yes" if row["extrapolated"] else "")
    assert {name for name in page.tables if name.startswith("periods:")} == {
        f"periods:{GEO}:{period}" for period in own.loc[own["kind"].isin(["year", "window"]), "period"]
    }
    marginal = [element.value for element in page.all("text") if element.text.startswith("now ")]
    curves = geo_curve_frame(inputs)
    wanted = curves[(curves["geo"] == GEO) & (curves["multiplier"] == 1.0)]["marginal_mean"].tolist()
    assert [value for value in marginal if value is not None] == wanted


def test_every_text_is_its_exact_value_up_to_rounding(page: Report) -> None:
    compared = 0
    for element in page.elements:
        if element.value is None or (shown := shown_number(element.text)) is None:
            continue
        number, half = shown
        assert abs(number - element.value) <= max(1.001 * half, 0.0051 * abs(element.value)), element
        compared += 1
    assert compared > 150


def test_the_sentence_about_the_fit_is_computed_from_the_geos_rows(inputs: ReportInputs, page: Report) -> None:
    fit = inputs.fit[inputs.fit["geo"] == GEO]
    lead = next(element for element in page.all("p") if "the predictions miss by" in element.text)
    numbers = [element for element in page.elements if element.tag == "b" and element.text in lead.text]
    error = (fit["actual"] - fit["predicted_mean"]).abs().sum() / fit["actual"].sum()
    inside = fit["actual"].between(fit["q05"], fit["q95"]).mean()
    shown = [element.value for element in numbers if element.value is not None]
    assert np.isclose(shown, error).any()
    assert np.isclose(shown, inside).any()


def test_only_the_geos_own_checks_and_changes_are_listed() -> None:
    inputs = made_up_inputs(3, 20)
    failed = CheckResult("schema", False, "warn", "Geo1 has no spend in week 3; add it.")
    other = CheckResult("schema", False, "warn", "Geo11 is odd; look at it.")
    checks = (("raw_panel[Geo1]", failed), ("raw_panel[Geo11]", other), *inputs.checks)
    page = Report(render_geo_report(made_up_inputs(3, 20, checks=checks), GEO))
    text = next(element.text for element in page.all("section") if element.attributes["id"] == "data")
    assert "Geo1 has no spend" in text
    assert "Geo11 is odd" not in text
    assert {row[0].text for row in page.tables["changes"][1:]} == {GEO}


def test_a_blocked_fit_says_so_on_every_page() -> None:
    check = CheckResult("rhat", False, "error", "Largest R-hat is 1.4. Draw more.", 1.4, 1.01)
    page = Report(render_geo_report(made_up_inputs(2, 20, checks=(("posterior", check),)), GEO))
    assert any("Do not use these numbers" in element.text for element in page.all("div"))


def test_without_periods_and_curves_their_sections_are_left_out(inputs: ReportInputs) -> None:
    bare = replace(inputs, decisions=DecisionTables(), budget_plan=inputs.budget_plan.head(0))
    assert sections(Report(render_geo_report(bare, GEO))) == ["fit", "contributions", "data"]


def test_spend_comes_from_the_curves_where_there_are_no_periods(inputs: ReportInputs) -> None:
    curves = geo_curve_frame(inputs)
    bare = replace(inputs, decisions=DecisionTables())
    page = Report(render_geo_report(bare, GEO, curves))
    spend = curves.loc[(curves["geo"] == GEO) & (curves["multiplier"] == 1.0), "spend"].sum()
    big = [element.value for element in page.elements if element.attributes.get("class") == "big"]
    assert any(value == pytest.approx(spend) for value in big)


def test_a_geo_without_spend_or_observations_has_a_page(inputs: ReportInputs) -> None:
    curves = geo_curve_frame(inputs)
    curves.loc[(curves["geo"] == GEO) & (curves["channel"] == "tv"), ["spend", "outcome_mean", "q05", "q95"]] = 0.0
    plan = inputs.budget_plan.copy()
    here = (plan["geo"] == GEO) & (plan["channel"] == "tv")
    plan.loc[here, ["current_spend", "optimal_spend", "current_outcome", "optimal_outcome"]] = 0.0
    fit = inputs.fit.copy()
    fit.loc[fit["geo"] == GEO, "actual"] = np.nan
    page = Report(render_geo_report(replace(inputs, budget_plan=plan, fit=fit), GEO, curves))
    assert "Nothing was observed here." in next(e.text for e in page.all("section") if e.attributes["id"] == "fit")
    assert page.rows("budget:current_budget")["tv"][2].text == "–"


def test_an_unknown_geo_is_refused_with_the_known_ones(inputs: ReportInputs) -> None:
    with pytest.raises(StorageError, match="No page for geo Atlantis: the fit has Geo0, Geo1"):
        render_geo_report(inputs, "Atlantis")


def test_the_report_links_to_every_page_and_back(inputs: ReportInputs, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(render_report(inputs, geo_page_addresses(inputs.geos)), encoding="utf-8")
    written = write_geo_reports(tmp_path / "geos", inputs, geo_curve_frame(inputs))
    report = Report((tmp_path / "report.html").read_text(encoding="utf-8"))
    links = {link.text: link.attributes["href"] for link in report.all("a") if "#" not in link.attributes["href"]}
    assert links == {geo: f"geos/{geo}.html" for geo in inputs.geos}
    assert [path.relative_to(tmp_path).as_posix() for path in written] == list(links.values())
    for path in written:
        back = Report(path.read_text(encoding="utf-8")).all("a")[0].attributes["href"]
        assert (path.parent / back).resolve() == (tmp_path / "report.html").resolve()


@given(st.lists(st.text(min_size=1, max_size=80), unique=True, max_size=8))
def test_names_of_pages_are_safe_and_different(geos: list[str]) -> None:
    names = geo_page_names(geos)
    assert list(names) == geos
    assert len({name.lower() for name in names.values()}) == len(geos)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+\.html", name) for name in names.values())
    assert all(len(name) < 80 for name in names.values())
