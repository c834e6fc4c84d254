import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.features.checks import MODEL_DATA_CHECKS, check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import CheckResult
from tests.factories import tiny_model_data

DATA = tiny_model_data(n_geos=3, n_weeks=60, n_channels=3)


def check(data: ModelData = DATA, **validation: Any) -> dict[str, CheckResult]:
    results = check_model_data(data, Config.model_validate({"validation": validation}))
    assert [result.name for result in results] == list(MODEL_DATA_CHECKS)
    return {result.name: result for result in results}


def changed(name: str, channel: int, value: float) -> ModelData:
    values = getattr(DATA, name).copy()
    values[:, :, channel] = value
    return dataclasses.replace(DATA, **{name: values})


def test_plausible_data_passes() -> None:
    results = check(value_sanity={"roi_range": [0, 10_000]})
    assert [name for name, result in results.items() if not result.passed] == []


@pytest.mark.parametrize("name", ["spend", "media"])
def test_channel_that_never_ran_blocks(name: str) -> None:
    result = check(changed(name, 1, 0.0))["channel_activity"]
    assert result.blocks
    assert result.table == ({"channel": "channel_1", "without": name},)


def test_constant_kpi_or_control_blocks() -> None:
    assert check(changed("control_values", 0, 3.0))["control_variation"].blocks
    flat = dataclasses.replace(DATA, kpi=np.ones_like(DATA.kpi) * DATA.population[:, None])
    assert check(flat)["kpi_variation"].blocks


def test_correlation_is_judged_per_capita() -> None:
    """Channels that grow with the geo's size only are not confounded in the model's eyes."""
    rng = np.random.default_rng(0)
    population = np.array([1.0, 100.0, 10_000.0])
    media = population[:, None, None] * rng.gamma(5.0, size=(3, 60, 3))
    big = dataclasses.replace(DATA, population=population, media=media)
    assert check(big)["channel_correlation"].passed
    assert not check(big, identifiability={"max_channel_correlation": 0.01})["channel_correlation"].passed


def test_naive_roi_is_outcome_over_spend() -> None:
    outcome = (DATA.kpi * DATA.outcome_per_kpi).sum()
    naive = outcome / DATA.spend[:, :, 2].sum()
    assert check(value_sanity={"roi_range": [0, 10 * naive]})["naive_roi"].passed
    low = check(value_sanity={"roi_range": [0, naive * 0.9]})["naive_roi"]
    assert {row["channel"]: row["naive_roi"] for row in low.table}["channel_2"] == pytest.approx(naive)
    assert not low.blocks


def test_little_data_warns() -> None:
    small = tiny_model_data(n_geos=1, n_weeks=30, n_channels=10)
    result = check(small)["data_per_parameter"]
    assert not result.passed
    assert not result.blocks
