"""Contributions and returns by period against the whole window, plain loops and changed data."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.attribution.caused import part_sums
from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.periods import period_table
from mmm_core.attribution.returns import channel_summary
from mmm_core.config.outputs import AttributionConfig
from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.forward import channel_contribution, effect_units, expected_kpi, incremental_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data
from tests.model.forward_oracle import OneDraw, decay_weights, saturate

ASKED = AttributionConfig.model_validate(
    {
        "periods": ["year", "quarter", "month"],
        "windows": {
            "launch": {"start": "2023-02-20", "end": "2023-04-02"},
            "one week": {"start": "2023-05-01", "end": "2023-05-01"},
        },
    }
)
_COLUMNS = [
    *("kind", "period", "start", "end", "geo", "channel", "spend", "media_units"),
    *("contribution_mean", "contribution_q05", "contribution_q50", "contribution_q95"),
    *("caused_mean", "caused_q05", "caused_q95", "outcome_mean", "outcome_q05", "outcome_q95"),
    *("roi_mean", "roi_q05", "roi_q50", "roi_q95", "mroi_mean", "mroi_q05", "mroi_q95"),
    *("cpik_mean", "cpik_q05", "cpik_q50", "cpik_q95"),
    *("effectiveness_mean", "effectiveness_q05", "effectiveness_q95"),
]


def _configured(data: ModelData, settings: Mapping[str, Any]) -> Posterior:
    return made_up_posterior(data, n_draws=4, spec=build_spec(Config.model_validate(settings), data))


def _posterior(case: str) -> Posterior:
    data = tiny_model_data(n_weeks=30, extras=EVERYTHING)
    if case == "robust_log":
        return made_up_posterior(data, n_draws=4, spec=robust(data))
    if case == "hill before adstock":
        return _configured(data, {"model": {"hill_before_adstock": True}})
    if case == "shapes":
        overrides = {"channel_0": {"type": "none"}, "channel_1": {"type": "logistic"}}
        shapes = {"type": "weibull", "platform_overrides": {"channel_0": {"type": "delayed"}}}
        return _configured(data, {"features": {"saturation": {"channel_overrides": overrides}, "adstock": shapes}})
    if case == "s-shaped":
        return _configured(data, {"features": {"saturation": {"slope": "free"}}})
    return made_up_posterior(data, n_draws=4)


CASES = ("everything", "robust_log", "hill before adstock", "shapes", "s-shaped")


@pytest.fixture(params=CASES)
def posterior(request: pytest.FixtureRequest) -> Posterior:
    return _posterior(request.param)


def _of_all(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    return table[(table["kind"] == kind) & (table["geo"] == "all")]


def test_columns_and_order_are_the_published_ones() -> None:
    table = period_table(made_up_posterior(tiny_model_data()), AttributionConfig())
    assert list(table) == _COLUMNS
    assert table["kind"].unique().tolist() == ["total", "year", "quarter"]
    assert table["period"].unique().tolist() == ["all", "2023", "2023-Q1", "2023-Q2", "2023-Q3"]
    assert table["geo"].unique().tolist() == ["all", "Geo0", "Geo1", "Geo2"]
    assert not table.duplicated(["kind", "period", "geo", "channel"]).any()
    assert str(table["start"].dtype) == str(table["end"].dtype) == "datetime64[ns]"


def test_the_total_is_the_channel_summary(posterior: Posterior) -> None:
    total = _of_all(period_table(posterior, ASKED), "total").reset_index(drop=True)
    summary = channel_summary(posterior)
    assert total["channel"].tolist() == summary["channel"].tolist()
    shared = [name for name in summary if name in total and name not in ("channel", "kind")]
    assert {"roi_q50", "mroi_q95", "cpik_q05", "effectiveness_mean", "contribution_q95"} <= set(shared)
    for name in shared:
        np.testing.assert_allclose(total[name], summary[name], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(total["caused_mean"], summary["contribution_mean"], rtol=1e-9)
    np.testing.assert_allclose(total["outcome_q05"], summary["contribution_q05_revenue"], rtol=1e-9)


def test_contributions_are_sums_of_the_weekly_ones(posterior: Posterior) -> None:
    table = period_table(posterior, ASKED)
    weekly = contribution_table(posterior)
    for row in table.itertuples():
        there = weekly["date"].between(row.start, row.end) & (weekly["component"] == row.channel)
        there &= (weekly["geo"] == row.geo) | (row.geo == "all")
        assert row.contribution_mean == pytest.approx(weekly.loc[there, "mean"].sum(), rel=1e-9)
        assert row.outcome_mean == pytest.approx(weekly.loc[there, "mean_revenue"].sum(), rel=1e-9)


def test_intervals_are_those_of_sums_over_weeks() -> None:
    posterior = made_up_posterior(tiny_model_data())
    table = _of_all(period_table(posterior, ASKED), "window").set_index(["period", "channel"])
    for m, channel in enumerate(posterior.data.channels):
        draws = sum(geo[:, 7:13].sum(axis=1) for geo in channel_contribution(posterior, m))
        row = table.loc[("launch", channel)]
        found = row[["contribution_q05", "contribution_q50", "contribution_q95"]].to_numpy(dtype=float)
        np.testing.assert_allclose(found, np.quantile(draws, (0.05, 0.5, 0.95)))


@pytest.mark.parametrize("kind", ["year", "quarter", "month"])
def test_what_periods_cause_and_what_carried_in_adds_up_to_the_contribution(
    posterior: Posterior, kind: str
) -> None:
    table = period_table(posterior, ASKED)
    units = effect_units(posterior)
    for m, channel in enumerate(posterior.data.channels):
        carried_in = sum(sums.caused[0].mean() for sums in part_sums(posterior, m, [0], units))
        assert carried_in > 0
        periods = _of_all(table, kind)
        caused = periods.loc[periods["channel"] == channel, "caused_mean"].sum()
        total = _of_all(table, "total").set_index("channel").loc[channel, "contribution_mean"]
        assert caused + carried_in == pytest.approx(total, rel=1e-9)


def _oracle(posterior: Posterior, draw: int, g: int, m: int, weeks: range) -> tuple[float, float]:
    """Caused KPI and marginal outcome of some weeks in one geo, by loops over weeks and lags."""
    one, data, spec = OneDraw(posterior, 0, draw), posterior.data, posterior.spec
    n_lead, n_weeks = data.lead_media.shape[1], len(data.dates)
    scale = posterior.scaling.media_scale[g, m]
    series = [float(x / scale) for x in [*data.lead_media[g, :, m], *data.media[g, :, m]]]
    alpha, theta, ec, slope = (float(one.at[name][m]) for name in ("alpha_m", "theta_m", "ec_m", "slope_m"))
    weights = decay_weights(alpha, spec.adstock[m], min(spec.max_lag_weeks + 1, len(series)), theta)
    kind = spec.saturation[m]
    worth = np.ones(n_weeks) if data.revenue_per_kpi is None else data.revenue_per_kpi[g]
    caused = marginal = 0.0
    for t in range(n_weeks):
        now, next_ = one.channel(g, t, m), one.channel(g, t, m, 1.01)
        values = {}
        for lag, weight in enumerate(weights):
            at = n_lead + t - lag
            if at < 0:
                continue
            if data.channel_kinds[m] == "reach_frequency":
                assert data.frequency is not None
                assert data.lead_frequency is not None
                contacts = [*data.lead_frequency[g, :, m], *data.frequency[g, :, m]]
                values[at - n_lead] = weight * series[at] * saturate(float(contacts[at]), kind, ec, slope)
            elif spec.hill_before_adstock:
                values[at - n_lead] = weight * saturate(series[at], kind, ec, slope)
            else:
                values[at - n_lead] = weight * series[at]
        total = math.fsum(values.values())
        share = math.fsum(value for at, value in values.items() if at in weeks) / total if total else 0.0
        caused += share * now
        marginal += share * (next_ - now) * float(worth[t])
    return caused, marginal


@pytest.mark.parametrize("case", ["everything", "robust_log", "shapes", "s-shaped"])
def test_caused_and_marginal_equal_loops(case: str) -> None:
    posterior = _posterior(case)
    first = {name: values.isel(chain=[0], draw=[0, 1]) for name, values in posterior.samples.items()}
    posterior = dataclasses.replace(
        posterior, samples=posterior.samples.isel(chain=[0], draw=[0, 1]).assign(first)
    )
    table = period_table(posterior, ASKED)
    rows = table[(table["kind"] == "window") & (table["geo"] != "all")].set_index(["period", "geo", "channel"])
    for (period, geo, channel), row in rows.iterrows():
        g, m = posterior.data.geos.index(geo), posterior.data.channels.index(channel)
        weeks = range(7, 13) if period == "launch" else range(17, 18)
        found = [_oracle(posterior, draw, g, m, weeks) for draw in range(2)]
        caused, marginal = np.mean(found, axis=0)
        assert row["caused_mean"] == pytest.approx(caused, rel=1e-9, abs=1e-9)
        if row["spend"] > 0:
            assert row["mroi_mean"] == pytest.approx(marginal / (0.01 * row["spend"]), rel=1e-6)


def _kpi_without(posterior: Posterior, channel: int, weeks: slice) -> np.ndarray:
    """(S,) expected KPI of all weeks and geos without one channel's media in some weeks."""
    media = posterior.data.media.copy()
    media[:, weeks, channel] = 0
    return np.asarray(expected_kpi(posterior, media=media).sum(axis=(1, 2)))


def test_where_weeks_add_up_caused_is_what_taking_the_weeks_away_costs() -> None:
    posterior = _posterior("hill before adstock")
    table = _of_all(period_table(posterior, ASKED), "window").set_index(["period", "channel"])
    with_all = expected_kpi(posterior).sum(axis=(1, 2))
    for period, weeks in (("launch", slice(7, 13)), ("one week", slice(17, 18))):
        for m, channel in enumerate(posterior.data.channels):
            lost = with_all - _kpi_without(posterior, m, weeks)
            assert table.loc[(period, channel), "caused_mean"] == pytest.approx(lost.mean(), rel=1e-8)


@pytest.mark.parametrize("case", ["everything", "shapes"])
def test_where_weeks_are_saturated_together_caused_is_the_average_of_what_they_add(case: str) -> None:
    """All media of the channel, before the window too, grows from nothing; at each stage the period's share of the
    growth is measured by changed data (an integral by Gauss-Legendre)."""
    posterior = _posterior(case)
    data, weeks, small = posterior.data, slice(7, 13), 1e-5
    table = _of_all(period_table(posterior, ASKED), "window").set_index(["period", "channel"])
    nodes, sizes = np.polynomial.legendre.leggauss(24)
    for m, channel in enumerate(data.channels):
        total = np.zeros(posterior.n_draws)
        for stage, size in zip((nodes + 1) / 2, sizes / 2, strict=True):
            lead, ends = data.lead_media.copy(), []
            lead[:, :, m] *= stage
            changed = dataclasses.replace(posterior, data=dataclasses.replace(data, lead_media=lead))
            for step in (stage - small, stage + small):
                media = data.media.copy()
                media[:, :, m] *= stage
                media[:, weeks, m] = step * data.media[:, weeks, m]
                ends.append(expected_kpi(changed, media=media).sum(axis=(1, 2)))
            total += size * (ends[1] - ends[0]) / (2 * small)
        assert table.loc[("launch", channel), "caused_mean"] == pytest.approx(total.mean(), rel=1e-4)


def test_diminishing_returns_share_more_than_taking_a_period_away_costs() -> None:
    posterior = made_up_posterior(tiny_model_data())
    table = _of_all(period_table(posterior, ASKED), "quarter")
    with_all = expected_kpi(posterior).sum(axis=(1, 2))
    dates = pd.DatetimeIndex(posterior.data.dates)
    for row in table.itertuples():
        weeks = slice(int(dates.get_loc(row.start)), int(dates.get_loc(row.end)) + 1)
        lost = with_all - _kpi_without(posterior, posterior.data.channels.index(row.channel), weeks)
        assert lost.mean() < row.caused_mean < 1.5 * lost.mean()


def test_the_next_unit_of_a_period_is_close_to_scaling_the_period_alone() -> None:
    posterior = made_up_posterior(tiny_model_data())
    data = posterior.data
    assert data.revenue_per_kpi is not None
    table = _of_all(period_table(posterior, ASKED), "window").set_index(["period", "channel"])
    now = expected_kpi(posterior)
    for m, channel in enumerate(data.channels):
        media = data.media.copy()
        media[:, 7:13, m] *= 1.01
        more = ((expected_kpi(posterior, media=media) - now) * data.revenue_per_kpi).sum(axis=(1, 2))
        expected = more.mean() / (0.01 * data.spend[:, 7:13, m].sum())
        assert table.loc[("launch", channel), "mroi_mean"] == pytest.approx(expected, rel=0.01)


def test_returns_are_ratios_of_the_printed_sums(posterior: Posterior) -> None:
    table = period_table(posterior, ASKED)
    data = posterior.data
    paid = table[table["spend"] > 0]
    np.testing.assert_allclose(paid["cpik_mean"], paid["spend"] / paid["caused_mean"])
    np.testing.assert_allclose(paid["roi_mean"] * paid["spend"], paid["effectiveness_mean"] * paid["media_units"])
    assert table.loc[table["spend"] == 0].filter(regex="roi|cpik").isna().all().all()
    impressions = data.media if data.frequency is None else data.media * data.frequency
    for geo, g in (("all", slice(None)), ("Geo1", slice(1, 2))):
        rows = table[(table["kind"] == "year") & (table["geo"] == geo)]
        np.testing.assert_allclose(rows["spend"], data.spend[g].sum(axis=(0, 1)))
        np.testing.assert_allclose(rows["media_units"], impressions[g].sum(axis=(0, 1)))


def test_means_of_geos_add_up(posterior: Posterior) -> None:
    table = period_table(posterior, ASKED)
    keys, sums = ["kind", "period", "channel"], ["spend", "media_units", "contribution_mean", "caused_mean"]
    added = table[table["geo"] != "all"].groupby(keys)[sums].sum()
    together = table[table["geo"] == "all"].set_index(keys)[sums].sort_index()
    np.testing.assert_allclose(added, together, rtol=1e-9)


def test_a_geo_has_no_row_for_a_period_in_which_it_is_absent() -> None:
    posterior = _posterior("everything")
    table = period_table(posterior, ASKED)
    early = table[(table["kind"] == "month") & (table["period"] == "2023-01")]
    assert early["geo"].unique().tolist() == ["all", "Geo0", "Geo2"]


def test_a_national_panel_has_its_geo_and_all() -> None:
    posterior = made_up_posterior(tiny_model_data(n_geos=1))
    table = period_table(posterior, ASKED)
    whole, geo = (table[table["geo"] == name].drop(columns="geo") for name in ("all", "national"))
    pd.testing.assert_frame_equal(whole.reset_index(drop=True), geo.reset_index(drop=True))


def test_without_a_worth_of_the_kpi_outcome_is_kpi() -> None:
    data = dataclasses.replace(tiny_model_data(), revenue_per_kpi=None)
    posterior = made_up_posterior(data)
    table = period_table(posterior, ASKED)
    np.testing.assert_allclose(table["outcome_mean"], table["contribution_mean"])
    np.testing.assert_allclose(table["roi_mean"], table["caused_mean"] / table["spend"])


def test_a_geo_called_all_is_not_there_twice() -> None:
    data = dataclasses.replace(tiny_model_data(n_geos=1), geos=("all",))
    table = period_table(made_up_posterior(data), ASKED)
    assert not table.duplicated(["kind", "period", "geo", "channel"]).any()
    assert table.notna().all().all()


@settings(max_examples=25)
@given(cuts=st.sets(st.integers(1, 29)), case=st.sampled_from(["everything", "hill before adstock", "shapes"]))
def test_however_the_window_is_divided_its_parts_add_up(cuts: set[int], case: str) -> None:
    posterior = _posterior(case)
    found = incremental_kpi(posterior)
    for m in range(len(posterior.data.channels)):
        for g, sums in enumerate(part_sums(posterior, m, [0, *sorted(cuts)], effect_units(posterior))):
            np.testing.assert_allclose(sums.caused.sum(axis=0), found[:, g, m], rtol=1e-9)
            np.testing.assert_allclose(sums.contribution.sum(axis=0), found[:, g, m], rtol=1e-9)


def test_carryover_too_small_for_a_number_is_nothing() -> None:
    data = tiny_model_data(n_geos=1, n_weeks=12, n_channels=1)
    media = np.zeros_like(data.media)
    media[:, 2] = 1.0
    posterior = made_up_posterior(dataclasses.replace(data, media=media, spend=0.01 * media))
    posterior.samples["alpha_m"][:] = 1e-39
    table = period_table(posterior, AttributionConfig(periods=("month",)))
    total, months = _of_all(table, "total").iloc[0], _of_all(table, "month")
    assert months["caused_mean"].sum() == pytest.approx(total["contribution_mean"])
    assert np.isfinite(months[["caused_mean", "contribution_mean", "outcome_q95"]]).all().all()


def test_many_blocks_of_draws_give_what_one_gives() -> None:
    posterior = made_up_posterior(tiny_model_data(n_weeks=30), n_chains=2, n_draws=1500)
    total = sum(sums.caused.sum(axis=0) for sums in part_sums(posterior, 0, [0, 11], effect_units(posterior)))
    np.testing.assert_allclose(total, incremental_kpi(posterior).sum(axis=1)[:, 0], rtol=1e-10)
