"""What `reports` and `optimization.future` ask for is made, from the same fit as everything else."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from pptx import Presentation

from mmm_assets.assembly import build_definitions
from mmm_assets.resources.project import Project
from tests.assets import projects

WANTED = ("executive_deck", "dashboard_exports", "geo_reports", "dated_outputs")
OVERRIDES = (
    *(f"reports.{name}=true" for name in WANTED),
    "optimization.frontier=[-0.2, 0.0, 0.2]",
    "optimization.scenario_presets.cut_20=-0.2",
    "optimization.scenario_presets.careful=conservative",
    "optimization.future.weeks=4",
    "optimization.flighting.period_weeks=2",
    "attribution.counterfactuals.no_tv.channels=[tv]",
)


@pytest.fixture(scope="module")
def published(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("published")
    project = projects.copied(finished, folder, *OVERRIDES)
    outcome = projects.run(project)
    assert not outcome.stops, outcome.stops
    assert ("posterior", None) in outcome.kept
    return project


def test_nothing_is_written_that_nobody_asked_for(finished: Project) -> None:
    assert not (finished.exports / "deck.pptx").exists()
    assert not (finished.exports / "dashboard").exists()
    keys = {key.to_user_string() for key in build_definitions(finished).resolve_asset_graph().get_all_asset_keys()}
    assert not keys & {"deck", "dashboard_exports", "geo_reports", "dated_outputs", "backtest"}


def test_everything_that_is_asked_for_is_written(published: Project) -> None:
    assert len(Presentation(str(published.exports / "deck.pptx")).slides) >= 8
    dictionary = json.loads((published.exports / "dashboard" / "data_dictionary.json").read_text("utf-8"))
    assert dictionary
    assert {path.stem for path in (published.exports / "geos").glob("*.html")} == set(projects.GEOS)
    assert list((published.storage / "outputs" / "models").glob("mmm_fit_*.nc"))
    page = published.report.read_text("utf-8")
    assert "geos/Geo0.html" in page


def test_exports_hold_scenarios_forecast_and_flighting(published: Project) -> None:
    read = {path.stem: pd.read_csv(path) for path in published.exports.glob("*.csv")}
    scenarios = {"cut_20", "careful"}
    assert set(read["scenario_summary"]["scenario"]) == scenarios
    assert set(read["forecast"]["scenario"]) == scenarios | {"current_plan"}
    assert read["forecast"]["date"].nunique() == 4
    assert set(read["frontier"]["change"].round(6)) == {-0.2, 0.0, 0.2}
    plan = read["budget_plan"].groupby(["scenario", "geo", "channel"])["optimal_spend"].sum()
    weeks = read["flighting"].groupby(["scenario", "geo", "channel"])["optimal_spend"].sum()
    pd.testing.assert_series_equal(plan.sort_index(), weeks.sort_index(), rtol=1e-6)
    assert read["counterfactuals"]["name"].tolist() == ["no_tv"]


def test_what_is_switched_off_again_is_removed(published: Project, tmp_path: Path) -> None:
    overrides = [f"reports.{name}=false" for name in WANTED]
    project = projects.copied(published, tmp_path, *overrides, "optimization={}")
    assert not projects.run(project).stops
    assert not (project.exports / "deck.pptx").exists()
    assert not (project.exports / "dashboard").exists()
    assert not (project.exports / "geos").exists()
    assert not (project.exports / "forecast.csv").exists()
    assert (project.storage / "outputs").exists()


def test_what_was_deleted_or_switched_off_and_on_again_is_written_again(
    published: Project, tmp_path: Path
) -> None:
    project = projects.copied(published, tmp_path, *OVERRIDES)
    (project.exports / "deck.pptx").unlink()
    shutil.rmtree(project.exports / "dashboard")
    outcome = projects.run(project)
    assert {("deck", None), ("dashboard_exports", None)} <= set(outcome.made)
    assert ("geo_reports", None) in outcome.kept
    assert (project.exports / "deck.pptx").exists()
    assert (project.exports / "dashboard" / "data_dictionary.json").exists()
