"""The model choice as an asset: the fit follows it, the report explains it, and it is not there when off."""

import json
from pathlib import Path

import pytest
from upath import UPath

from mmm_assets.assembly import build_definitions
from mmm_assets.instance import open_instance
from mmm_assets.io_managers import PosteriorIOManager, StoredFit
from mmm_assets.resources.project import Project
from mmm_core.selection.choice import ModelChoice
from tests.assets import projects

SELECTION = {
    "enabled": True,
    "splits": 1,
    "horizon_weeks": 8,
    "draws": 50,
    "stacking": True,
    "candidates": {
        "plain": {"slope": "fixed"},
        "seasonal": {"annual_fourier_order": 1, "media_scaling": "geo_max"},
    },
}


def _load(folder: Path, **selection: object) -> Project:
    settings = projects.settings(folder, None)
    settings["model"]["selection"] = SELECTION | selection
    return projects.load(projects.write_config(folder, settings))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = _load(tmp_path_factory.mktemp("choice"))
    outcome = projects.run(project)
    assert not outcome.stops, outcome.stops
    assert ("model_choice", None) in outcome.made
    return project


def _stored_fit(project: Project) -> StoredFit:
    manager = PosteriorIOManager(UPath(project.assets))
    fit: StoredFit = manager.stored(manager.path_of("posterior"), "posterior")
    return fit


def _choice(project: Project) -> ModelChoice:
    return ModelChoice.from_record(projects.read_json(project.assets / "model_choice.json"))


def test_the_fit_is_of_the_chosen_model(finished: Project) -> None:
    choice, fit = _choice(finished), _stored_fit(finished)
    seasonal = choice.winner == "seasonal"
    assert fit.posterior.spec.media_scaling == ("geo_max" if seasonal else "pooled_median")
    assert ("season__sin_1" in fit.posterior.data.controls) == seasonal
    assert fit.model_choice == choice.to_record()


def test_stacked_totals_and_weeks_are_stored(finished: Project) -> None:
    assert len(_choice(finished).stacked) == 2
    assert (finished.assets / "stacked_contributions.parquet").is_file()


def test_the_report_explains_the_choice(finished: Project) -> None:
    html = finished.report.read_text(encoding="utf-8")
    assert '<section id="choice">' in html
    assert 'data-table="stacked"' in html


def test_a_second_run_compares_nothing_again(finished: Project) -> None:
    outcome = projects.run(finished)
    assert ("model_choice", None) in outcome.kept
    assert ("posterior", None) in outcome.kept


@pytest.mark.parametrize("winner", [pytest.param("plain", marks=pytest.mark.full), "seasonal"])
def test_the_fit_follows_whoever_wins(finished: Project, tmp_path: Path, winner: str) -> None:
    copy = projects.copied(finished, tmp_path)
    path = copy.assets / "model_choice.json"
    path.write_text(json.dumps(projects.read_json(path) | {"winner": winner}), encoding="utf-8")
    with open_instance(copy) as instance:
        result = projects.quiet_run(build_definitions(copy), instance, "posterior")
    assert result.success, projects.reason(result)
    scaling = {"plain": "pooled_median", "seasonal": "geo_max"}[winner]
    assert _stored_fit(copy).posterior.spec.media_scaling == scaling


def test_without_selection_there_is_no_such_asset(tmp_path: Path) -> None:
    graph = build_definitions(_load(tmp_path, enabled=False)).resolve_asset_graph()
    names = {key.path[-1] for key in graph.materializable_asset_keys}
    assert "posterior" in names
    assert not {"model_choice", "stacked_contributions"} & names


def test_without_stacking_only_the_choice_is_made(tmp_path: Path) -> None:
    graph = build_definitions(_load(tmp_path, stacking=False)).resolve_asset_graph()
    names = {key.path[-1] for key in graph.materializable_asset_keys}
    assert "model_choice" in names
    assert "stacked_contributions" not in names
