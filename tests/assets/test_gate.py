"""A posterior that did not converge is kept to be looked at, and nothing is made of it."""

import dataclasses
from pathlib import Path

from upath import UPath

from mmm_assets.assembly import build_definitions
from mmm_assets.instance import open_instance
from mmm_assets.io_managers import PosteriorIOManager, publish
from mmm_assets.resources.project import Project
from tests.assets import projects

INTERPRETING = (
    "contributions",
    "channel_summary",
    "response_curves",
    "budget_plan",
    "evaluation",
    "report",
    "exports",
)


def test_a_stricter_gate_blocks_a_stored_fit_without_fitting_again(finished: Project, tmp_path: Path) -> None:
    before = projects.exported(finished)
    project = projects.copied(finished, tmp_path, "complexity.identifiability.min_ess=5000")
    outcome = projects.run(project)
    assert ("posterior", None) in outcome.kept
    assert {stop.kind for stop in outcome.stops} == {"gate"}
    assert "below 5000" in outcome.stops[0].message
    assert "training.draws" in outcome.stops[0].message
    assert projects.exported(project) == before


def test_every_consumer_refuses_in_a_later_run(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path, "complexity.identifiability.min_ess=5000")
    definitions = build_definitions(project)
    with open_instance(project) as instance:
        for asset in INTERPRETING:
            result = projects.quiet_run(definitions, instance, asset)
            assert not result.success, asset
            assert "posterior failed" in projects.reason(result), asset
            assert "below 5000" in projects.reason(result), asset


def test_a_looser_gate_lets_a_stored_fit_pass_without_fitting_again(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path, "complexity.identifiability.min_ess=11")
    outcome = projects.run(project)
    assert not outcome.stops
    assert ("posterior", None) in outcome.kept
    assert ("channel_summary", None) in outcome.made


def test_a_fit_that_does_not_converge_is_stored_and_blocked(finished: Project, tmp_path: Path) -> None:
    before = projects.exported(finished)
    project = projects.copied(
        finished,
        tmp_path,
        "training.draws=50",
        "training.tune=50",
        "training.retry_factor=1.5",
        "complexity.identifiability.max_rhat=1.0001",
        "complexity.identifiability.min_ess=5000",
    )
    outcome = projects.run(project)
    assert ("posterior", None) in outcome.made
    assert {stop.kind for stop in outcome.stops} == {"gate"}
    assert any("check rhat" in stop.message and "1.0001" in stop.message for stop in outcome.stops)
    assert projects.exported(project) == before
    assert (project.assets / "posterior.nc").read_bytes() != (finished.assets / "posterior.nc").read_bytes()


def test_tables_of_another_fit_are_not_mixed_into_the_report(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path)
    before = projects.exported(project)
    manager = PosteriorIOManager(UPath(project.assets))
    path = manager.path_of("posterior")
    other = dataclasses.replace(manager.stored(path, "posterior"), version="another")
    publish(path, lambda local: manager.write(other, local))
    definitions = build_definitions(project)
    with open_instance(project) as instance:
        for asset in ("evaluation", "report", "exports"):
            result = projects.quiet_run(definitions, instance, asset)
            assert not result.success
            assert "another fit" in projects.reason(result)
    assert projects.exported(project) == before
