"""What runs stages in this process: what it makes of interruptions and of surprises."""

from pathlib import Path

import pandas as pd
import pytest

from mmm_assets.resources.project import Project
from tests.assets import projects


def test_an_interruption_ends_everything(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    project = projects.copied(finished, tmp_path)
    monkeypatch.setattr("mmm_assets.stages.transform.clean_panel", interrupted)
    with pytest.raises(KeyboardInterrupt):
        projects.run(project, ("transform",), force=True)


def test_a_surprise_is_told_as_such_with_its_trace(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    project = projects.copied(finished, tmp_path)
    monkeypatch.setattr("mmm_assets.stages.transform.clean_panel", broken)
    outcome = projects.run(project, ("transform",), force=True)
    assert {(stop.kind, stop.geo) for stop in outcome.stops} == {("other", geo) for geo in projects.GEOS}
    assert outcome.stops[0].message == "a mistake of ours"
    assert "ZeroDivisionError" in outcome.stops[0].trace


def test_a_value_whose_file_is_gone_is_made_again(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path)
    (project.assets / "features" / "geo=Geo1" / "part.parquet").unlink()
    outcome = projects.run(project, ("features",))
    assert ("features", "Geo1") in outcome.made
    assert ("features", "Geo0") in outcome.kept
    assert ("model_data", None) in outcome.kept


def test_ingest_alone_does_not_judge(finished: Project, tmp_path: Path) -> None:
    def negative(frame: pd.DataFrame) -> None:
        frame.loc[3, "tv_spend"] = "-5"

    panel = projects.edit(projects.panel_of(finished), tmp_path / "panel.csv", negative)
    project = projects.copied(finished, tmp_path, f"ingest.path={panel}")
    assert not projects.run(project, ("ingest",)).stops
    assert projects.run(project, ("validate",)).stops


def test_a_stage_makes_what_it_needs_and_no_more(finished: Project, tmp_path: Path) -> None:
    project = projects.load(finished.loaded.path, f"paths.storage={tmp_path / 'storage'}")
    outcome = projects.run(project, ("transform",))
    assert {asset for asset, _ in outcome.made} == {
        "source_snapshot",
        "raw_panel",
        "validation_report",
        "clean_panel",
        "change_log",
        "change_totals",
    }


def test_force_makes_the_stage_again_but_not_what_it_needs(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path)
    outcome = projects.run(project, ("optimize",), force=True)
    assert {asset for asset, _ in outcome.made} == {
        "source_snapshot",
        "budget_plan",
        "scenario_summary",
        "shadow_prices",
        "scenario_comparison",
        "frontier",
        "flighting",
        "forecast",
    }
