"""A posterior survives its file."""

import dataclasses
import json
from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import xarray as xr

from mmm_core.errors import StorageError
from mmm_core.model.posterior import Posterior
from tests.factories import made_up_posterior, tiny_model_data


@pytest.mark.parametrize(("n_geos", "n_controls"), [(3, 1), (1, 0)])
def test_saved_posterior_reads_back_equal(tmp_path: Path, n_geos: int, n_controls: int) -> None:
    posterior = made_up_posterior(tiny_model_data(n_geos=n_geos, n_controls=n_controls))
    path = tmp_path / "posterior.nc"
    posterior.save(path)
    loaded = Posterior.load(path)
    xr.testing.assert_equal(loaded.samples, posterior.samples)
    xr.testing.assert_equal(loaded.data.to_dataset(), posterior.data.to_dataset())
    assert loaded.spec == posterior.spec
    assert loaded.info == posterior.info
    np.testing.assert_array_equal(loaded.scaling.media_scale, posterior.scaling.media_scale)
    assert loaded.data.control_roles == posterior.data.control_roles


def test_truncated_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    made_up_posterior(tiny_model_data()).save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StorageError, match="materialize posterior again"):
        Posterior.load(path)


def test_failed_save_leaves_the_previous_file(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    posterior = made_up_posterior(tiny_model_data())
    posterior.save(path)
    before = path.read_bytes()
    broken = posterior.samples.assign(bad=(("chain",), np.array([object(), object()])))
    with pytest.raises((TypeError, ValueError)):
        Posterior(
            broken, posterior.sample_stats, posterior.data, posterior.spec, posterior.scaling, posterior.info
        ).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["posterior.nc"]


def test_file_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    posterior = made_up_posterior(tiny_model_data())
    info = dataclasses.asdict(posterior.info) | {"unheard_of": 1}
    posterior.save(path)
    with h5netcdf.File(path, "a") as file:
        file.groups["posterior"].attrs["info"] = json.dumps(info)
    with pytest.raises(StorageError, match="materialize posterior again"):
        Posterior.load(path)
