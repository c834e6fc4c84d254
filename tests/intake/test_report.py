import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.errors import ConfigError, StorageError
from mmm_core.intake.report import CLEAN, RAW, GeoReport, build_geo_report, report_of, worst_first
from mmm_core.quality.check import CheckResult
from mmm_core.quality.clean_checks import CLEAN_PANEL_CHECKS
from mmm_core.quality.raw_checks import RAW_PANEL_CHECKS
from tests.panels import MAPPING, config, panel, source_rows


def build(rows: pd.DataFrame, **sections: Any) -> GeoReport:
    return build_geo_report(panel(rows), MAPPING, config(**sections), "orders.csv")


def failed(report: GeoReport) -> list[str]:
    return [result.name for result in report.every_result if not result.passed]


def test_report_of_good_rows_has_every_check_of_both_stages_and_a_full_score() -> None:
    report = build(source_rows(120))
    assert [result.name for result in report.results[RAW]] == [*RAW_PANEL_CHECKS, "validation_score"]
    assert [result.name for result in report.results[CLEAN]] == list(CLEAN_PANEL_CHECKS)
    assert (report.geo, report.origin, report.score, dict(report.lost)) == ("North", "orders.csv", 1.0, {})
    assert not report.blocks


def test_rows_that_block_are_not_cleaned() -> None:
    report = build(source_rows(120).assign(tv_cost=-1.0))
    assert report.blocks
    assert list(report.results) == [RAW]
    assert "schema" in report.lost


def test_what_cleaning_refuses_is_a_blocking_check() -> None:
    """Where every check passes and cleaning still says no: one day short of a whole week, say."""
    rows = source_rows(8, start="2023-01-04", step_days=1)
    loose = dict.fromkeys(("coverage", "missing_weeks", "validation_score"), "warn")
    report = build(rows, validation={"severities": loose})
    assert [result.name for result in report.results[CLEAN]] == ["cleaning"]
    assert report.results[CLEAN][0].blocks
    assert "no whole week" in report.results[CLEAN][0].message


def test_wrong_settings_are_no_finding_about_the_data() -> None:
    rows = pd.concat([source_rows(120)] * 2, ignore_index=True)
    rules = {"policy": "aggregate", "rules": {"no_such_column": "sum"}}
    with pytest.raises(ConfigError, match="no_such_column"):
        build(rows, enhanced_cleaning={"duplicates": rules})


def test_points_lost_explain_the_score() -> None:
    report = build(source_rows(60), validation={"quality_thresholds": {"weights": {"preferred_history": 5}}})
    assert failed(report) == ["preferred_history"]
    assert report.score == pytest.approx(1 - sum(report.lost.values()))
    assert report.lost["preferred_history"] > 0.1


@pytest.mark.parametrize("n_rows", [10, 60, 120])
def test_json_brings_back_the_same_report(n_rows: int) -> None:
    rows = source_rows(n_rows)
    rows.loc[3, "tv_cost"] = np.nan
    report = build(rows, validation={"severities": {"coverage": "warn", "validation_score": "warn"}})
    text = json.dumps(report.to_json(), allow_nan=False)
    assert GeoReport.from_json(json.loads(text)) == report


def test_values_that_json_lacks_are_left_out_when_the_report_is_made() -> None:
    table = ({"n": np.int64(3), "x": np.float64("nan"), "day": pd.Timestamp("2023-01-02"), "none": None},)
    result = CheckResult("outliers", False, "warn", "text", float("inf"), float(np.float32(2)), table)
    report = report_of("Ä/ö", "x", {RAW: [result]}, config())
    (kept,) = report.results[RAW]
    assert (kept.value, kept.threshold) == (None, 2.0)
    assert kept.table == ({"n": 3, "x": None, "day": "2023-01-02 00:00:00", "none": None},)
    assert GeoReport.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report


@pytest.mark.parametrize(
    "record", [{}, {"geo": "A"}, {"geo": 1, "origin": 2, "score": "x", "lost": {}, "results": {}}]
)
def test_record_of_something_else_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match="materialize it again"):
        GeoReport.from_json(record)


def test_worst_geos_come_first() -> None:
    fine, poor = (report_of(geo, "x", {}, config()) for geo in ("fine", "also fine"))
    blocking = report_of("bad", "x", {RAW: [CheckResult("schema", False, "error", "")]}, config())
    assert [report.geo for report in worst_first([fine, poor, blocking])] == ["bad", "fine", "also fine"]
