import re
from dataclasses import replace

import pytest

from mmm_core.config.schema import Config
from mmm_core.intake.report import CLEAN, RAW, GeoReport, build_geo_report, report_of
from mmm_core.quality.check import CheckResult
from mmm_core.reporting.validation_page import render_validation
from tests.panels import MAPPING, config, panel, source_rows
from tests.reporting.parsed import Report

EVIL = "<script>alert('x')</script> & \"quotes\" \N{LATIN SMALL LETTER E WITH ACUTE}/\\ \u202e"
PASSED = CheckResult("schema", True, "error", "fine")
WARNED = CheckResult("missing_values", False, "warn", "7 cells are empty; fill them.", 7, 0, ({"column": "tv"},))
BLOCKED = CheckResult("coverage", False, "error", "10 weeks; 52 are needed.", 10, 52)


def report(geo: str, *results: CheckResult, clean: tuple[CheckResult, ...] = ()) -> GeoReport:
    stages = {RAW: (PASSED, *results)} | ({CLEAN: clean} if clean else {})
    return report_of(geo, "orders.csv", stages, Config.model_validate({}))


REPORTS = [
    report("North", clean=(replace(PASSED, name="outliers"),)),
    report("South", WARNED, clean=(replace(WARNED, name="outliers"),)),
    report("West", BLOCKED),
]


def page(reports: list[GeoReport] = REPORTS, **more: object) -> Report:
    source = more.pop("source", ())
    return Report(render_validation(reports, source, "demo", **more))  # type: ignore[arg-type]


def matrix(document: Report) -> dict[str, list[str]]:
    """Geo -> texts of its cells."""
    return {row[0].text: [cell.text for cell in row[1:]] for row in document.tables["matrix"][2:]}


def test_every_geo_and_check_has_a_sign_that_needs_no_colour() -> None:
    document = page()
    checks = [cell.text for cell in document.tables["matrix"][1][2:]]
    assert checks == ["schema", "coverage", "missing_values", "outliers"]
    assert matrix(document) == {
        "North": ["1.00", "✓", "·", "·", "✓"],
        "South": [f"{REPORTS[1].score:.2f}", "✓", "·", "!", "!"],
        "West": ["0.50", "✓", "✕", "·", "·"],
    }
    row = document.tables["matrix"][4]
    assert row[1].value == REPORTS[2].score
    assert row[1].attributes["title"] == "lost: coverage 0.50"
    assert [cell.attributes["class"] for cell in row[2:]] == ["p", "b", "n", "n"]


def test_failures_stand_in_full_the_worst_geo_first() -> None:
    document = page()
    geos = [element for element in document.elements if element.attributes.get("class") == "geo"]
    assert [element.attributes["data-geo"] for element in geos] == ["2", "1"]
    assert "10 weeks; 52 are needed." in geos[0].text
    assert "score 0.50; lost: coverage 0.50" in geos[0].text
    assert "7 cells are empty; fill them." in geos[1].text
    links = {element.attributes.get("href") for element in document.elements if element.tag == "a"}
    assert {"#geo-1", "#geo-2"} <= links
    assert "#geo-0" not in links


def test_what_cleaning_refuses_stands_among_the_clean_weeks_in_full() -> None:
    rows = source_rows(8, start="2023-01-04", step_days=1)
    loose = dict.fromkeys(("coverage", "missing_weeks", "validation_score"), "warn")
    settings = config(validation={"severities": loose})
    refused = build_geo_report(panel(rows), MAPPING, settings, "orders.csv")
    document = page([*REPORTS, refused])
    checks = [cell.text for cell in document.tables["matrix"][1][2:]]
    assert matrix(document)["North"]  # of the same name: the last row is the refused one
    cells = [cell.text for cell in document.tables["matrix"][-1][2:]]
    assert cells[checks.index("cleaning")] == "✕"
    geos = [element for element in document.elements if element.attributes.get("class") == "geo"]
    assert any("cleaning" in geo.text and "no whole week" in geo.text for geo in geos)
    totals = {row[0].text: row[3].text for row in document.tables["check_totals"][1:]}
    assert totals["cleaning"] == "1"


def test_checks_are_summed_up_over_geos() -> None:
    rows = [[cell.text for cell in row] for row in page().tables["check_totals"][1:]]
    assert [row[:4] for row in rows] == [
        ["coverage", "Rows of the source", "1", "1"],
        ["missing_values", "Rows of the source", "1", "0"],
        ["outliers", "Clean weeks", "1", "0"],
    ]
    lost = sum(1 - item.score for item in REPORTS) / len(REPORTS)
    values = [cell.value or 0 for row in page().tables["check_totals"][1:] for cell in row[4:5]]
    assert sum(values) == pytest.approx(lost)


@pytest.mark.parametrize(
    ("reports", "source", "state"),
    [
        (REPORTS, (), "blocked"),
        (REPORTS[:2], (), "warned"),
        (REPORTS[:1], (PASSED,), "accepted"),
        (REPORTS[:1], (replace(WARNED, name="geo_ranges"),), "warned"),
        (REPORTS[:1], (replace(BLOCKED, name="rollup_geos"),), "blocked"),
        ([], (), "accepted"),
    ],
)
def test_state_is_that_of_the_worst_finding(
    reports: list[GeoReport], source: tuple[CheckResult, ...], state: str
) -> None:
    document = page(reports, source=source)
    assert [
        e.attributes["data-state"] for e in document.elements if e.tag == "span" and "data-state" in e.attributes
    ] == [state]


def test_findings_about_the_source_stand_above_the_geos() -> None:
    rollup = replace(BLOCKED, name="rollup_geos", message="All counts twice.", table=({"geo": "All"},))
    text = render_validation(REPORTS, [rollup, PASSED], "demo", notes=["3 rows were left out."])
    assert text.index("All counts twice.") < text.index('data-table="matrix"')
    assert "3 rows were left out." in text
    assert "failed:source_snapshot:rollup_geos" in Report(text).tables
    assert 'id="source"' not in render_validation(REPORTS, [], "demo")


def test_one_geo_alone_shows_its_passed_checks_too() -> None:
    document = page(REPORTS[1:2])
    assert [row[1].text for row in document.tables["passed"][1:]] == ["schema"]
    assert "Data validation: South" in next(e.text for e in document.elements if e.tag == "h1")
    assert "passed" not in page().tables


def test_what_comes_from_outside_is_escaped() -> None:
    table = ({EVIL: EVIL},)
    bad = replace(WARNED, name="missing_values", message=EVIL, table=table)
    text = render_validation(
        [replace(report(EVIL, bad), origin=EVIL), report("B")], [bad], EVIL, generated_at=EVIL, notes=[EVIL]
    )
    assert "alert('x')</script>" not in text
    assert text.count("<script>") == 1
    document = Report(text)
    assert EVIL in matrix(document)
    assert EVIL in next(element.text for element in document.elements if element.tag == "dd")


def test_page_needs_nothing_from_elsewhere_and_is_always_the_same() -> None:
    text = render_validation(REPORTS, [], "demo")
    assert text == render_validation(REPORTS, [], "demo")
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", text)
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "default-src 'none'" in text


def test_a_thousand_geos_stay_light() -> None:
    table = tuple(
        {"week": f"2023-01-{day:02d}", "value": day * 1.5, "column": "spend__channel"} for day in range(50)
    )
    failures = tuple(
        CheckResult(f"check_{number}", False, "warn", "x" * 900, 1.0, 0.0, table) for number in range(8)
    )
    passed = tuple(replace(PASSED, name=f"fine_{number}") for number in range(20))
    reports = [report(f"Geo {number}", *failures, *passed) for number in range(1000)]
    text = render_validation(reports, [], "demo")
    assert len(text.encode()) < 3_000_000
    assert len(re.findall(r'<tr data-geo="\d+"', text)) == 1000
    shown = text.count('<details class="geo"')
    assert f">{1000 - shown} more geos" in text
    assert shown > 50


def test_at_least_one_geo_is_shown_in_full() -> None:
    document = page(details_bytes=0)
    assert sum(element.attributes.get("class") == "geo" for element in document.elements) == 1
