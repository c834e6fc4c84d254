"""Truncation, seasonal terms and slices, each against its definition."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.build import build_features
from mmm_core.features.held_out import truncate, without_later_events
from mmm_core.features.model_data import ModelData
from mmm_core.selection.slices import TimeSlice, time_slices, with_seasonality
from tests.factories import tiny_model_data


def rich_data() -> ModelData:
    """Data with everything that may be there: frequency, lead weeks, absent weeks, unknown KPI."""
    data = tiny_model_data(n_geos=2, n_weeks=40, n_channels=3)
    rng = np.random.default_rng(3)
    present = np.ones((2, 40), dtype=bool)
    present[1, :5] = False
    kpi = data.kpi.copy()
    kpi[~present] = np.nan
    return dataclasses.replace(
        data,
        channel_kinds=("media", "reach_frequency", "organic_media"),
        spend=data.spend * np.array([1, 1, 0]),
        kpi=kpi,
        frequency=rng.uniform(1, 3, (2, 40, 3)),
        lead_media=rng.uniform(0, 1, (2, 4, 3)),
        lead_frequency=rng.uniform(1, 3, (2, 4, 3)),
        present=present,
        control_per_capita=(True,),
    )


def test_truncation_cuts_every_weekly_array_and_nothing_else() -> None:
    data = rich_data()
    cut = truncate(data, 17).to_dataset()
    whole = data.to_dataset()
    assert cut.sizes["time"] == 17
    assert cut.identical(whole.isel(time=slice(0, 17)))
    assert cut["lead_media"].identical(whole["lead_media"])


def test_truncation_to_all_weeks_changes_nothing() -> None:
    data = rich_data()
    assert truncate(data, 40).to_dataset().identical(data.to_dataset())


def test_seasonal_terms_are_those_of_the_features() -> None:
    data = with_seasonality(tiny_model_data(), 3)
    config = Config.model_validate({"features": {"seasonality": {"annual_fourier_order": 3}}})
    frame = build_features(pd.DataFrame({"geo": "Geo0", "date": data.dates.astype("datetime64[ns]")}), config)
    terms = [name for name in frame if str(name).startswith("season__")]
    assert data.controls == ("control_0", *terms)
    assert data.control_roles == ("control", *["seasonality"] * 6)
    for geo in data.control_values:
        np.testing.assert_allclose(geo[:, 1:], frame[terms].to_numpy(), rtol=0, atol=1e-12)


def test_seasonality_is_replaced_not_added() -> None:
    data = rich_data()
    once = with_seasonality(data, 1)
    assert with_seasonality(with_seasonality(data, 4), 1).to_dataset().identical(once.to_dataset())
    assert with_seasonality(once, 0).to_dataset().identical(data.to_dataset())
    assert once.control_per_capita == (True, False, False)


def test_slices_are_the_last_weeks_one_after_the_other() -> None:
    data = tiny_model_data(n_weeks=60)
    assert time_slices(data, 3, 8) == (TimeSlice(36, 44), TimeSlice(44, 52), TimeSlice(52, 60))
    first, last = TimeSlice(52, 60).days(data)
    assert str(first) == str(data.dates[52])
    assert str(last) == str(data.dates[59] + 6)


def test_slices_before_a_channel_starts_are_left_out() -> None:
    data = tiny_model_data(n_weeks=60)
    data.media[:, :40, 1] = 0
    assert time_slices(data, 3, 8) == (TimeSlice(44, 52), TimeSlice(52, 60))


def test_slices_before_a_control_varies_are_left_out() -> None:
    data = tiny_model_data(n_weeks=60)
    data.control_values[:, :50, 0] = 1.0
    assert time_slices(data, 3, 8) == (TimeSlice(52, 60),)


def test_an_event_that_is_still_to_come_leaves_out_itself_and_no_slice() -> None:
    data = tiny_model_data(n_geos=2, n_weeks=60)
    both = dataclasses.replace(
        data,
        controls=(*data.controls, "launch"),
        control_roles=(*data.control_roles, "non_media_treatment"),
        control_per_capita=(*data.control_per_capita, False),
        control_values=np.concatenate([data.control_values, np.zeros((2, 60, 1))], axis=2),
    )
    both.control_values[1, 50, -1] = 1.0
    assert time_slices(both, 3, 8) == time_slices(data, 3, 8)
    assert without_later_events(both, 50).to_dataset().identical(data.to_dataset())
    assert without_later_events(both, 51) is both
    assert with_seasonality(without_later_events(both, 44), 1).controls == with_seasonality(data, 1).controls


def test_too_short_a_panel_is_refused_with_the_key() -> None:
    with pytest.raises(SpecificationError, match=r"17 weeks before.*horizon_weeks"):
        time_slices(tiny_model_data(n_weeks=30), 3, 13)


def test_organic_media_needs_no_spend() -> None:
    assert len(time_slices(rich_data(), 1, 8)) == 1


def test_other_terms_of_the_calendar_stay_whatever_the_seasonality() -> None:
    data = with_seasonality(tiny_model_data(), 1)
    monthly = dataclasses.replace(data, controls=("control_0", "season__month_sin_1", "calendar__month_end"))
    assert with_seasonality(monthly, 0).controls == monthly.controls
    assert with_seasonality(monthly, 1).controls == (*monthly.controls, "season__sin_1", "season__cos_1")
