import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from mmm_core.exploration.relations import (
    MAX_PAIRS,
    correlation_table,
    inflation_table,
    lead_lag_table,
    pair_table,
    rank_correlations,
)
from mmm_core.features.model_data import ModelData
from tests.factories import EVERYTHING, tiny_model_data

DATA = tiny_model_data(3, 60, 3, 2, extras=EVERYTHING)


def variables(data: ModelData) -> pd.DataFrame:
    """Rows are present geo-weeks, columns channels per person and all linear terms."""
    rows = []
    for g, t in np.argwhere(data.present):
        row = {}
        for m, channel in enumerate(data.channels):
            contacts = data.media[g, t, m] * (1.0 if data.frequency is None else data.frequency[g, t, m])
            row[channel] = contacts / data.population[g]
        for k, control in enumerate(data.controls):
            divisor = data.population[g] if data.control_per_capita[k] else 1.0
            row[control] = data.control_values[g, t, k] / divisor
        rows.append(row)
    return pd.DataFrame(rows)


def relative(data: ModelData) -> tuple[np.ndarray, np.ndarray]:
    """(G, T, M) exposure and (G, T) KPI over the geo's mean, by loops."""
    exposure, kpi = np.full(data.media.shape, np.nan), np.full(data.kpi.shape, np.nan)
    for g in range(len(data.geos)):
        there = data.present[g]
        kpi[g] = data.kpi[g] / np.nanmean(data.kpi[g])
        for m, kind in enumerate(data.channel_kinds):
            values = (data.media if kind == "organic_media" else data.spend)[g, :, m]
            if values[there].mean() > 0:
                exposure[g, there, m] = values[there] / values[there].mean()
    return exposure, kpi


def inflation_by_regression(frame: pd.DataFrame, name: str) -> float:
    others = frame.drop(columns=name).to_numpy()
    design = np.column_stack([np.ones(len(frame)), others])
    target = frame[name].to_numpy()
    coefficients, *_ = np.linalg.lstsq(design, target, rcond=None)
    residual = target - design @ coefficients
    return float(((target - target.mean()) ** 2).sum() / (residual**2).sum())


def test_correlations_equal_those_of_pandas() -> None:
    table = correlation_table(DATA)
    kept = [
        control
        for control, role in zip(DATA.controls, DATA.control_roles, strict=True)
        if role in ("control", "non_media_treatment")
    ]
    names = [*DATA.channels, *kept]
    found = table.pivot(index="one", columns="other", values="correlation").loc[names, names]
    np.testing.assert_allclose(found, variables(DATA)[names].corr(), atol=1e-10)


def test_variance_inflation_equals_that_of_regressions() -> None:
    table, frame = inflation_table(DATA).set_index("name"), variables(DATA)
    for channel in DATA.channels:
        among = inflation_by_regression(frame[list(DATA.channels)], channel)
        assert table.at[channel, "among_channels"] == pytest.approx(among, rel=1e-8)
    for name in table.index:
        every = inflation_by_regression(frame, name)
        assert table.at[name, "with_controls"] == pytest.approx(every, rel=1e-8)
    assert table.loc[table["kind"] == "control", "among_channels"].isna().all()


def test_channels_that_give_each_other_exactly_have_infinite_inflation() -> None:
    data = tiny_model_data(2, 30, 3)
    media = data.media.copy()
    media[:, :, 2] = media[:, :, 0] + 2 * media[:, :, 1]
    table = inflation_table(dataclasses.replace(data, media=media))
    assert np.isinf(table.loc[table["kind"] == "channel", "among_channels"]).all()


def test_a_variable_that_never_varies_has_neither_correlation_nor_inflation() -> None:
    data = tiny_model_data(2, 30, 3)
    media = data.media.copy()
    media[:, :, 1] = 5.0 * data.population[:, None]
    data = dataclasses.replace(data, media=media)
    table = inflation_table(data).set_index("name")
    assert np.isnan(table.at["channel_1", "among_channels"])
    frame = variables(data)[["channel_0", "channel_2"]]
    expected = inflation_by_regression(frame, "channel_0")
    assert table.at["channel_0", "among_channels"] == pytest.approx(expected)
    pairs = correlation_table(data)
    assert pairs.loc[pairs["one"] == "channel_1", "correlation"].isna().all()


def test_rank_correlations_equal_those_of_scipy() -> None:
    exposure, kpi = relative(DATA)
    table = rank_correlations(DATA).set_index("channel")
    for m, channel in enumerate(DATA.channels):
        known = np.isfinite(exposure[:, :, m]) & np.isfinite(kpi)
        expected = spearmanr(exposure[:, :, m][known], kpi[known]).statistic
        assert table.at[channel, "rank_correlation"] == pytest.approx(expected, abs=1e-12)
        assert table.at[channel, "pairs"] == known.sum()


def test_lead_lag_correlations_pair_the_kpi_with_spend_of_earlier_weeks() -> None:
    exposure, kpi = relative(DATA)
    for row in lead_lag_table(DATA).to_dict("records"):
        m = DATA.channels.index(row["channel"])
        x, y = [], []
        for g in range(len(DATA.geos)):
            for t in range(len(DATA.dates)):
                before = t - row["lag"]
                if 0 <= before < len(DATA.dates) and np.isfinite(exposure[g, before, m] + kpi[g, t]):
                    x.append(exposure[g, before, m])
                    y.append(kpi[g, t])
        assert row["weeks"] == len(x)
        assert row["correlation"] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)


def test_a_kpi_that_follows_spend_by_three_weeks_peaks_at_lag_three() -> None:
    data = tiny_model_data(2, 80, 1)
    kpi = np.roll(data.spend[:, :, 0], 3, axis=1) + 1e4
    kpi[:, :3] = np.nan
    table = lead_lag_table(dataclasses.replace(data, kpi=kpi))
    assert table.loc[table["correlation"].idxmax(), "lag"] == 3
    assert table["correlation"].max() > 0.99


def test_drawn_pairs_are_geo_weeks_of_the_data_and_always_the_same() -> None:
    data = tiny_model_data(10, 120, 2)
    table = pair_table(data)
    assert table["channel"].value_counts().tolist() == [MAX_PAIRS, MAX_PAIRS]
    exposure, kpi = relative(data)
    every = {(round(x, 9), round(y, 9)) for x, y in zip(exposure[:, :, 0].ravel(), kpi.ravel(), strict=True)}
    own = table[table["channel"] == "channel_0"]
    assert {(round(x, 9), round(y, 9)) for x, y in zip(own["exposure"], own["kpi"], strict=True)} <= every
    pd.testing.assert_frame_equal(table, pair_table(data))


def test_a_channel_without_spend_has_no_correlation() -> None:
    data = tiny_model_data(2, 30, 2)
    spend, media = data.spend.copy(), data.media.copy()
    spend[:, :, 0] = media[:, :, 0] = 0.0
    data = dataclasses.replace(data, spend=spend, media=media)
    assert np.isnan(rank_correlations(data)["rank_correlation"][0])
    own = lead_lag_table(data)
    assert own.loc[own["channel"] == "channel_0", "correlation"].isna().all()
