"""Which cells are held out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.backtesting.splits import BacktestSplit, plan_splits, possible_splits, temporal_splits
from mmm_core.config.backtests import RollingSplitsConfig
from mmm_core.config.schema import Config
from mmm_core.errors import DataError
from tests.factories import EVERYTHING, tiny_model_data


def config(**strategies: object) -> Config:
    rolling = {"window_weeks": 40, "step_weeks": 10, "horizon_weeks": 8, "splits": 3}
    return Config.model_validate(
        {"training": {"rolling_splits": rolling}, "evaluation": {"validation_strategies": strategies}}
    )


@settings(max_examples=60, deadline=None)
@given(
    weeks=st.integers(60, 160),
    window=st.one_of(st.none(), st.integers(26, 60)),
    step=st.integers(1, 30),
    horizon=st.integers(2, 20),
    splits=st.integers(1, 8),
)
def test_rolling_splits_never_test_what_they_have_seen(
    weeks: int, window: int | None, step: int, horizon: int, splits: int
) -> None:
    data = tiny_model_data(n_weeks=weeks)
    wanted = RollingSplitsConfig(window_weeks=window, step_weeks=step, horizon_weeks=horizon, splits=splits)
    try:
        found = temporal_splits(wanted, data)
    except DataError:
        assert weeks < (window or 26) + horizon
        return
    assert found[-1].test_end == weeks
    assert 1 <= len(found) <= splits
    for one, after in zip(found, [*found[1:], None], strict=True):
        assert one.end == one.test_first < one.test_end == one.test_first + horizon
        assert one.first == (0 if window is None else one.end - window)
        assert one.first >= 0
        assert one.end - one.first >= 26
        assert after is None or after.end - one.end == step
    assert len({one.name for one in found}) == len(found)


def test_too_short_a_history_says_how_many_splits_are_possible() -> None:
    data = tiny_model_data(n_weeks=60)
    wanted = RollingSplitsConfig(window_weeks=40, step_weeks=10, horizon_weeks=8, splits=6)
    assert "allow 2 of the 6 splits" in possible_splits(wanted, data)
    with pytest.raises(DataError, match=r"60 weeks of data give no split.*need 112"):
        temporal_splits(RollingSplitsConfig(window_weeks=104, horizon_weeks=8), data)


def test_every_geo_is_held_out_once() -> None:
    data = tiny_model_data(n_geos=7, n_weeks=60, extras=EVERYTHING)
    found = plan_splits(config(geo_holdout={"folds": 3, "weeks": 20}), data)
    assert sorted(geo for split in found for geo in split.geos) == sorted(data.geos)
    tested = np.sum([split.tested(data) for split in found], axis=0)
    assert tested.max() == 1
    np.testing.assert_array_equal(tested[:, -20:] > 0, (data.observed & data.present)[:, -20:])
    assert not tested[:, :-20].any()


def test_groups_of_geos_are_of_similar_size() -> None:
    data = tiny_model_data(n_geos=40, n_weeks=60)
    found = plan_splits(config(geo_holdout={"folds": 4, "weeks": 20}), data)
    people = [sum(data.population[data.geos.index(geo)] for geo in split.geos) for split in found]
    assert max(people) / min(people) < 1.15


def test_platforms_are_left_out_one_at_a_time() -> None:
    data = tiny_model_data(n_weeks=60, n_channels=3, extras=EVERYTHING)
    found = plan_splits(config(platform_holdout=True), data)
    assert [split.channel for split in found] == [None, *data.paid_channels]
    assert len({(split.first, split.end, split.test_end) for split in found}) == 1


def test_too_few_geos_for_the_groups_are_refused() -> None:
    with pytest.raises(DataError, match=r"asks for 4 groups and 26 weeks; the data have 3 geos"):
        plan_splits(config(geo_holdout={}), tiny_model_data(n_weeks=80))


def test_a_split_survives_json() -> None:
    split = BacktestSplit("geo_1", "geo", 0, 60, 40, 60, ("a", "b"))
    assert BacktestSplit.from_record(split.to_record()) == split
