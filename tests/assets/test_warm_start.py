"""Which stored posterior a refresh starts from."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from upath import UPath

from mmm_assets.accepted import keep_accepted
from mmm_assets.io_managers import PosteriorIOManager, StoredFit
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import publish
from mmm_assets.warm_start import last_accepted
from mmm_core.config.loading import load_config
from mmm_core.evaluation.convergence import diagnose
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.assets import projects
from tests.factories import made_up_posterior, tiny_model_data

LOG = logging.getLogger("warm start")
EARLIER = tiny_model_data()
REFRESHED = dataclasses.replace(EARLIER, kpi=EARLIER.kpi * 1.01)


def project_with(folder: Path, posterior: Posterior | None, *overrides: str) -> Project:
    config = projects.write_config(folder, projects.settings(folder, None))
    project = Project(load_config(config, None, overrides, environ={}))
    if posterior is not None:
        keep_accepted(project, StoredFit(posterior, diagnose(posterior), "version", "run"))
    return project


def with_sampler(posterior: Posterior) -> Posterior:
    from mmm_core.model.backends.pymc.starting import sampler_dataset

    sampler = sampler_dataset(("a", "b"), np.zeros((2, 2)), np.ones((2, 2)), np.ones(2))
    return dataclasses.replace(posterior, sampler=sampler)


def asked(project: Project, data: ModelData = REFRESHED, **changes: Any) -> Posterior | None:
    spec = dataclasses.replace(build_spec(project.config, data), **changes)
    return last_accepted(project, data, spec, LOG)


def test_a_refresh_starts_from_the_accepted_posterior(tmp_path: Path) -> None:
    project = project_with(tmp_path, with_sampler(made_up_posterior(EARLIER)))
    start = asked(project)
    assert start is not None
    assert start.sampler is not None


def test_the_first_fit_starts_cold(tmp_path: Path) -> None:
    assert asked(project_with(tmp_path, None)) is None


def test_a_fit_that_no_verdict_accepted_is_no_start(tmp_path: Path) -> None:
    project = project_with(tmp_path, None)
    rejected = with_sampler(made_up_posterior(EARLIER))
    manager = PosteriorIOManager(UPath(project.assets))
    fit = StoredFit(rejected, diagnose(rejected), "rejected", "run")
    publish(manager.path_of("posterior"), lambda local: manager.write(fit, local))
    assert asked(project) is None
    accepted = with_sampler(made_up_posterior(EARLIER, seed=9))
    keep_accepted(project, StoredFit(accepted, diagnose(accepted), "accepted", "run"))
    start = asked(project)
    assert start is not None
    assert np.array_equal(start.stacked("roi_m"), accepted.stacked("roi_m"))


def test_warm_starts_can_be_switched_off(tmp_path: Path) -> None:
    stored = with_sampler(made_up_posterior(EARLIER))
    assert asked(project_with(tmp_path, stored, "runtime.warm_start=false")) is None


@pytest.mark.parametrize(
    ("overrides", "data", "changes", "reason"),
    [
        ([], EARLIER, {}, "same data"),
        ([], REFRESHED, {"channels": ("channel_0", "tv")}, "channels channel_0, channel_1"),
        ([], REFRESHED, {"controls": ("price",)}, "controls control_0"),
        ([], REFRESHED, {"family": "robust_log"}, "model.family gaussian"),
    ],
)
def test_otherwise_the_log_says_why_it_starts_cold(
    overrides: list[str],
    data: ModelData,
    changes: dict[str, Any],
    reason: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    project = project_with(tmp_path, with_sampler(made_up_posterior(EARLIER)), *overrides)
    with caplog.at_level(logging.INFO):
        assert asked(project, data, **changes) is None
    assert "Cold start" in caplog.text
    assert reason in caplog.text


def test_a_posterior_without_sampler_state_or_readable_file_is_no_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = project_with(tmp_path, made_up_posterior(EARLIER))
    with caplog.at_level(logging.INFO):
        assert asked(project) is None
        (project.storage / "accepted" / "current.nc").write_bytes(b"half a fi")
        assert asked(project) is None
    assert "keeps no state" in caplog.text
    assert "cannot be read" in caplog.text
