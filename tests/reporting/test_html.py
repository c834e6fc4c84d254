import json
import re

import numpy as np
import pandas as pd
import pytest

from mmm_core.errors import StorageError
from mmm_core.quality.check import CheckResult
from mmm_core.reporting.html import SECTIONS, render_report
from mmm_core.reporting.inputs import ReportInputs, Totals
from mmm_core.reporting.sections.panels import MAX_GEOS
from tests.reporting.frames import CHANNELS, made_up_inputs, scenario_summaries
from tests.reporting.parsed import Element, Report, shown_number

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(1)">'


def parsed(inputs: ReportInputs) -> Report:
    return Report(render_report(inputs))


def section(report: Report, name: str) -> Element:
    return next(element for element in report.all("section") if element.attributes["id"] == name)


def panel_data(report: Report) -> dict[str, dict[str, object]]:
    figures = [element for element in report.all("figure") if "data-panels" in element.attributes]
    scripts = [element for element in report.all("script") if element.attributes.get("type")]
    return {
        figure.attributes["data-panels"]: json.loads(script.text)
        for figure, script in zip(figures, scripts, strict=True)
    }


def test_the_report_is_well_formed_and_has_every_section_and_link() -> None:
    report = parsed(made_up_inputs())
    assert [element.attributes["id"] for element in report.all("section")] == [name for name, _ in SECTIONS]
    links = [element.attributes["href"] for element in report.all("a")]
    assert links == [f"#{name}" for name, _ in SECTIONS]
    identifiers = [element.attributes["id"] for element in report.elements if "id" in element.attributes]
    assert len(identifiers) == len(set(identifiers))


def test_the_report_needs_nothing_from_outside() -> None:
    text = render_report(made_up_inputs())
    report = Report(text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "url(" not in text
    assert "@import" not in text
    for element in report.elements:
        assert "src" not in element.attributes
        assert element.attributes.get("href", "#").startswith("#")
        assert element.tag not in ("link", "iframe", "object", "embed", "base", "form")
    policy = next(e for e in report.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_forty_geos_over_four_years_stay_well_below_five_megabytes() -> None:
    text = render_report(made_up_inputs(40, 208, CHANNELS))
    assert len(text.encode()) < 3.5e6


def test_equal_inputs_give_equal_text() -> None:
    assert render_report(made_up_inputs(2, 20)) == render_report(made_up_inputs(2, 20))


def test_returns_equal_the_export() -> None:
    inputs = made_up_inputs()
    rows = parsed(inputs).rows("roi")
    assert list(rows) == inputs.channel_summary.sort_values("roi_mean", ascending=False)["channel"].tolist()
    keys = ["spend", "roi_mean", "roi_q05", "roi_q95", "mroi_mean", "mroi_q05", "mroi_q95"]
    for record in inputs.channel_summary.to_dict("records"):
        assert [cell.value for cell in rows[record["channel"]]] == [record[key] for key in keys]


def test_contributions_equal_the_export() -> None:
    inputs = made_up_inputs()
    rows = parsed(inputs).rows("contributions")
    for record in inputs.channel_summary.to_dict("records"):
        keys = ["contribution_mean", "contribution_q05", "contribution_q95", "share"]
        assert [cell.value for cell in rows[record["channel"]][1:]] == [record[key] for key in keys]
    total = inputs.contributions["mean"].sum()
    for component in ("price_index", "seasonality", "baseline"):
        expected = inputs.contributions.loc[inputs.contributions["component"] == component, "mean"].sum()
        assert rows[component][1].value == pytest.approx(expected, rel=1e-12)
        assert rows[component][4].value == pytest.approx(expected / total, rel=1e-12)
    assert rows["Fitted total"][1].value == pytest.approx(total, rel=1e-12)
    shares = [rows[name][4].value or 0.0 for name in rows if name != "Fitted total"]
    assert sum(shares) == pytest.approx(1.0)


def test_budgets_equal_the_export() -> None:
    inputs = made_up_inputs()
    report = parsed(inputs)
    plan = inputs.budget_plan
    for scenario in plan["scenario"].unique():
        rows = report.rows(f"budget:{scenario}")
        for name in [*inputs.channels, "Total"]:
            part = plan[(plan["scenario"] == scenario) & ((plan["channel"] == name) | (name == "Total"))]
            now, best, outcome, expected = (
                part[key].sum() for key in ("current_spend", "optimal_spend", "current_outcome", "optimal_outcome")
            )
            shown = [cell.value for cell in rows[name]]
            wanted = [now, best, best / now - 1, outcome, expected, expected / outcome - 1]
            assert shown == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_diagnostics_equal_the_export() -> None:
    inputs = made_up_inputs()
    shown = {
        element.attributes["data-diagnostic"]: element.value
        for element in parsed(inputs).all("dd")
        if "data-diagnostic" in element.attributes
    }
    numbers = {key: value for key, value in inputs.diagnostics.items() if isinstance(value, int | float)}
    assert shown == numbers


def test_every_text_is_its_exact_value_up_to_rounding() -> None:
    report = parsed(made_up_inputs(scenarios=scenario_summaries(), truth_roi={"tv": 1.7, "social": 4.25}))
    compared = 0
    for element in report.elements:
        if element.value is None or (shown := shown_number(element.text)) is None:
            continue
        number, half = shown
        assert abs(number - element.value) <= max(1.001 * half, 0.0051 * abs(element.value)), element
        compared += 1
    assert compared > 300


def test_charts_and_tooltips_show_the_weekly_values_of_every_geo() -> None:
    inputs = made_up_inputs(3, 20)
    data = panel_data(parsed(inputs))
    fit = data["fit"]
    assert fit["dates"][0] == "2023-01-02"
    assert len(fit["panels"]) == 4
    geo = inputs.fit[inputs.fit["geo"] == "Geo1"]
    np.testing.assert_allclose(fit["panels"][2], geo[["actual", "predicted_mean", "q05", "q95"]].T, rtol=6e-4)
    np.testing.assert_allclose(fit["panels"][0][0], inputs.fit.groupby("date")["actual"].sum(), rtol=6e-4)
    stack = data["contributions"]
    assert stack["labels"] == ["Base (without media)", *inputs.channels, "Fitted total"]
    table = inputs.contributions[inputs.contributions["geo"] == "Geo1"]
    tv = table.loc[table["component"] == "tv", "mean"]
    np.testing.assert_allclose(stack["panels"][2][1], tv, rtol=6e-4)
    base = table[table["kind"] != "media"].groupby("date")["mean"].sum()
    np.testing.assert_allclose(stack["panels"][2][0], base, rtol=6e-4)
    np.testing.assert_allclose(stack["panels"][2][-1], table.groupby("date")["mean"].sum(), rtol=6e-4)


def test_a_geo_can_be_chosen_and_each_has_its_chart() -> None:
    report = parsed(made_up_inputs(3, 20))
    options = [element.text for element in report.all("option")]
    assert options == ["All 3 geos", "Geo0", "Geo1", "Geo2"] * 2
    assert len(report.all("template")) == 6


def test_a_long_data_version_is_cut_but_can_be_read_in_full() -> None:
    version = "0123456789abcdef" * 4
    report = parsed(made_up_inputs(1, 20, data_version=version))
    cut = next(element for element in report.all("dd") if element.text == "0123456789ab…")
    assert cut.attributes["title"] == version


def test_a_national_panel_has_no_list_of_geos() -> None:
    report = parsed(made_up_inputs(1, 20, geos=("national",)))
    assert report.all("select") == []
    assert report.all("template") == []


def test_only_the_largest_of_very_many_geos_can_be_chosen() -> None:
    inputs = made_up_inputs(MAX_GEOS + 5, 8, CHANNELS[:2])
    report = parsed(inputs)
    sizes = inputs.fit.groupby("geo")["actual"].sum().sort_values()
    shown = {element.text for element in report.all("option")}
    assert shown == {f"All {MAX_GEOS + 5} geos", *sizes.index[5:]}
    assert f"The {MAX_GEOS} largest of {MAX_GEOS + 5} geos" in section(report, "fit").text
    total = panel_data(report)["contributions"]["panels"][0][-1]
    np.testing.assert_allclose(total, inputs.contributions.groupby("date")["mean"].sum(), rtol=6e-4)


def test_without_the_draws_the_total_has_no_band_and_says_why() -> None:
    report = parsed(made_up_inputs(3, 20, totals=Totals()))
    assert "Intervals of geos do not add up" in section(report, "fit").text
    assert panel_data(report)["fit"]["panels"][0][2] == [None] * 20
    assert "90% interval" not in section(report, "summary").text.split("returned the most")[0]


def test_whatever_users_write_stays_text() -> None:
    names = (EVIL, 'a" onmouseover="alert(1)', "tv & radio", "'quoted'", "$x_1$ {{ 7 * 7 }}")
    inputs = made_up_inputs(
        2,
        20,
        names,
        geos=(EVIL, "b' onclick='alert(1)"),
        title=EVIL,
        project=EVIL,
        currency="<i>",
        kpi_name=EVIL,
        data_version=EVIL,
        generated_at=EVIL,
        attempts=(EVIL, EVIL),
        config={EVIL: (EVIL, EVIL)},
        checks=(
            (EVIL, CheckResult(EVIL, False, "error", EVIL, table=({EVIL: EVIL},))),
            (f"raw_panel[{EVIL}]", CheckResult(EVIL, False, "warn", EVIL, table=({EVIL: EVIL},))),
        ),
        truth_roi={EVIL: 1.0},
    )
    inputs.change_log["rule"] = EVIL
    inputs.change_log["before"] = EVIL
    inputs.budget_plan["scenario"] = EVIL
    inputs.contributions.loc[inputs.contributions["kind"] == "control", "component"] = EVIL
    report = parsed(inputs)
    assert len(report.all("script")) == 3
    assert report.all("img") == []
    assert all(not name.startswith("on") for element in report.elements for name in element.attributes)
    assert report.all("h1")[0].text == EVIL
    assert "{{ 7 * 7 }}" in section(report, "returns").text
    assert EVIL in report.rows("roi")
    assert panel_data(report)["contributions"]["labels"][1] == EVIL


def test_a_blocked_fit_says_so_first() -> None:
    check = CheckResult(
        "rhat", False, "error", "Largest R-hat is 1.4 (roi_m[tv]), above 1.01. Draw more.", 1.4, 1.01
    )
    report = parsed(made_up_inputs(2, 20, checks=(("posterior", check),)))
    state = next(element for element in report.elements if "data-state" in element.attributes)
    assert (state.attributes["data-state"], state.text) == ("blocked", "Blocked by 1 check")
    alert = next(element for element in report.elements if element.attributes.get("role") == "alert")
    assert "Do not use these numbers" in alert.text
    assert "Draw more." in alert.text
    row = report.tables["checks"][1]
    assert [cell.text for cell in row] == ["posterior", "rhat", "blocks", "1.4", "1.01", check.message]
    assert [row[3].value, row[4].value] == [1.4, 1.01]


def test_an_accepted_fit_says_so() -> None:
    report = parsed(made_up_inputs(2, 20, checks=()))
    assert [e.text for e in report.elements if "data-state" in e.attributes] == ["Accepted: all checks passed"]
    assert "warning" not in section(report, "summary").text


def test_the_fallback_backend_is_named_with_what_was_tried() -> None:
    inputs = made_up_inputs(2, 20)
    attempts = ("meridian: largest R-hat 1.4", "meridian, longer: largest R-hat 1.3", "pymc: converged")
    text = section(
        parsed(made_up_inputs(2, 20, diagnostics={**inputs.diagnostics, "backend": "pymc"}, attempts=attempts)),
        "summary",
    ).text
    assert "fitted with pymc, not with meridian" in text
    assert all(attempt in text for attempt in attempts)
    assert "not with meridian" not in section(parsed(inputs), "summary").text


def test_the_summary_names_best_and_worst_channel_the_plan_and_wide_intervals() -> None:
    inputs = made_up_inputs(2, 20, scenarios=scenario_summaries())
    wide = inputs.channel_summary.copy()
    wide.loc[wide["channel"] == "audio", "roi_q95"] = 9.0
    text = " ".join(section(parsed(made_up_inputs(2, 20, channel_summary=wide)), "summary").text.split())
    assert re.search(r"paid_search returned the most: 2\.94 USD per USD.1 spent", text)
    assert "display the least: 0.58" in text
    assert "The ROI of audio is known only roughly" in text
    text = " ".join(section(parsed(inputs), "summary").text.split())
    assert "known only roughly" not in text
    assert "less for display" in text
    assert "better than now with 98% probability" in text


def test_without_revenue_returns_are_in_kpi_units_and_there_is_no_break_even() -> None:
    report = parsed(made_up_inputs(2, 20, has_revenue=False))
    text = section(report, "returns").text
    assert "conversions per USD spent" in text
    assert "break-even" not in text
    assert "reference" not in [element.attributes.get("class") for element in report.all("line")]


def test_known_truth_is_shown_beside_the_estimates() -> None:
    rows = parsed(made_up_inputs(2, 20, truth_roi={"tv": 1.7, "paid_search": 9.0})).rows("roi")
    assert [rows[name][-1].text for name in ("tv", "paid_search", "social")] == ["yes", "no", "–"]
    assert rows["tv"][-2].value == 1.7


def test_a_channel_without_spend_has_dashes_and_does_not_count_as_worst() -> None:
    summary = made_up_inputs(2, 20).channel_summary
    returns = [column for column in summary.columns if "roi" in column]
    summary.loc[summary["channel"] == "social", returns] = np.nan
    report = parsed(made_up_inputs(2, 20, channel_summary=summary, truth_roi={"social": 1.0}))
    cells = report.rows("roi")["social"]
    assert [cell.text for cell in cells[1:7]] == ["–"] * 6
    assert cells[-1].text == "–"
    assert "display the least" in section(report, "summary").text


def test_at_most_two_hundred_changes_are_listed_and_all_are_counted() -> None:
    report = parsed(made_up_inputs())
    assert len(report.tables["changes"]) == 201
    counts = {row[0].text: row[2].value for row in report.tables["change_totals"][1:]}
    assert sum(value or 0 for value in counts.values()) == 230
    assert "First 200 of 230 changes" in section(report, "data").text


def test_data_without_changes_or_checks_gives_a_report_too() -> None:
    inputs = made_up_inputs(1, 20)
    empty = inputs.change_log.head(0)
    no_plan = inputs.budget_plan.head(0)
    report = parsed(
        made_up_inputs(1, 20, change_log=empty, checks=(), budget_plan=no_plan, attempts=(), config={})
    )
    assert "Nothing was changed" in section(report, "data").text
    assert "No scenario was planned" in section(report, "budget").text


def test_what_cleaning_refused_stands_in_the_data_quality() -> None:
    inputs = made_up_inputs(1, 20)
    refused = CheckResult("cleaning", False, "error", "Geo North has no whole week; give more days.")
    report = parsed(made_up_inputs(1, 20, checks=(*inputs.checks, ("clean_panel[North]", refused))))
    shown = section(report, "data").text
    assert "cleaning" in shown
    assert "no whole week; give more days." in shown
    assert "1 blocked" in shown


def test_settings_are_listed_with_their_origin() -> None:
    rows = parsed(made_up_inputs(1, 20)).rows("config")
    assert [cell.text for cell in rows["model.backend"]] == ["meridian", "default"]
    assert rows["tracking.tracking_uri"][0].text == "null"
    assert rows["model.priors.roi_bounds"][0].text == "{tv: [0.5, 3.0]}"


@pytest.mark.parametrize(
    ("field", "column"),
    [("contributions", "kind"), ("fit", "q05"), ("pooled_curves", "multiplier"), ("change_log", "rule")],
)
def test_inputs_that_lack_a_column_are_refused(field: str, column: str) -> None:
    table: pd.DataFrame = getattr(made_up_inputs(1, 20), field)
    with pytest.raises(StorageError, match=column):
        made_up_inputs(1, 20, **{field: table.drop(columns=column)})


def test_inputs_without_a_diagnostic_are_refused() -> None:
    with pytest.raises(StorageError, match="r2"):
        made_up_inputs(1, 20, diagnostics={"backend": "pymc"})
