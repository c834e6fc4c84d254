"""A rejected model makes no plan and no report, in the same run and in later ones."""

from pathlib import Path

from upath import UPath

from mmm_assets.assembly import build_definitions
from mmm_assets.instance import open_instance
from mmm_assets.io_managers import io_managers
from mmm_assets.resources.project import Project
from mmm_core.evaluation.verdict import Verdict
from tests.assets import projects

USING = ("budget_plan", "report", "exports")


def verdict_of(project: Project) -> Verdict:
    manager = io_managers(UPath(project.assets))["json"]
    return Verdict.from_record(manager.stored(manager.path_of("model_verdict"), "model_verdict"))


def test_an_accepted_fit_has_a_verdict_on_itself(finished: Project) -> None:
    manager = io_managers(UPath(finished.assets))["posterior_io"]
    found = verdict_of(finished)
    assert found.level in ("accepted", "accepted_with_warnings")
    assert found.fit == manager.stored(manager.path_of("posterior"), "posterior").version
    assert set(found.checks) == {"convergence", "prior", "fit", "stability"}


def test_a_check_that_is_made_stricter_rejects_the_stored_fit(finished: Project, tmp_path: Path) -> None:
    before = projects.exported(finished)
    project = projects.copied(
        finished, tmp_path, "evaluation.metrics.mape_threshold=0.0001", "evaluation.severities.mape=error"
    )
    outcome = projects.run(project)
    assert ("posterior", None) in outcome.kept
    assert {stop.kind for stop in outcome.stops} == {"gate"}
    assert any("mape" in stop.message and "model.knots" in stop.message for stop in outcome.stops)
    assert projects.exported(project) == before
    assert verdict_of(project).level == "rejected", "in the same run, though a check stopped the rest"
    record = projects.read_json(project.assets / "model_version.json")
    assert (record["verdict"], record["alias"], record["champion_version"]) == ("rejected", "champion", 1)
    again = projects.run(project)
    assert [stop.kind for stop in again.stops] == ["gate"]
    assert "The model is rejected" in again.stops[0].message
    definitions = build_definitions(project)
    with open_instance(project) as instance:
        for asset in USING:
            result = projects.quiet_run(definitions, instance, asset)
            assert not result.success, asset
            assert "The model is rejected" in projects.reason(result), asset


def test_a_check_that_is_off_is_not_counted(finished: Project, tmp_path: Path) -> None:
    off = [f"evaluation.severities.{name}=off" for name in ("mape", "coverage", "prior_shift")]
    project = projects.copied(finished, tmp_path, *off)
    assert not projects.run(project).stops
    before, after = verdict_of(finished), verdict_of(project)
    assert after.checks["fit"] == before.checks["fit"] - 3
    assert not {reason.check for reason in after.reasons} & {"mape", "coverage", "prior_shift"}
