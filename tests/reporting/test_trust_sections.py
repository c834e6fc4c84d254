"""The part of the report about trust: every number is one of a table's, and what is not there leaves no trace."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmm_core.quality.check import CheckResult
from mmm_core.reporting.charts.compared import Compared, Estimate, compared_chart
from mmm_core.reporting.html import render_report
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.trust_tables import TrustTables
from tests.reporting.frames import decided_inputs, made_up_inputs
from tests.reporting.parsed import Element, Report, shown_number
from tests.reporting.trust_frames import made_up_trust, made_up_verdict

HEADINGS = {
    "prior_weeks": "Before the fit",
    "backtest": "Predicting what the fit has not seen",
    "stability": "Do the answers stay?",
    "claims": "What platforms claim",
}
BACKTEST = {"scores": "backtest_scores", "splits": "backtest_splits", "roi": "backtest_roi"}
BACKTEST |= {"platforms": "backtest_platforms"}


def trusted(n_geos: int = 4, n_weeks: int = 104) -> ReportInputs:
    inputs = decided_inputs(n_geos, n_weeks)
    return replace(inputs, trust=made_up_trust(inputs))


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    return trusted()


@pytest.fixture(scope="module")
def light() -> ReportInputs:
    small = made_up_inputs(3, 20)
    return replace(small, trust=made_up_trust(small))


@pytest.fixture(scope="module")
def report(inputs: ReportInputs) -> Report:
    return Report(render_report(inputs))


def part(report: Report) -> list[Element]:
    """Elements of the section."""
    starts = [n for n, element in enumerate(report.elements) if element.tag == "section"]
    first = next(n for n in starts if report.elements[n].attributes["id"] == "trust")
    return report.elements[first : next(n for n in starts if n > first)]


def texts(report: Report, tag: str = "p") -> list[str]:
    return [" ".join(element.text.split()) for element in part(report) if element.tag == tag]


def values(cells: list[Element]) -> list[float | None]:
    return [cell.value for cell in cells]


def shown(numbers: list[float]) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in numbers]


def with_trust(inputs: ReportInputs, **changes: object) -> ReportInputs:
    return replace(inputs, trust=replace(inputs.trust, **changes))  # type: ignore[arg-type]


def frame(inputs: ReportInputs, name: str) -> pd.DataFrame:
    found = inputs.trust.table(name)
    assert found is not None
    return found


def test_the_section_stands_before_the_diagnostics(report: Report) -> None:
    names = [element.attributes["id"] for element in report.all("section")]
    assert names.index("trust") == names.index("diagnostics") - 1
    assert "#trust" in [element.attributes.get("href") for element in report.all("a")]


@pytest.mark.parametrize(
    "trust", [TrustTables(), TrustTables(backtest={"scores": pd.DataFrame()}, claims=pd.DataFrame())]
)
def test_without_anything_there_is_no_section(trust: TrustTables) -> None:
    report = Report(render_report(replace(made_up_inputs(2, 20), trust=trust)))
    assert "trust" not in [element.attributes["id"] for element in report.all("section")]


@pytest.mark.parametrize("name", list(HEADINGS))
def test_a_part_that_is_not_there_is_left_out(light: ReportInputs, name: str) -> None:
    gone: object = {} if name in ("backtest", "stability") else None
    found = texts(Report(render_report(with_trust(light, **{name: gone}))), "h3")
    assert HEADINGS[name] not in found
    assert set(HEADINGS.values()) - {HEADINGS[name]} <= set(found)


@pytest.mark.parametrize("group", ["backtest", "stability"])
def test_each_table_of_a_group_can_stand_alone(light: ReportInputs, group: str) -> None:
    bare = replace(light, trust=TrustTables())
    for name, table in getattr(light.trust, group).items():
        alone = Report(render_report(with_trust(bare, **{group: {name: table}})))
        tables = [element.attributes["data-table"] for element in part(alone) if element.tag == "table"]
        assert tables == [BACKTEST[name] if group == "backtest" else name]


@pytest.mark.parametrize("name", ["experiments", "adjustments", "prior_weeks", "claims", "verdict"])
def test_each_other_part_can_stand_alone(light: ReportInputs, name: str) -> None:
    alone = replace(light, trust=TrustTables(**{name: getattr(light.trust, name)}))
    assert len(part(Report(render_report(alone)))) > 5


def known_values(inputs: ReportInputs) -> set[float]:
    trust = inputs.trust
    frames = [*trust.backtest.values(), *trust.stability.values(), inputs.channel_summary]
    frames += [inputs.decisions.present()[name] for name in ("proposals", "test_geos")]
    frames += [table for table in (trust.experiments, trust.adjustments, trust.claims) if table is not None]
    found = {float(value) for table in frames for value in table.select_dtypes("number").to_numpy().ravel()}
    assert trust.verdict is not None
    assert trust.experiments is not None
    assert trust.prior_weeks is not None
    counts = list(trust.verdict.checks.values())
    weeks = trust.prior_weeks.dropna()
    inside = ((weeks["actual"] >= weeks["q05"]) & (weeks["actual"] <= weeks["q95"])).sum()
    counts += [
        sum(counts),
        len(trust.experiments),
        int((~trust.experiments["conflict"]).sum()),
        len(weeks),
        inside,
    ]
    return found | set(map(float, counts))


def test_every_number_is_one_of_a_table(inputs: ReportInputs, report: Report) -> None:
    found = [element.value for element in part(report) if element.value is not None]
    assert len(found) > 350
    assert set(found) <= known_values(inputs)


def test_every_text_is_its_exact_value_up_to_rounding(report: Report) -> None:
    compared = 0
    for element in part(report):
        if element.value is None or (number := shown_number(element.text)) is None:
            continue
        assert abs(number[0] - element.value) <= max(1.001 * number[1], 0.0051 * abs(element.value)), element
        compared += 1
    assert compared > 300


def test_the_verdict_names_its_reasons_those_that_reject_first(inputs: ReportInputs, report: Report) -> None:
    assert texts(report)[0] == (
        "accepted with warnings The model is accepted with warnings after 28 checks (7 of convergence, 3 of "
        "prior, 12 of fit, 6 of backtest): backtest coverage and experiment conflict warn."
    )
    rejected = Report(render_report(with_trust(inputs, verdict=made_up_verdict(rejected=True))))
    assert "rhat rejects it, and backtest coverage and experiment conflict warn." in texts(rejected)[0]
    rows = [[cell.text for cell in row] for row in rejected.tables["verdict"][1:]]
    assert [row[0] for row in rows] == ["rhat", "backtest_coverage", "experiment_conflict"]
    assert [row[1] for row in rows] == ["rejects", "warns", "warns"]


def test_the_badge_counts_what_the_verdict_counts(light: ReportInputs) -> None:
    plain = replace(light, checks=(), trust=TrustTables())
    states = []
    for rejected in (None, False, True):
        verdict = None if rejected is None else made_up_verdict(rejected)
        report = Report(render_report(with_trust(plain, verdict=verdict)))
        states.append(next(e.text for e in report.all("span") if "data-state" in e.attributes))
        alert = [element for element in report.all("div") if element.attributes.get("role") == "alert"]
        assert len(alert) == bool(rejected)
    assert states == ["Accepted: all checks passed", "Accepted with 2 warnings", "Blocked by 1 check"]


def test_a_check_that_the_verdict_repeats_counts_once(light: ReportInputs) -> None:
    same = CheckResult(
        "backtest_coverage", False, "warn", "78.0% of held-out weeks are inside; raise model.knots."
    )
    both = replace(light, checks=(("backtest_summary", same),))
    assert [check.name for _, check in both.warnings] == ["backtest_coverage", "experiment_conflict"]


def test_scores_stand_beside_naive_ones(inputs: ReportInputs, report: Report) -> None:
    scores = frame(inputs, "backtest:scores")
    rows = report.tables["backtest_scores"][1:]
    keys = ["splits", "wmape", "mape", "r2", "crps", "log_score", "coverage_50", "coverage_90"]
    assert [values(row[2:]) for row in rows] == [
        shown([row[key] for key in keys]) for row in scores.to_dict("records")
    ]
    assert (
        "Coming weeks: over 6 splits the model misses by 6.1% of all conversions (wMAPE), the same week a year "
        "before by 8.6%, a regression without media by 7.5%. 78% of what was held out lies inside its 90% "
        "interval, 44% inside its 50% interval."
    ) in texts(report)


def test_splits_equal_their_table_and_lost_ones_are_marked(inputs: ReportInputs, report: Report) -> None:
    splits = frame(inputs, "backtest:splits")
    keys = ["wmape", "seasonal_naive_wmape", "no_media_wmape", "r2", "crps", "coverage_90", "max_rhat"]
    rows = report.rows("backtest_splits")
    for row in splits.to_dict("records"):
        cells = rows[row["split"]]
        assert values(cells[2:]) == shown([row[key] for key in [*keys, "divergences", "seconds"]])
        assert ("warn" in cells[2].attributes["class"]) == (row["wmape"] > 0.0873)
    assert rows["temporal_0"][1].text.replace("\u00a0", " ") == "10 Jun 2024 – 1 Jul 2024"


@pytest.mark.parametrize(
    ("table", "name", "keys"),
    [
        ("backtest_roi", "backtest:roi", "splits mean smallest largest sd own_sd spread"),
        ("backtest_platforms", "backtest:platforms", "crps_with crps_without change"),
        (
            "refresh",
            "stability:refresh",
            "roi_before roi_now roi_change roi_change_sd contribution_before contribution_now "
            "contribution_change contribution_change_sd",
        ),
        (
            "prior_sensitivity",
            "stability:prior_sensitivity",
            "roi_mean roi_weaker_prior roi_stronger_prior prior_share conflict prior_sensitivity "
            "likelihood_sensitivity",
        ),
        (
            "input_noise",
            "stability:input_noise",
            "roi_before roi_after change change_sd monte_carlo_error sure_change",
        ),
        (
            "claim_ratios",
            "claims",
            "ratio_q50 ratio_q05 ratio_q95 min_ratio max_ratio incrementality_mean incrementality_q05 "
            "incrementality_q95",
        ),
    ],
)
def test_rows_of_channels_equal_their_table(
    inputs: ReportInputs, report: Report, table: str, name: str, keys: str
) -> None:
    rows = report.rows(table)
    source = frame(inputs, name)
    assert list(rows) == source["channel"].tolist()
    for row in source.to_dict("records"):
        wanted = shown([row[key] for key in keys.split()])
        numbers = [cell for cell in rows[row["channel"]] if "num" in cell.attributes.get("class", "")]
        assert values(numbers) == wanted


def test_stability_is_told_in_plain_sentences(report: Report) -> None:
    told = texts(report)
    assert (
        "In the weeks that both fits know, the ROI of tv moved most: from 1.86 to 1.62 (−13%, or −0.53 standard "
        "deviations of the last fit)."
    ) in told
    assert any(text.startswith("Without Geo2, in the other geos, the ROI of tv changes most") for text in told)
    assert any("made like tv, is given 0.8% of all conversions: an ROI of 0.41" in text for text in told)
    assert (
        "The prior weighs most for tv: 61% of what is known of its ROI. Prior and data are furthest apart for tv, "
        "by −2.31 standard deviations; with a weaker prior its mean ROI would be 1.67, with a stronger one 1.55."
    ) in told
    said = [row[1].text for row in report.tables["prior_sensitivity"][1:4]]
    assert said == ["prior and data disagree", "the prior decides", "no concern"]


def test_geos_left_out_are_ordered_by_what_cannot_be_chance(inputs: ReportInputs, report: Report) -> None:
    rows = report.tables["leave_one_geo_out"]
    assert rows[0][0].text == "Without"
    changes = [row[-1].value or 0.0 for row in rows[1:]]
    assert changes == sorted(frame(inputs, "stability:leave_one_geo_out")["sure_change"], reverse=True)


def test_experiments_are_three_intervals_and_conflicts_have_numbers(inputs: ReportInputs, report: Report) -> None:
    experiments = frame(inputs, "experiments")
    rows = report.rows("experiments")
    keys = ["prior_median", "prior_q05", "prior_q95", "measured_mean", "measured_low", "measured_high"]
    keys += ["posterior_mean", "posterior_q05", "posterior_q95", "z"]
    for row in experiments.to_dict("records"):
        cells = rows[row["experiment"]]
        assert values(cells[2:]) == [row[key] for key in keys]
        assert cells[0].text == ("conflict" if row["conflict"] else "agrees")
    assert [rows[name][1].text for name in rows] == ["USD", "conversions", "USD"]
    assert texts(report).count("The fit agrees with 2 of 3 experiments.") == 1
    conflicts = [text for text in texts(report) if text.startswith("Conflict:")]
    assert conflicts == [
        "Conflict: spring geo test (tv) measured 36.6K USD (90% interval 20.3K to 52.8K), the fit says 81.2K (90% "
        "interval 67.4K to 98.3K); z is −3.13."
    ]
    charts = [e for e in part(report) if e.attributes.get("aria-label", "").startswith("Experiment ")]
    assert len(charts) == len(experiments)


def test_experiments_without_a_prior_have_two_intervals(light: ReportInputs) -> None:
    table = frame(light, "experiments").drop(columns=["prior_median", "prior_q05", "prior_q95"])
    report = Report(render_report(with_trust(light, experiments=table)))
    assert len(report.rows("experiments")["holdout"]) == 9
    charts = [e.text for e in part(report) if e.attributes.get("aria-label", "").startswith("Experiment ")]
    assert all("experiment" in text and "posterior" in text and "prior" not in text for text in charts)


def test_adjustments_tell_every_step(inputs: ReportInputs, report: Report) -> None:
    rows = report.tables["adjustments"][1:]
    for cells, row in zip(rows, frame(inputs, "adjustments").to_dict("records"), strict=True):
        assert [cell.text for cell in cells[:3]] == [row["experiment"], row["channel"], row["step"]]
        assert values(cells[3:7]) == [row[key] for key in ("raw_mean", "raw_sd", "adjusted_mean", "adjusted_sd")]
        assert cells[7].text == row["why"]


def test_claims_stand_beside_what_is_incremental(inputs: ReportInputs, report: Report) -> None:
    rows = report.rows("claims")
    keys = ["cells", "claimed", "incremental_mean", "incremental_q05", "incremental_q95"]
    for row in frame(inputs, "claims").to_dict("records"):
        assert values(rows[row["channel"]][2:]) == [row[key] for key in keys]
    assert [cells[0].text for cells in rows.values()] == ["claims too much", "within limits"]
    assert report.rows("claim_ratios")["audio"][2].text == "∞"
    assert (
        "tv claims 9.12K conversions; the model finds 3.37K incremental (90% interval 2.48K to 4.4K): it claims "
        "too much."
    ) in texts(report)


def test_what_failed_stands_beside_its_evidence(report: Report) -> None:
    failed = [e.text.split() for e in part(report) if "failure" in e.attributes.get("class", "").split()]
    assert [words[0] for words in failed] == ["warning", "warning"]


def test_what_a_stored_table_lacks_is_a_dash(light: ReportInputs) -> None:
    """What is not finite is None in JSON."""
    trust = light.trust
    tables = {
        name: {key: table.astype(object).where(table.notna(), None) for key, table in getattr(trust, name).items()}
        for name in ("backtest", "stability")
    }
    first = {}
    for name, table in tables["backtest"].items():
        first[name] = table.copy()
        numbers = [key for key in table if key not in ("strategy", "predictor", "splits", "channel", "split")]
        first[name].loc[0, [key for key in numbers if not key.endswith(("_from", "_to"))]] = None
    report = Report(render_report(with_trust(light, stability=tables["stability"], backtest=first)))
    assert report.tables["backtest_scores"][1][3].text == "–"
    assert not re.search(r"\b(nan|None)\b", " ".join(element.text for element in part(report)))


@pytest.mark.parametrize("column", ["roi_change", "roi_change_sd", "roi_before"])
def test_a_channel_that_cannot_be_compared_has_dashes(light: ReportInputs, column: str) -> None:
    table = frame(light, "stability:refresh").copy()
    table[column] = np.nan
    report = Report(render_report(with_trust(light, stability={"refresh": table})))
    assert len(report.rows("refresh")) == len(table)
    assert "nan" not in " ".join(element.text for element in part(report))


def test_forty_geos_stay_below_five_megabytes() -> None:
    assert len(render_report(trusted(40, 156)).encode()) < 3.6e6


def test_nothing_needs_the_script(report: Report) -> None:
    hidden = [e for e in part(report) if e.tag == "template" or "hidden" in e.attributes]
    assert hidden == []


def test_what_users_write_stays_text(light: ReportInputs) -> None:
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(1)">'

    def poisoned(table: pd.DataFrame) -> pd.DataFrame:
        names = (
            "channel",
            "experiment",
            "channels",
            "geos",
            "source",
            "design",
            "why",
            "step",
            "left_out",
            "like",
        )
        changed = {name: table[name].astype(str) + evil for name in names if name in table}
        return table.assign(**changed)

    trust = light.trust
    tables = {
        name: {k: poisoned(v) for k, v in getattr(trust, name).items()} for name in ("backtest", "stability")
    }
    plain = {name: poisoned(frame(light, name)) for name in ("experiments", "adjustments", "claims")}
    report = Report(render_report(with_trust(light, **tables, **plain)))
    assert report.all("img") == []
    assert all(not name.startswith("on") for element in report.elements for name in element.attributes)


def test_a_line_that_leaves_the_axis_ends_with_an_arrow_and_tells_its_end() -> None:
    far = Compared("test", (Estimate("prior", 1.0, -50.0, 80.0), Estimate("fit", 1.5, 1.0, 2.0, symbol="diamond")))
    drawn = Report(str(compared_chart([far], "effect", "an effect", domain=(0.0, 2.0), width=350.0)))
    arrows = [e for e in drawn.all("path") if "data-value" not in e.attributes]
    assert len(arrows) == 2
    lines = [e.attributes for e in drawn.all("line") if e.attributes.get("class") == "whisker"]
    assert all(0 <= float(line[end]) <= 350 for line in lines for end in ("x1", "x2"))
    tips = [e.attributes["data-tip"] for e in drawn.all("g")]
    assert tips == ["test, prior: 1 (90% interval −50 to 80)", "test, fit: 1.5 (90% interval 1 to 2)"]


def test_estimates_that_are_not_known_are_not_drawn() -> None:
    rows = [Compared("tv", (Estimate("before", math.nan), Estimate("now", 2.0))), Compared("radio", ())]
    drawn = compared_chart(rows, "ROI", "ROI")
    assert [element.value for element in Report(str(drawn)).all("circle")] == [2.0]
    assert not re.search("nan|inf", str(compared_chart([Compared("x", (Estimate("now", math.nan),))], "", "")))
