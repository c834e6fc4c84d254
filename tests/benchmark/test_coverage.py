"""Statistics of the coverage study, against counting by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from mmm_core.benchmark.coverage import LEVELS, POOLED, binomial_interval, coverage_table, fit_table
from mmm_core.benchmark.coverage_fit import ALL_MEDIA, QUANTILES, PanelResult
from mmm_core.benchmark.coverage_plot import coverage_picture
from mmm_core.benchmark.coverage_study import study_of

CHANNELS = ("tv", "search")


def _row(channel: str, quantity: str, truth: float, mean: float, sd: float) -> dict[str, Any]:
    quantiles = (mean + sd * norm.ppf(QUANTILES)).tolist()
    return {"channel": channel, "quantity": quantity, "truth": truth, "mean": mean, "quantiles": quantiles}


def _result(rows: list[dict[str, Any]], number: int = 0, **changes: Any) -> PanelResult:
    about: dict[str, Any] = {
        "key": "k",
        "backend": "pymc",
        "scenario": "planned",
        "reason": "",
        "accepted": True,
        "tries": 1,
        "seconds": 2.0,
        "max_rhat": 1.0,
        "divergences": 0,
        "code": "c",
    }
    return PanelResult(number=number, rows=tuple(rows), **(about | changes))


def _study(n: int, error: float, seed: int = 3, **changes: Any) -> list[PanelResult]:
    """Posteriors Normal(truth + error * noise, 1) in units of 1 % of the truth: right with `error` = 1."""
    rng = np.random.default_rng(seed)
    results = []
    for number in range(n):
        rows = []
        for quantity in ("contribution", "roi"):
            for channel in (*CHANNELS, ALL_MEDIA):
                truth = float(rng.uniform(50, 150))
                rows.append(
                    _row(channel, quantity, truth, truth + truth / 100 * error * rng.normal(), truth / 100)
                )
        results.append(_result(rows, number, **changes))
    return results


def test_coverage_bias_and_width_are_those_of_counting_by_hand() -> None:
    results = _study(40, 1.3)
    table = coverage_table(results).set_index(["quantity", "channel", "level"])
    places = {0.5: (2, 4), 0.8: (1, 5), 0.9: (0, 6)}
    for quantity in ("contribution", "roi"):
        for channel in (*CHANNELS, ALL_MEDIA, POOLED):
            rows = [
                row
                for result in results
                for row in result.rows
                if row["quantity"] == quantity
                and (row["channel"] == channel or (channel == POOLED and row["channel"] != ALL_MEDIA))
            ]
            for level, (low, high) in places.items():
                found = table.loc[(quantity, channel, level)]
                held = [row["quantiles"][low] <= row["truth"] <= row["quantiles"][high] for row in rows]
                assert found["n"] == len(rows) == (80 if channel == POOLED else 40)
                assert found["panels"] == 40
                assert found["coverage"] == pytest.approx(sum(held) / len(held))
                assert found["bias"] == pytest.approx(np.mean([row["mean"] / row["truth"] - 1 for row in rows]))
                widths = [(row["quantiles"][high] - row["quantiles"][low]) / row["truth"] for row in rows]
                assert found["width"] == pytest.approx(np.mean(widths))
                assert found["low"] <= found["coverage"] <= found["high"]
    assert list(dict.fromkeys(coverage_table(results)["level"])) == list(LEVELS)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_one_interval_per_panel_gives_the_exact_binomial_interval(inside: list[bool]) -> None:
    low, high = binomial_interval(np.array(inside), np.arange(len(inside)))
    exact = binomtest(sum(inside), len(inside)).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_intervals_of_a_panel_that_hold_the_truth_together_count_as_one() -> None:
    one_each = np.arange(50) % 10 > 0
    together = np.repeat(one_each, 4)
    alone = binomial_interval(one_each, np.arange(50))
    assert binomial_interval(together, np.repeat(np.arange(50), 4)) == pytest.approx(alone, abs=0.01)
    apart = binomial_interval(together, np.tile(np.arange(50), 4))
    assert apart[1] - apart[0] < 0.7 * (alone[1] - alone[0])


def test_fits_that_failed_the_gate_are_counted_and_left_out() -> None:
    good = _study(10, 1.0)
    wrong = [_row(channel, "contribution", 100.0, 200.0, 1.0) for channel in (*CHANNELS, ALL_MEDIA)]
    bad = _result(wrong, 10, accepted=False, tries=2, seconds=14.0, divergences=3)
    lost = _result([], 11, accepted=False, tries=2, reason="no draws")
    assert coverage_table([*good, bad, lost]).equals(coverage_table(good))
    (row,) = fit_table([*good, bad, lost]).to_dict("records")
    counts = {name: row[name] for name in ("panels", "accepted", "retried", "without_draws", "divergent")}
    assert counts == {"panels": 12, "accepted": 10, "retried": 2, "without_draws": 1, "divergent": 1}
    assert row["seconds"] == pytest.approx((11 * 2 + 14) / 12)
    pooled = coverage_table(good).query("channel == @POOLED and quantity == 'contribution' and level == 0.9")
    assert row["coverage_90_of_all"] == pytest.approx(float(pooled["coverage"].iloc[0]) * 20 / 22)


@pytest.mark.parametrize(("error", "passed"), [(1.0, True), (3.0, False), (0.1, False)])
def test_intervals_that_are_too_narrow_or_too_wide_are_told_from_right_ones(error: float, passed: bool) -> None:
    coverage, gate = study_of(_study(200, error)).checks()
    assert (coverage.name, coverage.passed, coverage.severity) == ("interval_coverage", passed, "warn")
    assert ("do not take the intervals at their word" in coverage.message) is not passed
    assert gate.passed


def test_confounded_panels_do_not_count_against_the_intervals() -> None:
    both = _study(100, 1.0) + _study(100, 9.0, scenario="confounded")
    coverage, _ = study_of(both).checks()
    assert coverage.passed
    assert "confounded" not in coverage.message
    alone, _ = study_of(_study(100, 9.0, scenario="confounded")).checks()
    assert not alone.passed


def test_a_study_in_which_nothing_converges_says_so_and_can_be_drawn() -> None:
    study = study_of(_study(5, 1.0, accepted=False, tries=2))
    coverage, gate = study.checks()
    assert not coverage.passed
    assert "nothing to count" in coverage.message
    assert not gate.passed
    assert "0 of 5 (pymc)" in gate.message
    assert coverage_picture(study.table).startswith(b"\x89PNG")


def test_the_picture_has_a_row_per_backend_and_scenario() -> None:
    one = coverage_picture(coverage_table(_study(10, 1.0)))
    two = coverage_picture(coverage_table(_study(10, 1.0) + _study(5, 1.0, backend="meridian")))
    heights = [int.from_bytes(png[20:24], "big") for png in (one, two)]
    assert heights[1] == heights[0] + 300


def test_coverage_just_outside_of_the_target_is_said_even_where_chance_explains_it() -> None:
    missed = {3, 9, 14, 21, 30, 33, 37}
    results = []
    for number in range(40):
        mean = 130.0 if number in missed else 100.0
        rows = [_row(name, "contribution", 100.0, mean, 5.0) for name in (*CHANNELS, ALL_MEDIA)]
        results.append(_result(rows, number))
    coverage, _ = study_of(results).checks()
    assert coverage.passed
    assert "82.5 %" in coverage.message
    assert "not 85 to 95 %, but chance may have done it" in coverage.message
