"""The folder of a served model: no pickle, pinned requirements, and its own code."""

import re
from pathlib import Path

import numpy as np
import pytest

from mmm_core.config.features import FeaturesConfig
from mmm_core.model.posterior import Posterior
from mmm_core.serving.package import requirements, thinned, write_model
from tests.factories import made_up_posterior, tiny_model_data

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("package") / "model"
    write_model(made_up_posterior(tiny_model_data()), FeaturesConfig(), {"fit": "abc"}, target)
    return target


def test_there_is_no_pickle_and_no_fitting_program_in_it(folder: Path) -> None:
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert {"MLmodel", "loader.py", "artifacts/posterior.nc", "artifacts/about.json"} <= set(files)
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".cloudpickle", ".joblib", ".pyc"))]
    assert not [name for name in files if "backends" in name]
    assert "code/mmm_core/serving/answer.py" in files
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 5e6


def test_requirements_are_those_of_the_lock(folder: Path) -> None:
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    named = dict(requirement.lower().split("==") for requirement in requirements())
    assert {name: locked.get(name) for name in named} == named
    assert (folder / "requirements.txt").read_text(encoding="utf-8").split() == requirements()


def test_about_as_many_draws_are_kept_evenly_as_are_asked_for() -> None:
    fit = made_up_posterior(tiny_model_data(), n_chains=2, n_draws=50)
    few = thinned(fit, 20)
    assert (few.n_draws, few.info.draws) == (20, 10)
    np.testing.assert_array_equal(few.samples["sigma"].values, fit.samples["sigma"].values[:, ::5])
    for draws in (None, 1000):
        assert thinned(fit, draws).n_draws == fit.n_draws
    assert thinned(fit, 20).sampler is None


def test_the_draws_of_the_folder_are_those_that_were_given(folder: Path) -> None:
    stored, given = Posterior.load(folder / "artifacts" / "posterior.nc"), made_up_posterior(tiny_model_data())
    np.testing.assert_array_equal(stored.samples["beta_gm"].values, given.samples["beta_gm"].values)
