"""Lift tests enter the fit, are compared with it, and a changed file asks for a new fit."""

from pathlib import Path

import pandas as pd
import pytest
from upath import UPath

from mmm_assets.io_managers import io_managers
from mmm_assets.resources.project import Project
from mmm_core.experiment_planning.planner import ExperimentPlan
from tests.assets import projects

HEADER = "id,channels,geos,start,end,relative_change,metric,estimate,standard_error\n"


def registry(folder: Path, roas: float) -> Path:
    path = folder / "tests.csv"
    path.write_text(f"{HEADER}spring,search,all,2023-06-05,2023-07-02,0.3,roas,{roas},0.2\n", encoding="utf-8")
    return path


def stored(project: Project, manager: str, asset: str) -> object:
    found = io_managers(UPath(project.assets))[manager]
    return found.stored(found.path_of(asset), asset)


@pytest.fixture(scope="module")
def calibrated(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("calibrated")
    asked = ("calibration.planner.enabled=true", f"calibration.experiments={registry(folder, 1.5)}")
    project = projects.copied(finished, folder, *asked)
    outcome = projects.run(project)
    assert not outcome.stops, outcome.stops
    assert ("posterior", None) in outcome.made
    return project


def test_a_test_is_its_channels_prior_and_is_compared_with_the_fit(calibrated: Project) -> None:
    table = stored(calibrated, "parquet", "experiment_comparison")
    assert isinstance(table, pd.DataFrame)
    assert table["experiment"].tolist() == ["spring"]
    assert {"measured_mean", "posterior_mean", "prior_median"} <= set(table.columns)
    assert {row["channel"] for row in table.attrs["adjustments"]} == {"search"}
    verdict = stored(calibrated, "json", "model_verdict")
    assert isinstance(verdict, dict)
    assert "experiments" in verdict["checks"]


def test_the_next_test_is_proposed_for_each_channel(calibrated: Project) -> None:
    plan = stored(calibrated, "json", "experiment_plan")
    assert isinstance(plan, dict)
    found = ExperimentPlan.from_record(plan)
    assert set(found.proposals["channel"]) == {"tv", "search"}
    assert found.notes
    exported = pd.read_csv(calibrated.exports / "experiment_plan.csv")
    assert exported["channel"].tolist() == found.proposals["channel"].tolist()
    assert found.notes[0].split(";")[0] in (calibrated.exports / "report.html").read_text(encoding="utf-8")


def test_an_unchanged_file_asks_for_nothing_and_a_changed_one_for_a_new_fit(calibrated: Project) -> None:
    again = projects.run(calibrated)
    assert ("posterior", None) in again.kept
    registry(Path(str(calibrated.config.calibration.experiments)).parent, 2.5)
    changed = projects.run(calibrated)
    assert not changed.stops, changed.stops
    assert {("posterior", None), ("experiment_comparison", None)} <= set(changed.made)
    stability = stored(calibrated, "json", "stability")
    assert isinstance(stability, dict)
    assert "refresh" in stability["tables"]


def test_a_wrong_row_is_refused_before_the_fit(calibrated: Project, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(f"{HEADER}spring,radio,all,2023-06-05,2023-07-02,0.3,roas,1.5,0.2\n", encoding="utf-8")
    project = projects.copied(calibrated, tmp_path, f"calibration.experiments={path}")
    outcome = projects.run(project)
    assert [stop.kind for stop in outcome.stops] == ["input"]
    assert "radio" in outcome.stops[0].message
    assert "row 2" in outcome.stops[0].message
    assert ("posterior", None) not in outcome.made
