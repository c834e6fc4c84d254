"""Splits of the backtest are partitions: each is fitted once, and the verdict counts them."""

import json
from pathlib import Path

import pytest
from upath import UPath

from mmm_assets.io_managers import io_managers
from mmm_assets.resources.project import Project
from tests.assets import projects

ASKED = (
    "evaluation.validation_strategies.temporal=true",
    "evaluation.validation_strategies.draws=60",
    "training.rolling_splits.window_weeks=40",
    "training.rolling_splits.step_weeks=6",
    "training.rolling_splits.horizon_weeks=6",
    "training.rolling_splits.splits=2",
)


@pytest.fixture(scope="module")
def tested(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = projects.copied(finished, tmp_path_factory.mktemp("tested"), *ASKED)
    outcome = projects.run(project)
    assert not outcome.stops, outcome.stops
    assert {("backtest", "temporal_1"), ("backtest", "temporal_2")} <= set(outcome.made)
    assert ("posterior", None) in outcome.kept
    return project


def stored(project: Project, asset: str) -> dict[str, object]:
    manager = io_managers(UPath(project.assets))["json"]
    value: dict[str, object] = manager.stored(manager.path_of(asset), asset)
    return value


def test_the_summary_scores_the_model_beside_naive_predictions(tested: Project) -> None:
    rows = stored(tested, "backtest_summary")["scores"]
    assert isinstance(rows, list)
    assert {row["predictor"] for row in rows} == {"model", "seasonal_naive", "no_media"}
    assert all(row["splits"] == 2 for row in rows)


def test_the_verdict_counts_the_backtest(tested: Project) -> None:
    checks = stored(tested, "model_verdict")["checks"]
    assert isinstance(checks, dict)
    assert checks["backtest"] >= 4


def test_a_second_run_fits_no_split_again(tested: Project) -> None:
    outcome = projects.run(tested)
    assert not outcome.stops
    assert not {asset for asset, _ in outcome.made} & {"backtest", "backtest_summary", "posterior"}


def test_without_time_left_splits_are_missing_and_the_rest_goes_on(tested: Project, tmp_path: Path) -> None:
    later = ("training.rolling_splits.step_weeks=7", "training.max_runtime=0.0001")
    project = projects.copied(tested, tmp_path, *ASKED, *later)
    outcome = projects.run(project)
    assert not outcome.stops, outcome.stops
    late = [warned for warned in outcome.warnings if (warned.asset, warned.check) == ("backtest", "not_run")]
    assert len(late) == 1
    assert "training.max_runtime" in late[0].message
    results = {record["name"]: record for record in stored(project, "backtest_summary")["results"]}
    assert not results["backtest_complete"]["passed"]
    assert "1 of 2 splits are missing" in results["backtest_complete"]["message"]


def test_too_short_a_history_is_refused_before_any_fit(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path, *ASKED, "training.rolling_splits.window_weeks=104")
    outcome = projects.run(project)
    assert [stop.kind for stop in outcome.stops] == ["input"]
    assert "60 weeks of data give no split" in outcome.stops[0].message


def test_a_split_keeps_its_record_readable(tested: Project) -> None:
    path = tested.assets / "backtest" / "split=temporal_1" / "part.json"
    record = json.loads(path.read_text("utf-8"))
    assert record["split"]["name"] == "temporal_1"
    assert record["warm_start"] in (True, False)
