from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.cleaning.clean import clean_panel
from mmm_core.data.mapping import resolve_mapping
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.features.model_data import ModelData
from tests.panels import MAPPING, SECTION, WIDE_MAPPING, WIDE_SECTION, config, panel, source_rows, wide_rows

CONFIG = config(project={"currency": "EUR"}, features={"seasonality": {"annual_fourier_order": 1}})


def features(geo: str, n_weeks: int = 20, start: str = "2023-01-02", seed: int = 3) -> pd.DataFrame:
    raw = panel(source_rows(n_weeks, geo, start=start, seed=seed), geo)
    return build_features(clean_panel(raw, MAPPING, CONFIG).panel, CONFIG)


def assemble(*frames: pd.DataFrame) -> Any:
    return assemble_model_data({frame["geo"].iloc[0]: frame for frame in frames}, MAPPING, CONFIG, "v1")


def test_each_number_is_where_its_geo_week_and_channel_say() -> None:
    frames = {geo: features(geo, seed=seed) for seed, geo in enumerate(["Geo10", "Geo2", "Geo1"])}
    data = assemble(*frames.values())
    assert data.geos == ("Geo1", "Geo2", "Geo10")
    assert data.channels == ("tv", "search")
    assert data.controls == ("weather", "season__sin_1", "season__cos_1")
    assert data.control_roles == ("control", "seasonality", "seasonality")
    assert (data.currency, data.data_version, data.kpi_type) == ("EUR", "v1", "non_revenue")
    for g, geo in enumerate(data.geos):
        for t, row in enumerate(frames[geo].to_dict("records")):
            assert data.dates[t] == np.datetime64(row["date"], "D")
            assert data.kpi[g, t] == row["kpi"]
            assert data.revenue_per_kpi[g, t] == row["revenue_per_kpi"]
            assert data.spend[g, t].tolist() == [row["spend__tv"], row["spend__search"]]
            assert data.media[g, t].tolist() == [row["media__tv"], row["spend__search"]]
            assert data.control_values[g, t].tolist() == [
                row["control__weather"],
                row["season__sin_1"],
                row["season__cos_1"],
            ]
        assert data.population[g] == pytest.approx(frames[geo]["population"].mean())


def test_order_of_rows_does_not_matter() -> None:
    frame = features("a")
    np.testing.assert_array_equal(assemble(frame).kpi, assemble(frame.iloc[::-1]).kpi)


def test_optional_columns_may_be_absent() -> None:
    section = {key: SECTION[key] for key in ("date_col", "keys", "kpi_col", "channel_map")}
    plain = config(data=section, features={"seasonality": {"annual_fourier_order": 1}})
    mapping = resolve_mapping(plain, list(source_rows(1).columns), "orders.csv")
    data = assemble_model_data({"a": features("a")}, mapping, plain, "v1")
    assert data.revenue_per_kpi is None
    assert data.population.tolist() == [1.0]
    assert data.controls == ("season__sin_1", "season__cos_1")
    no_controls = assemble_model_data({"a": features("a").iloc[:, :-2]}, mapping, plain, "v1")
    assert no_controls.control_values.shape == (1, 20, 0)


spans = st.lists(st.tuples(st.integers(0, 12), st.integers(4, 20)), min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(spans, st.sets(st.tuples(st.integers(0, 3), st.integers(0, 19)), max_size=8))
def test_geos_of_different_weeks_are_put_on_all_weeks_and_masked(
    ranges: list[tuple[int, int]], unknown: set[tuple[int, int]]
) -> None:
    """Each cell is the geo's own row, or what its absence means."""
    frames = {}
    for g, (start, n_weeks) in enumerate(ranges):
        first = pd.Timestamp("2023-01-02") + pd.Timedelta(weeks=start)
        frame = features(f"Geo{g}", n_weeks, start=f"{first:%Y-%m-%d}", seed=g)
        inside = [t for which, t in unknown if which == g and 0 < t < n_weeks - 1]
        frame.loc[inside, "kpi"] = np.nan
        frames[f"Geo{g}"] = frame
    data = assemble(*frames.values())
    first = min(frame["date"].min() for frame in frames.values())
    last = max(frame["date"].max() for frame in frames.values())
    assert (np.diff(data.dates) == np.timedelta64(7, "D")).all()
    assert (data.dates[0], data.dates[-1]) == (np.datetime64(first, "D"), np.datetime64(last, "D"))
    present = [weather for frame in frames.values() for weather in frame["control__weather"]]
    for g, frame in enumerate(frames.values()):
        own = {np.datetime64(row["date"], "D"): row for row in frame.to_dict("records")}
        for t, date in enumerate(data.dates):
            row = own.get(date)
            assert data.present[g, t] == (row is not None)
            if row is None:
                assert np.isnan(data.kpi[g, t])
                assert data.media[g, t].tolist() == data.spend[g, t].tolist() == [0.0, 0.0]
                assert data.control_values[g, t, 0] == pytest.approx(np.mean(present))
                assert np.isfinite(data.revenue_per_kpi[g, t])
            else:
                np.testing.assert_equal(data.kpi[g, t], row["kpi"])
                assert data.media[g, t].tolist() == [row["media__tv"], row["spend__search"]]
                assert data.control_values[g, t, 0] == row["control__weather"]
    assert np.isfinite(data.outcome_per_kpi).all()
    assert not data.outcome_per_kpi[~data.present].any()


def test_weeks_that_begin_on_different_weekdays_are_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"those of c begin on wednesday and most others on monday"):
        assemble(features("a"), features("b"), features("c", start="2023-01-04"))


def test_geo_without_any_known_kpi_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="KPI of geo b is not known in any week from 2023-01-02 to 2023-05-15"):
        assemble(features("a"), features("b").assign(kpi=np.nan))
    with pytest.raises(DataError, match="KPI of geo a, b is not known"):
        assemble(features("a").assign(kpi=np.nan), features("b").assign(kpi=np.nan))


def wide_features(geo: str, n_weeks: int = 20, seed: int = 3, **sections: Any) -> pd.DataFrame:
    settings = config(data=WIDE_SECTION, **sections)
    raw = panel(wide_rows(n_weeks, geo, seed=seed), geo, WIDE_MAPPING)
    return build_features(clean_panel(raw, WIDE_MAPPING, settings).panel, settings)


def assemble_wide(*frames: pd.DataFrame, **sections: Any) -> ModelData:
    named = {frame["geo"].iloc[0]: frame for frame in frames}
    return assemble_model_data(named, WIDE_MAPPING, config(data=WIDE_SECTION, **sections), "v1")


def test_every_kind_of_column_has_its_place() -> None:
    calendar = {"holidays": {"country": "US"}, "seasonality": {"annual_fourier_order": 1}}
    frame = wide_features("a", features=calendar)
    data = assemble_wide(frame, features=calendar)
    assert data.channels == ("tv", "search", "video", "newsletter")
    assert data.channel_kinds == ("media", "media", "reach_frequency", "organic_media")
    assert data.paid_channels == ("tv", "search", "video")
    assert data.controls == ("weather", "promo", "holiday__public", "season__sin_1", "season__cos_1")
    assert data.control_roles == ("control", "non_media_treatment", "holiday", "seasonality", "seasonality")
    assert data.control_per_capita == (True, False, False, False, False)
    assert data.frequency is not None
    np.testing.assert_array_equal(data.media[0, :, 2], frame["reach__video"])
    np.testing.assert_array_equal(data.media[0, :, 3], frame["media__newsletter"])
    np.testing.assert_array_equal(data.frequency[0, :, 2], frame["frequency__video"])
    assert (data.frequency[0][:, [0, 1, 3]] == 1).all()
    assert not data.spend[:, :, 3].any()
    assert data.lead_media.shape == (1, 0, 4)
    assert data.lead_frequency is not None
    assert ModelData.from_dataset(data.to_dataset()).channel_kinds == data.channel_kinds


def test_missing_control_per_capita_is_the_mean_per_capita() -> None:
    short, long = wide_features("a", 12), wide_features("b", 20, seed=4)
    long["population"] = 5000.0
    data = assemble_wide(short, long)
    per_capita = [*(short["control__weather"] / 1000.0), *(long["control__weather"] / 5000.0)]
    np.testing.assert_allclose(data.control_values[0, 12:, 0], np.mean(per_capita) * 1000.0)


def test_media_before_the_first_kpi_lead_up_to_it() -> None:
    early, late = wide_features("a", 40), wide_features("b", 40, seed=4)
    early.loc[:12, "kpi"] = np.nan
    late.loc[:14, "kpi"] = np.nan
    data = assemble_wide(early, late)
    assert data.kpi.shape == (2, 27)
    assert np.isnan(data.kpi[1, :2]).all()
    assert data.lead_media.shape == (2, 8, 4)
    np.testing.assert_array_equal(data.lead_media[0, :, 0], early["media__tv"][5:13])
    assert data.lead_frequency is not None
    np.testing.assert_array_equal(data.lead_frequency[1, :, 2], late["frequency__video"][5:13])
    assert (data.lead_frequency[:, :, 0] == 1).all()


def test_window_cuts_kpi_and_leaves_media_before_it() -> None:
    windows = {"windows": {"estimation_months": 6, "carryover_months": 2}}
    frame = wide_features("a", 60)
    data = assemble_model_data({"a": frame}, WIDE_MAPPING, config(data=WIDE_SECTION | windows), "v1")
    assert str(data.dates[-1]) == "2024-02-19"
    assert str(data.dates[0]) == "2023-08-28"  # 26 August is six months before the end of the last week
    np.testing.assert_array_equal(data.kpi[0], frame["kpi"][-26:])
    assert data.lead_media.shape[1] == 8  # 28 June to 27 August
    np.testing.assert_array_equal(data.lead_media[0, :, 3], frame["media__newsletter"][-34:-26])


def test_geo_that_ended_before_the_window_is_refused() -> None:
    windows = config(data=SECTION | {"windows": {"estimation_months": 6}})
    frames = {"a": features("a", 60), "b": features("b", 20)}
    with pytest.raises(DataError, match=r"geo b is not known in any week from 2023-08-28.*estimation_months is 6"):
        assemble_model_data(frames, MAPPING, windows, "v1")


def test_holidays_that_never_change_do_not_reach_the_model(caplog: pytest.LogCaptureFixture) -> None:
    holidays = {"holidays": {"country": "US", "names": ["Christmas", "Thanksgiving"]}}
    data = assemble_wide(wide_features("a", 20, features=holidays), features=holidays)
    assert data.controls == ("weather", "promo", "holiday__public")
    assert "left out of the model: Christmas, Thanksgiving" in caplog.text


def test_territory_of_an_unknown_geo_is_refused() -> None:
    holidays = {"holidays": {"territories": {"z": "US"}}}
    with pytest.raises(ConfigError, match=r"territories names z, but there is no such geo; there are a\."):
        assemble_wide(wide_features("a", features=holidays), features=holidays)


def test_geo_without_a_column_or_no_geo_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="Features of geo b lack spend__tv"):
        assemble(features("a"), features("b").drop(columns="spend__tv"))
    with pytest.raises(DataError, match="no geo to model"):
        assemble()
