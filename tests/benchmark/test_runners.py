"""Which model each runner fits."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmm_core.benchmark.datasets import BenchmarkData
from mmm_core.benchmark.job import plan_job
from mmm_core.benchmark.runners import RUNNERS, fit
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.forward import channel_contribution
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec
from mmm_core.progress import silent
from mmm_core.selection.stacked import member
from tests.factories import made_up_posterior, tiny_model_data

SETTINGS = SamplerSettings(2, 20, 20, 0.9, 8, 1)


class _Backend:
    """Remembers what it was asked to fit."""

    def __init__(self) -> None:
        self.specs: list[ModelSpec] = []

    def sample(self, data: ModelData, spec: ModelSpec, settings: SamplerSettings, progress: object) -> Posterior:
        self.specs.append(spec)
        return made_up_posterior(data, spec=spec)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> _Backend:
    made = _Backend()
    monkeypatch.setattr("mmm_core.model.backend.get_backend", lambda name: made)
    return made


def _config() -> Config:
    candidates = {"plain": {"slope": "fixed"}, "bent": {"slope": "free", "media_scaling": "geo_max"}}
    return Config.model_validate({"model": {"knots": 4, "selection": {"candidates": candidates}}})


def test_a_backend_fits_the_configured_model(backend: _Backend, tmp_path: Path) -> None:
    data = tiny_model_data()
    job = plan_job(BenchmarkData("configured", data, None, _config()), "pymc", SETTINGS, {}, tmp_path)
    found = fit(job, data, tmp_path, silent)
    assert backend.specs[0].to_json() == job.spec
    assert found.parameters.shape[:2] == (2, 50)
    assert found.artifact_bytes == (tmp_path / "posterior.nc").stat().st_size
    assert not found.more


def test_selected_fits_the_winner_of_the_comparison(
    backend: _Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Config] = []

    def choose(data: ModelData, config: Config, progress: object) -> SimpleNamespace:
        asked.append(config)
        return SimpleNamespace(winner="bent")

    data = tiny_model_data()
    parts = (member("bent", made_up_posterior(data), 20), member("straight", made_up_posterior(data, seed=5), 10))
    monkeypatch.setattr("mmm_core.selection.choose.choose_model", choose)
    monkeypatch.setattr("mmm_core.selection.stacked.stack_candidates", lambda *_: parts)
    job = plan_job(BenchmarkData("configured", data, None, _config()), "pymc:selected", SETTINGS, {}, tmp_path)
    found = fit(job, data, tmp_path, silent)
    assert asked[0].model == _config().model
    assert backend.specs[0].media_scaling == "geo_max"
    assert {prior.family for prior in backend.specs[0].slope} == {"log_normal"}
    assert found.more["selected"] == "bent"
    assert found.stacked is not None
    stacked = next(found.stacked(1))
    assert stacked.shape == (30, len(data.dates))
    np.testing.assert_array_equal(stacked[20], next(channel_contribution(parts[1].fit, 1))[0])


def test_candidates_are_part_of_what_a_selected_run_depends_on(tmp_path: Path) -> None:
    data = tiny_model_data()
    other = Config.model_validate({"model": {"knots": 4}})
    for runner, same in (("pymc", True), ("pymc:selected", False)):
        keys = {
            plan_job(BenchmarkData("configured", data, None, config), runner, SETTINGS, {}, tmp_path).key
            for config in (_config(), other)
        }
        assert (len(keys) == 1) == same


def test_an_unknown_runner_is_refused(tmp_path: Path) -> None:
    data = tiny_model_data()
    job = plan_job(BenchmarkData("configured", data, None, _config()), "stan", SETTINGS, {}, tmp_path)
    with pytest.raises(ConfigError, match="choose from meridian"):
        fit(job, data, tmp_path, silent)
    assert "pymc:selected" in RUNNERS
