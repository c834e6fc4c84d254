"""Weeks after a fit against its forecast."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.automation import DriftConfig
from mmm_core.errors import SpecificationError
from mmm_core.evaluation.predictive import on_panel
from mmm_core.features.held_out import truncate, with_controls, without_channel
from mmm_core.features.model_data import ModelData
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.stability.new_weeks import ALL, check_new_weeks, forecast_new_weeks, with_new_weeks
from tests.factories import EVERYTHING, Extras, made_up_posterior, tiny_model_data

SETTINGS = DriftConfig()
N_OLD, N_NEW = 30, 8


PLAIN = Extras()


def _fit(extras: Extras = PLAIN, n_geos: int = 3) -> tuple[Posterior, ModelData]:
    """A fit to the first weeks, and all weeks."""
    data = tiny_model_data(n_geos=n_geos, n_weeks=N_OLD + N_NEW, extras=extras)
    return made_up_posterior(truncate(data, N_OLD), n_draws=150), data


def _from_the_model(fit: Posterior, data: ModelData, seed: int, shift: float = 0.0) -> ModelData:
    """The new weeks' KPI as one of the draws makes it, with its noise; `shift`: as a fraction of it."""
    panel = with_new_weeks(fit, data)
    assert panel is not None
    seeded = dataclasses.replace(fit, info=dataclasses.replace(fit.info, seed=seed))
    truth = np.random.default_rng(seed).integers(fit.n_draws)
    kpi = np.stack([drawn[truth] for _, drawn in predictive_draws(on_panel(seeded, panel))])
    new = np.where(np.isfinite(data.kpi[:, N_OLD:]), kpi[:, N_OLD:] * (1 + shift), np.nan)
    return dataclasses.replace(data, kpi=np.concatenate([data.kpi[:, :N_OLD], new], axis=1))


def _alarm(fit: Posterior, data: ModelData) -> bool:
    panel = with_new_weeks(fit, data)
    assert panel is not None
    return not check_new_weeks(forecast_new_weeks(fit, panel, SETTINGS.level), SETTINGS).passed


@pytest.mark.parametrize("extras", [PLAIN, EVERYTHING])
def test_weeks_of_the_same_truth_seldom_alarm_and_shifted_ones_do(extras: Extras) -> None:
    fit, data = _fit(extras)
    seeds = range(100, 130)
    false_alarms = np.mean([_alarm(fit, _from_the_model(fit, data, seed)) for seed in seeds])
    assert false_alarms <= 0.07  # 2 % allowed (1 % for all together, 1 % for geos), 30 tries
    assert np.mean([_alarm(fit, _from_the_model(fit, data, seed, shift=1.0)) for seed in range(100, 110)]) > 0.9


def test_a_fall_in_one_geo_alarms_and_names_it() -> None:
    fit, data = _fit()
    same = _from_the_model(fit, data, 1)
    kpi = same.kpi.copy()
    kpi[1, N_OLD:] *= 3
    panel = with_new_weeks(fit, dataclasses.replace(same, kpi=kpi))
    assert panel is not None
    result = check_new_weeks(forecast_new_weeks(fit, panel, 0.9), SETTINGS)
    assert not result.passed
    assert "of 8 new weeks of Geo1" in result.message
    assert {row["geo"] for row in result.table} <= {"Geo1", ALL}


def test_the_forecast_is_that_of_the_forward_model_on_all_weeks() -> None:
    fit, data = _fit(EVERYTHING)
    panel = with_new_weeks(fit, data)
    assert panel is not None
    table = forecast_new_weeks(fit, panel, 0.8).table.set_index(["geo", "date"])
    drawn = np.stack([draws for _, draws in predictive_draws(on_panel(fit, panel))])
    known = panel.observed & panel.present
    dates = pd.DatetimeIndex(data.dates.astype("datetime64[ns]"))
    for g, week in np.argwhere(known[:, N_OLD:]):
        row = table.loc[(panel.geos[g], dates[N_OLD + week])]
        low, high = np.quantile(drawn[g, :, N_OLD + week], (0.1, 0.9))
        assert np.allclose((row["low"], row["high"]), (low, high))
        assert row["missed"] == (not low <= data.kpi[g, N_OLD + week] <= high)
    total = (drawn * known[:, None, :]).sum(axis=0)
    assert np.allclose(table.loc[ALL]["mean"], total[:, N_OLD:].mean(axis=0))


def test_geos_and_channels_may_be_in_another_order_and_new_geos_are_left_out() -> None:
    fit, data = _fit()
    turned = dataclasses.replace(
        data,
        geos=(*data.geos[::-1][:2], "New"),
        kpi=data.kpi[::-1],
        media=data.media[::-1, :, ::-1],
        spend=data.spend[::-1, :, ::-1],
        control_values=data.control_values[::-1],
        present=data.present[::-1],
        channels=data.channels[::-1],
    )
    panel, plain = with_new_weeks(fit, turned), with_new_weeks(fit, data)
    assert panel is not None
    assert plain is not None
    assert np.array_equal(panel.media[1:], plain.media[1:])
    assert np.array_equal(panel.kpi[1:], plain.kpi[1:])
    assert not panel.present[0, N_OLD:].any()
    assert set(forecast_new_weeks(fit, panel, 0.9).table["geo"]) == {"Geo1", "Geo2", ALL}


def test_one_geo_is_counted_once() -> None:
    fit, data = _fit(n_geos=1)
    panel = with_new_weeks(fit, data)
    assert panel is not None
    assert set(forecast_new_weeks(fit, panel, 0.9).table["geo"]) == {"national"}


def test_without_new_weeks_there_is_nothing_to_compare() -> None:
    fit, data = _fit()
    assert with_new_weeks(fit, truncate(data, N_OLD)) is None


def test_weeks_without_a_known_kpi_do_not_alarm() -> None:
    fit, data = _fit()
    kpi = data.kpi.copy()
    kpi[:, N_OLD:] = np.nan
    panel = with_new_weeks(fit, dataclasses.replace(data, kpi=kpi))
    assert panel is not None
    result = check_new_weeks(forecast_new_weeks(fit, panel, 0.9), SETTINGS)
    assert result.passed
    assert result.message == "No new week has a known KPI yet."


def test_what_the_fit_needs_and_the_data_lack_is_named() -> None:
    fit, data = _fit()
    with pytest.raises(SpecificationError, match="channel channel_0"):
        with_new_weeks(fit, without_channel(data, "channel_0"))
    with pytest.raises(SpecificationError, match="control control_0"):
        with_new_weeks(fit, with_controls(data, []))
    later = dataclasses.replace(data, dates=data.dates + np.timedelta64(7 * N_OLD + 7, "D"))
    with pytest.raises(SpecificationError, match="missing in between"):
        with_new_weeks(fit, later)
