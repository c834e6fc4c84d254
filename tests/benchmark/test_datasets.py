"""Data sets as the model gets them, with their truth in the same order."""

import numpy as np
import pandas as pd
import pytest

from mmm_core.benchmark.datasets import load_dataset
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, DataError
from tests.shared_data import shared_data


def _published() -> Config:
    return Config.model_validate({"benchmark": {"data_folder": str(shared_data("param_recovery").parent)}})


@pytest.mark.parametrize(("name", "shape"), [("small_business", (1, 104, 4)), ("growing_business", (2, 131, 6))])
def test_presets_become_model_data_with_truth(name: str, shape: tuple[int, int, int]) -> None:
    loaded = load_dataset(name, Config())
    assert loaded.data.media.shape == shape
    assert loaded.truth is not None
    assert loaded.truth.contributions is not None
    assert loaded.truth.contributions.shape == shape
    returns = loaded.truth.returns(loaded.data)
    assert returns is not None
    assert (returns > 0).all()


def test_what_is_said_of_the_projects_own_channels_does_not_matter_to_presets() -> None:
    config = Config.model_validate(
        {
            "data": {"date_col": "day", "kpi_col": "sales", "channel_map": {"radio": "radio_cost"}},
            "features": {"adstock": {"platform_overrides": {"radio": {"decay": 0.4}}, "max_lag": 5}},
            "model": {"priors": {"roi_bounds": {"radio": [1, 2]}}},
        }
    )
    loaded = load_dataset("small_business", config)
    assert loaded.config.features.adstock.max_lag == 5
    assert "radio" not in loaded.data.channels


def test_published_panels_come_with_their_true_contributions() -> None:
    folder = shared_data("param_recovery")
    loaded = load_dataset("published_growing", _published())
    assert loaded.data.media.shape == (2, 131, 6)
    assert loaded.data.controls == ("c1", "c2")
    true = pd.read_csv(folder / "growing_business_true_contributions.csv")
    panel = pd.read_csv(folder / "growing_business_data.csv")
    assert loaded.truth is not None
    assert loaded.truth.contributions is not None
    for g, geo in enumerate(loaded.data.geos):
        for m, channel in enumerate(loaded.data.channels):
            rows = true[true["geo"] == geo]
            np.testing.assert_allclose(loaded.truth.contributions[g, :, m], rows[f"contribution_{channel}"])
            np.testing.assert_allclose(loaded.data.media[g, :, m], panel.loc[panel["geo"] == geo, channel])


def test_of_the_example_only_totals_are_known() -> None:
    shared_data("pymc_marketing")
    loaded = load_dataset("pymc_marketing_example", _published())
    assert loaded.data.media.shape == (1, 179, 2)
    assert loaded.truth is not None
    assert loaded.truth.totals.tolist() == [274_848.0, 65_906.0]
    assert loaded.truth.returns(loaded.data) is None


def test_the_projects_own_source_is_a_data_set_too() -> None:
    simulator = {"n_geos": 2, "n_weeks": 60, "n_channels": 2, "n_controls": 1}
    config = Config.model_validate({"ingest": {"connector_priority": ["simulator"], "simulator": simulator}})
    loaded = load_dataset("configured", config)
    assert loaded.data.media.shape == (2, 60, 2)
    assert loaded.truth is not None


def test_a_missing_folder_or_file_is_named(tmp_path: object) -> None:
    with pytest.raises(ConfigError, match=r"benchmark\.data_folder is not set"):
        load_dataset("published_small", Config())
    with pytest.raises(DataError, match="small_business_true_contributions"):
        load_dataset("published_small", Config.model_validate({"benchmark": {"data_folder": str(tmp_path)}}))
    with pytest.raises(ConfigError, match="choose from small_business"):
        load_dataset("smal_business", Config())
