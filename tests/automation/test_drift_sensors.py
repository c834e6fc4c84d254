"""Weeks that the last accepted fit did not expect: the asset `drift`, and what asks for a refit."""

import dataclasses
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from mmm_assets.accepted import keep_accepted
from mmm_assets.assembly import build_definitions
from mmm_assets.io_managers import StoredFit
from mmm_assets.resources.project import Project
from mmm_assets.stages.drift import DRIFT, judge_drift
from mmm_core.evaluation.convergence import diagnose
from mmm_core.evaluation.predictive import on_panel
from mmm_core.features.held_out import truncate, without_channel
from mmm_core.features.model_data import ModelData
from mmm_core.model.noise import predictive_draws
from mmm_core.stability.new_weeks import with_new_weeks
from tests.assets import projects
from tests.automation.ticks import happened, job, tick
from tests.factories import made_up_posterior, tiny_model_data

N_OLD = 30


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, None)))


def _accepted(project: Project) -> ModelData:
    """A fit of the first weeks was accepted; all weeks, the new ones as that fit expects them."""
    data = tiny_model_data(n_weeks=N_OLD + 6)
    fit = made_up_posterior(truncate(data, N_OLD), n_draws=150)
    keep_accepted(project, StoredFit(fit, diagnose(fit), "v1", "run"))
    panel = with_new_weeks(fit, data)
    assert panel is not None
    expected = np.stack([mean.mean(axis=0) for mean, _ in predictive_draws(on_panel(fit, panel))])
    return dataclasses.replace(data, kpi=np.concatenate([data.kpi[:, :N_OLD], expected[:, N_OLD:]], axis=1))


def test_new_weeks_are_judged_by_the_last_accepted_fit(project: Project) -> None:
    data = _accepted(project)
    calm = judge_drift(data, project)
    assert (calm["fit"], calm["new_weeks"], calm["check"]["passed"]) == ("v1", 6, True)
    shifted = dataclasses.replace(data, kpi=np.where(np.arange(N_OLD + 6) >= N_OLD, 9 * data.kpi, data.kpi))
    alarm = judge_drift(shifted, project)
    assert not alarm["check"]["passed"]
    assert "6 of 6 new weeks of all geos together" in alarm["check"]["message"]


def test_what_cannot_be_compared_is_said(project: Project) -> None:
    data = tiny_model_data(n_weeks=N_OLD + 6)
    assert judge_drift(data, project)["check"]["message"] == "No fit was accepted yet."
    data = _accepted(project)
    assert judge_drift(truncate(data, N_OLD), project)["new_weeks"] == 0
    assert "channel channel_0" in judge_drift(without_channel(data, "channel_0"), project)["check"]["message"]


def test_the_asset_is_made_by_itself_once_for_new_data(project: Project) -> None:
    definitions = build_definitions(project)
    selection, cursor = dg.AssetSelection.assets(DRIFT), None

    def asked() -> bool:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(definitions, instance, selection, cursor=cursor)
        cursor = result.cursor
        return result.get_num_requested(DRIFT) == 1

    with dg.DagsterInstance.ephemeral() as instance:
        happened(instance, "model_data", "one")
        assert not asked(), "no fit was accepted"
        data = _accepted(project)
        happened(instance, "model_data", "two")
        assert asked()
        assert not asked()
        happened(instance, "drift", "d", model_data="two")
        assert not asked()
        happened(instance, "model_data", "two")
        assert not asked(), "the same content again"
        happened(instance, "model_data", "three")
        assert asked()
    assert len(data.dates) == N_OLD + 6


def _ask(project: Project, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    return tick(project, instance, "refit_after_drift", cursor)


def test_an_alarm_asks_for_a_refit_once_and_only_for_data_that_were_not_fitted(project: Project) -> None:
    alarm = {"alarm": True, "finding": "5 of 6 new weeks lie outside"}
    with dg.DagsterInstance.ephemeral() as instance:
        happened(instance, "model_data", "one")
        assert "never fitted" in _ask(project, instance).skip_message
        happened(instance, "posterior", "fit", model_data="one")
        happened(instance, "drift", "d", alarm, model_data="one")
        assert "today's data" in _ask(project, instance).skip_message
        happened(instance, "model_data", "two")
        assert "still holds" in _ask(project, instance).skip_message, "that alarm was about older data"
        happened(instance, "drift", "d2", alarm, model_data="two")
        run = instance.create_run_for_job(job("full"), status=dg.DagsterRunStatus.STARTED)
        assert run.run_id in _ask(project, instance).skip_message
        instance.report_run_canceled(run)
        asked = _ask(project, instance)
        assert [request.job_name for request in asked.run_requests] == ["full"]
        assert "already" in _ask(project, instance, asked.cursor).skip_message


def test_a_return_that_moved_asks_for_a_refit_when_there_are_newer_data(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        happened(instance, "posterior", "fit", model_data="one")
        happened(instance, "model_data", "two")
        moved = dg.AssetCheckEvaluation(
            dg.AssetKey("stability"),
            "refresh_roi",
            False,
            {},
            None,
            dg.AssetCheckSeverity.WARN,
            "ROI moved by 40 %",
        )
        instance.report_runless_asset_event(moved)
        assert _ask(project, instance).run_requests


def test_where_nothing_is_to_be_asked_for_the_finding_is_told(project: Project) -> None:
    project = projects.load(project.loaded.path, "automation.drift.request=nothing")
    with dg.DagsterInstance.ephemeral() as instance:
        happened(instance, "posterior", "fit", model_data="one")
        happened(instance, "model_data", "two")
        happened(instance, "drift", "d", {"alarm": True, "finding": "5 of 6 missed"}, model_data="two")
        told = _ask(project, instance)
        assert (told.run_requests, told.skip_message) == ([], "5 of 6 missed")
        assert "already" in _ask(project, instance, told.cursor).skip_message
