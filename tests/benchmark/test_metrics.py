"""Metrics against brute force."""

import numpy as np
import pandas as pd
import pytest

from mmm_core.benchmark import metrics
from mmm_core.benchmark.fit import BenchmarkFit
from mmm_core.benchmark.truth import KnownTruth
from tests.factories import tiny_model_data

RNG_SEED = 4


def _fit(contributions: np.ndarray, **changes: object) -> BenchmarkFit:
    """(S, G, T, M) draws of contributions as a fit."""
    values: dict[str, object] = {
        "parameters": np.random.default_rng(RNG_SEED).normal(size=(2, 50, 3)),
        "contributions": lambda m: (contributions[:, g, :, m] for g in range(contributions.shape[1])),
        "table": pd.DataFrame(),
        "divergences": 0,
        "seconds": 10.0,
        "compile_seconds": 4.0,
        "version": "x",
        "artifact_bytes": 1,
    }
    return BenchmarkFit(**{**values, **changes})


def test_crps_equals_the_double_sum() -> None:
    rng = np.random.default_rng(RNG_SEED)
    draws, true = rng.normal(size=(40, 6)), rng.normal(size=6)
    for week in range(6):
        x = draws[:, week]
        near = np.mean([abs(a - true[week]) for a in x])
        apart = np.mean([abs(a - b) for a in x for b in x])
        assert metrics.crps(draws, true)[week] == pytest.approx(near - apart / 2)


def test_crps_of_one_certain_value_is_its_distance() -> None:
    assert metrics.crps(np.full((5, 2), 3.0), np.array([3.0, 1.0])) == pytest.approx([0.0, 2.0])


def test_recovery_equals_loops_over_weeks() -> None:
    data = tiny_model_data()
    rng = np.random.default_rng(RNG_SEED)
    true = rng.gamma(2.0, 50.0, data.media.shape)
    draws = true * rng.lognormal(0.1, 0.3, (60, *true.shape))
    table = metrics.recovery_table(_fit(draws), data, KnownTruth.of_contributions(true))
    assert len(table) == 3 * 2
    for row in table.to_dict("records"):
        g, m = data.geos.index(row["geo"]), data.channels.index(row["channel"])
        mine, truth = draws[:, g, :, m], true[g, :, m]
        squares, inside = [], []
        for t in range(truth.size):
            squares.append((mine[:, t].mean() - truth[t]) ** 2)
            low, high = np.quantile(mine[:, t], [0.05, 0.95])
            inside.append(low <= truth[t] <= high)
        assert row["srmse"] == pytest.approx(np.sqrt(np.mean(squares)) / np.mean(truth))
        assert row["weekly_coverage"] == pytest.approx(np.mean(inside))
        assert row["bias"] == pytest.approx(mine.sum(axis=1).mean() / truth.sum() - 1)
        worth = data.outcome_per_kpi[g]
        assert row["true_roas"] == pytest.approx((truth * worth).sum() / data.spend[g, :, m].sum())
        assert row["roas_mean"] == pytest.approx((mine.mean(axis=0) * worth).sum() / data.spend[g, :, m].sum())


def test_summary_numbers_are_means_over_channel_and_geo() -> None:
    data = tiny_model_data()
    rng = np.random.default_rng(RNG_SEED)
    true = rng.gamma(2.0, 50.0, data.media.shape)
    fit, truth = _fit(true * rng.lognormal(0.0, 0.3, (60, *true.shape))), KnownTruth.of_contributions(true)
    by_geo, by_channel = metrics.recovery_table(fit, data, truth), metrics.channel_table(fit, data, truth)
    found = metrics.recovery_metrics(by_geo, by_channel)
    assert found["srmse"] == pytest.approx(by_geo["srmse"].mean())
    assert found["contribution_bias"] == pytest.approx(by_geo["bias"].mean())
    assert found["roas_error"] == pytest.approx((by_geo["roas_mean"] / by_geo["true_roas"] - 1).abs().mean())
    assert by_channel["true_total"].tolist() == pytest.approx(true.sum(axis=(0, 1)).tolist())


def test_the_truth_itself_is_recovered_without_error() -> None:
    data = tiny_model_data()
    true = np.random.default_rng(RNG_SEED).gamma(2.0, 50.0, data.media.shape)
    truth = KnownTruth.of_contributions(true)
    fit = _fit(np.broadcast_to(true, (20, *true.shape)))
    by_geo = metrics.recovery_table(fit, data, truth)
    found = metrics.recovery_metrics(by_geo, metrics.channel_table(fit, data, truth))
    for name in ("srmse", "contribution_bias", "roas_error", "crps"):
        assert found[name] == pytest.approx(0, abs=1e-9)
    assert found["weekly_coverage"] == 1


def test_weeks_without_any_effect_count_only_where_that_is_said() -> None:
    true = np.array([0.0, 0.0, 10.0, 10.0])
    draws = np.array([[0.0, 0.0, 9.0, 1.0], [0.0, 0.0, 11.0, 2.0]])
    found = metrics.weekly_recovery(draws, true)
    assert found["weekly_coverage"] == pytest.approx(0.5)
    assert found["weekly_coverage_all"] == pytest.approx(0.75)


def test_where_only_totals_are_known_only_totals_are_judged() -> None:
    data = tiny_model_data()
    draws = np.random.default_rng(RNG_SEED).gamma(5.0, 1.0, (60, *data.media.shape))
    truth = KnownTruth(draws.sum(axis=(1, 2)).mean(axis=0) * np.array([1.0, 2.0]))
    by_geo, by_channel = (
        metrics.recovery_table(_fit(draws), data, truth),
        metrics.channel_table(_fit(draws), data, truth),
    )
    assert by_geo.empty
    found = metrics.recovery_metrics(by_geo, by_channel)
    assert found["total_bias"] == pytest.approx(0.25)
    assert found["total_coverage"] == 0.5
    assert "srmse" not in found


def test_effective_sample_sizes_tell_independent_draws_from_a_chain_that_sticks() -> None:
    rng = np.random.default_rng(RNG_SEED)
    independent = rng.normal(size=(2, 1000))
    sticky = np.cumsum(rng.normal(size=(2, 1000)), axis=1)
    draws = np.stack([independent, sticky, np.ones((2, 1000))], axis=-1)
    bulk, tail, rhat = metrics.effective_sample_sizes(draws)
    assert bulk[0] > 1500
    assert tail[0] > 1000
    assert bulk[1] < 50
    assert rhat[0] < 1.01 < rhat[1]
    assert bulk[2] == 0
    assert np.isinf(rhat[2])


def test_compilation_is_in_one_rate_and_not_in_the_other() -> None:
    found = metrics.sampling_metrics(_fit(np.zeros((1, 1, 1, 1))))
    assert found["seconds"] == 10
    assert found["sampling_seconds"] == 6
    assert found["ess_min_per_second"] == pytest.approx(found["ess_min"] / 10)
    assert found["ess_min_per_sampling_second"] == pytest.approx(found["ess_min"] / 6)
    unknown = metrics.sampling_metrics(_fit(np.zeros((1, 1, 1, 1)), compile_seconds=None))
    assert unknown["sampling_seconds"] is None
    assert unknown["ess_min_per_sampling_second"] is None
