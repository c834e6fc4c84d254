"""Pictures about trust are small and complete, whatever is missing."""

import numpy as np
import pytest

from mmm_core.reporting import figures_trust as figures
from tests.reporting import trust_frames as frames
from tests.reporting.frames import made_up_inputs
from tests.reporting.test_figures import assert_picture

INPUTS = made_up_inputs(3, 30)
MADE = {
    "prior_weeks": frames.prior_week_frame(INPUTS),
    "backtest_scores": frames.score_frame(),
    "roi_across_splits": frames.split_roi_frame(INPUTS),
    "experiment_intervals": frames.experiment_frame(INPUTS),
    "drift_bars": frames.drift_frame(INPUTS),
}


@pytest.mark.parametrize("name", list(MADE))
def test_each_table_gives_a_picture(name: str) -> None:
    assert_picture(getattr(figures, name)(MADE[name]))


@pytest.mark.parametrize("name", list(MADE))
def test_an_empty_table_gives_an_empty_picture(name: str) -> None:
    assert_picture(getattr(figures, name)(MADE[name].head(0)))


def test_channels_that_cannot_be_compared_are_left_out() -> None:
    table = MADE["drift_bars"].assign(roi_change=np.nan)
    assert_picture(figures.drift_bars(table))


def test_many_channels_do_not_make_a_tall_picture() -> None:
    many = made_up_inputs(1, 10, tuple(f"$channel_{number}$" for number in range(60)))
    assert_picture(figures.roi_across_splits(frames.split_roi_frame(many)))
    assert_picture(figures.drift_bars(frames.drift_frame(many)))
