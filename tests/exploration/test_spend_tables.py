import dataclasses

import numpy as np
import pandas as pd
import pytest

from mmm_core.exploration.spend import (
    EXPOSURE,
    MAX_GEOS,
    channel_table,
    cost_table,
    shown_geos,
    week_table,
)
from mmm_core.features.model_data import ModelData
from tests.factories import EVERYTHING, tiny_model_data

DATA = tiny_model_data(3, 40, 2, extras=EVERYTHING)


def long_frame(data: ModelData) -> pd.DataFrame:
    """One row per geo, week and channel, built with loops."""
    rows = []
    for g, geo in enumerate(data.geos):
        for t, date in enumerate(data.dates):
            for m, channel in enumerate(data.channels):
                frequency = 1.0 if data.frequency is None else data.frequency[g, t, m]
                rows.append(
                    {
                        "geo": geo,
                        "date": pd.Timestamp(date),
                        "channel": channel,
                        "spend": data.spend[g, t, m],
                        "media": data.media[g, t, m],
                        "contacts": data.media[g, t, m] * frequency,
                        "present": data.present[g, t],
                        "kpi": data.kpi[g, t],
                    }
                )
    return pd.DataFrame(rows)


def test_shares_costs_and_activity_equal_plain_sums() -> None:
    table, cells = channel_table(DATA).set_index("channel"), long_frame(DATA)
    sums = cells.groupby("channel")[["spend", "contacts"]].sum()
    for channel in DATA.channels:
        own = cells[cells["channel"] == channel]
        assert table.at[channel, "spend"] == pytest.approx(sums.at[channel, "spend"])
        assert table.at[channel, "share"] == pytest.approx(sums.at[channel, "spend"] / cells["spend"].sum())
        assert table.at[channel, "active"] == pytest.approx((own.loc[own["present"], "media"] > 0).mean())
        if channel.startswith("organic"):
            assert np.isnan(table.at[channel, "cost"])
        else:
            expected = sums.at[channel, "spend"] / sums.at[channel, "contacts"]
            assert table.at[channel, "cost"] == pytest.approx(expected)


def test_costs_per_week_are_spend_over_media_of_all_geos() -> None:
    table, cells = cost_table(DATA), long_frame(DATA)
    sums = cells.groupby(["channel", "date"])[["spend", "contacts"]].sum()
    assert set(table["channel"]) == set(DATA.paid_channels)
    for row in table.to_dict("records"):
        spend, contacts = sums.loc[(row["channel"], row["date"])]
        assert row["cost"] == pytest.approx(spend / contacts if contacts > 0 else np.nan, nan_ok=True)


def test_a_channel_whose_spend_stands_for_media_has_no_cost() -> None:
    data = tiny_model_data()
    media = data.media.copy()
    media[:, :, 1] = data.spend[:, :, 1]
    data = dataclasses.replace(data, media=media)
    assert set(cost_table(data)["channel"]) == {data.channels[0]}
    assert channel_table(data)["cost"].isna().tolist() == [False, True]


def test_weeks_of_all_geos_are_the_sum_of_the_geos() -> None:
    table = week_table(DATA, shown_geos(DATA))
    columns = ["kpi", *(f"{EXPOSURE}{channel}" for channel in DATA.channels)]
    every = table[table["geo"] == "All 3 geos"].set_index("date")[columns]
    parts = table[table["geo"].isin(DATA.geos)].groupby("date")[columns].sum(min_count=1)
    pd.testing.assert_frame_equal(every, parts, check_freq=False)


def test_the_unknown_share_weighs_geos_by_their_usual_kpi() -> None:
    data = tiny_model_data(2, 10)
    kpi = np.full((2, 10), 100.0)
    kpi[1] = 300.0
    kpi[1, 4] = np.nan
    present = np.ones((2, 10), dtype=bool)
    present[1, 9], kpi[1, 9] = False, np.nan
    table = week_table(dataclasses.replace(data, kpi=kpi, present=present), data.geos)
    every = table[table["geo"] == "All 2 geos"]
    assert every["unknown"].tolist() == pytest.approx([0.0] * 4 + [0.75] + [0.0] * 5)
    assert every["kpi"].tolist()[4] == 100.0
    assert np.isnan(table.loc[table["geo"] == data.geos[1], "unknown"].iloc[9])


def test_many_geos_are_summed_except_for_the_largest() -> None:
    data = tiny_model_data(60, 8)
    shown = shown_geos(data)
    spend = pd.Series(data.spend.sum(axis=(1, 2)), index=list(data.geos))
    assert set(shown) == set(spend.nlargest(MAX_GEOS - 1).index)
    assert list(shown) == [geo for geo in data.geos if geo in set(shown)]
    table = week_table(data, shown)
    assert table["geo"].unique().tolist() == ["All 60 geos", *shown, f"Other {60 - len(shown)} geos"]
    columns = [f"{EXPOSURE}{channel}" for channel in data.channels]
    parts = table[table["geo"] != "All 60 geos"][columns].sum()
    np.testing.assert_allclose(parts, data.spend.sum(axis=(0, 1)))


def test_national_data_have_one_group() -> None:
    data = tiny_model_data(1, 12)
    assert week_table(data, shown_geos(data))["geo"].unique().tolist() == ["national"]
