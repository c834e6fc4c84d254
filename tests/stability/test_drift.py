"""A drift that was made up is found in its size, in the weeks that both fits know."""

import dataclasses

import numpy as np
import pytest

from mmm_core.attribution.returns import roi_draws
from mmm_core.config.stability import StabilityConfig
from mmm_core.features.held_out import truncate
from mmm_core.model.posterior import Posterior
from mmm_core.stability.checks import check_drift
from mmm_core.stability.drift import DRIFT_COLUMNS, drift
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data

BEFORE = made_up_posterior(tiny_model_data(extras=EVERYTHING))


def scaled(posterior: Posterior, channel: int, factor: float) -> Posterior:
    samples = posterior.samples.copy(deep=True)
    samples["beta_gm"].values[..., channel] *= factor
    return dataclasses.replace(posterior, samples=samples)


def test_a_fit_has_not_moved_from_itself() -> None:
    table = drift(BEFORE, BEFORE)
    assert list(table.columns) == DRIFT_COLUMNS
    assert table["channel"].tolist() == list(BEFORE.data.paid_channels)
    assert (table[[c for c in DRIFT_COLUMNS if "change" in c]] == 0).all().all()
    results = check_drift(table, StabilityConfig())
    assert [r.name for r in results] == ["refresh_roi", "refresh_contribution", "refresh_surprise"]
    assert all(r.passed for r in results)


def test_a_made_up_drift_is_found_in_its_size() -> None:
    table = drift(scaled(BEFORE, 0, 1.6), BEFORE).set_index("channel")
    assert table.loc["channel_0", "roi_change"] == pytest.approx(0.6)
    assert table.loc["channel_0", "contribution_change"] == pytest.approx(0.6)
    np.testing.assert_allclose(table["roi_change"].drop("channel_0"), 0.0, atol=1e-12)
    whole = roi_draws(BEFORE)[:, 0]  # all weeks are shared
    assert table.loc["channel_0", "roi_before"] == pytest.approx(whole.mean())
    assert table.loc["channel_0", "roi_change_sd"] == pytest.approx(0.6 * whole.mean() / whole.std())
    roi, contribution, surprise = check_drift(table.reset_index(), StabilityConfig(max_change_sd=0.5))
    assert roi.value == pytest.approx(0.6 / len(table))
    assert not roi.passed
    assert not contribution.passed
    assert not surprise.passed
    assert "channel_0" in roi.message


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_further_weeks_are_no_drift(family: str) -> None:
    data = tiny_model_data(extras=EVERYTHING)
    now = made_up_posterior(data, spec=robust(data) if family == "robust_log" else None)
    before = dataclasses.replace(now, data=truncate(data, 22))
    table = drift(now, before)
    if family == "gaussian":
        np.testing.assert_allclose(table["roi_change"], 0.0, atol=1e-9)
        np.testing.assert_allclose(table["contribution_change"], 0.0, atol=1e-9)
    else:  # the reference of a control may lie in the further weeks, and channels multiply with it
        assert (table["roi_change"].abs() < 0.5).all()


def test_geos_and_channels_of_only_one_fit_are_left_out() -> None:
    few = made_up_posterior(tiny_model_data(n_geos=2, n_channels=1))
    many = made_up_posterior(tiny_model_data(n_geos=3, n_channels=2))
    table = drift(many, few)
    assert table["channel"].tolist() == ["channel_0"]
    assert table["contribution_now"].iloc[0] > 0


def test_nothing_in_common_is_said() -> None:
    data = tiny_model_data()
    later = dataclasses.replace(data, dates=data.dates + np.timedelta64(7 * 500, "D"))
    table = drift(made_up_posterior(later), made_up_posterior(data))
    assert table.empty
    results = check_drift(table, StabilityConfig())
    assert not any(result.passed for result in results)
    assert "no geo, week and channel in common" in results[0].message


def test_a_channel_without_spend_in_the_shared_weeks_has_no_return() -> None:
    data = tiny_model_data()
    spend = data.spend.copy()
    spend[:, :, 1] = 0
    fit = made_up_posterior(dataclasses.replace(data, spend=spend), spec=made_up_posterior(data).spec)
    table = drift(fit, fit).set_index("channel")
    assert table["roi_now"].isna().tolist() == [name == "channel_1" for name in table.index]
    assert all(result.passed for result in check_drift(table.reset_index(), StabilityConfig()))
