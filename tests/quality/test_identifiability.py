import numpy as np
import pytest

from mmm_core.quality.identifiability import (
    check_channel_correlation,
    check_spend_variation,
    check_variance_inflation,
    check_variation_over_geos,
    check_variation_over_time,
)

NAMES = ("a", "b", "c")


def media(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, size=(4, 60, 3))


def test_largest_correlation_is_numpys() -> None:
    values = media()
    correlation = np.corrcoef(values.reshape(-1, 3).T) - np.eye(3)
    result = check_channel_correlation(values, NAMES, 0.9)
    assert result.passed
    assert result.value == pytest.approx(np.abs(correlation).max())


def test_channels_that_move_together_are_named() -> None:
    values = media()
    values[:, :, 2] = 3 * values[:, :, 0] + 0.01 * values[:, :, 1]
    result = check_channel_correlation(values, NAMES, 0.9)
    assert not result.passed
    assert not result.blocks
    assert {result.table[0]["channel"], result.table[0]["other"]} == {"a", "c"}


def test_opposite_movement_counts_too() -> None:
    values = media()
    values[:, :, 1] = 100 - values[:, :, 0]
    assert not check_channel_correlation(values, NAMES, 0.9).passed


def test_single_or_silent_channel_has_no_correlation() -> None:
    assert check_channel_correlation(media()[:, :, :1], NAMES[:1], 0.9).value == 0
    silent = media()
    silent[:, :, 1] = 0
    assert check_channel_correlation(silent, NAMES, 0.9).passed
    assert check_variance_inflation(silent, NAMES, 10.0).passed


def test_variance_inflation_is_one_over_unexplained_share() -> None:
    values = media()
    values[:, :, 2] = values[:, :, 0] + values[:, :, 1] + 0.3 * values[:, :, 2]
    flat = values.reshape(-1, 3)
    worst = 0.0
    for m in range(3):
        others = np.column_stack([np.ones(len(flat)), np.delete(flat, m, axis=1)])
        residual = flat[:, m] - others @ np.linalg.lstsq(others, flat[:, m], rcond=None)[0]
        worst = max(worst, flat[:, m].var() / residual.var())
    result = check_variance_inflation(values, NAMES, 10.0)
    assert result.value == pytest.approx(worst)
    assert not result.passed


def test_exact_combination_is_told_as_such() -> None:
    values = media()
    values[:, :, 2] = values[:, :, 0] + values[:, :, 1]
    result = check_variance_inflation(values, NAMES, 10.0)
    assert not result.passed
    assert "exact combinations" in result.message


def test_spend_that_neither_stops_nor_varies_warns() -> None:
    spend = media()
    spend[:, :, 1] = 100.0
    spend[:, ::5, 2] = 0.0
    result = check_spend_variation(spend, NAMES, 10.0)
    assert not result.passed
    assert [row["channel"] for row in result.table] == ["b"]


def test_enough_pauses_or_enough_variation_will_do() -> None:
    spend = np.full((1, 100, 2), 100.0)
    spend[0, :15, 0] = 0.0
    spend[0, ::2, 1] = 300.0
    assert check_spend_variation(spend, NAMES[:2], 10.0).passed
    assert not check_spend_variation(spend[:, 15:, :1], NAMES[:1], 10.0).passed


def adjusted_r2(values: np.ndarray, dummies: np.ndarray) -> float:
    """By least squares on dummies."""
    fitted = dummies @ np.linalg.lstsq(dummies, values, rcond=None)[0]
    n, groups = dummies.shape
    return 1 - (((values - fitted) ** 2).sum() / (n - groups)) / (((values - values.mean()) ** 2).sum() / (n - 1))


def test_variation_is_adjusted_r2_on_dummies_of_the_present_weeks() -> None:
    values = media()
    present = np.random.default_rng(1).random((4, 60)) > 0.2
    geo, week = np.nonzero(present)
    flat = values[present]
    for check, groups, size in (
        (check_variation_over_geos, week, 60),
        (check_variation_over_time, geo, 4),
    ):
        expected = max(adjusted_r2(flat[:, m], np.eye(size)[groups]) for m in range(3))
        assert check(values, present, NAMES, 0.99).value == pytest.approx(max(expected, 0.0))


def test_channel_without_variation_over_geos_or_time_is_named() -> None:
    present = np.ones((4, 60), dtype=bool)
    values = media()
    values[:, :, 1] = values[0, :, 1]
    over_geos = check_variation_over_geos(values, present, NAMES, 0.99)
    assert [row["channel"] for row in over_geos.table] == ["b"]
    assert "validation.identifiability.max_time_r2" in over_geos.message
    assert check_variation_over_time(values, present, NAMES, 0.99).passed
    values = media()
    values[:, :, 2] = np.arange(4)[:, None] + 1e-3 * values[:, :, 2]
    over_time = check_variation_over_time(values, present, NAMES, 0.99)
    assert [row["channel"] for row in over_time.table] == ["c"]
    assert not over_time.blocks


def test_one_geo_and_silent_channels_are_not_judged() -> None:
    present = np.ones((1, 60), dtype=bool)
    assert check_variation_over_geos(media()[:1], present, NAMES, 0.99).passed
    assert check_variation_over_time(media()[:1], present, NAMES, 0.99).passed
    silent = media()
    silent[:, :, 1] = 0
    everywhere = np.ones((4, 60), dtype=bool)
    assert check_variation_over_geos(silent, everywhere, NAMES, 0.99).passed
    assert check_variation_over_time(silent, everywhere, NAMES, 0.99).passed


def test_limit_of_variance_inflation_is_configured() -> None:
    values = media()
    values[:, :, 2] = values[:, :, 0] + values[:, :, 1] + 0.3 * values[:, :, 2]
    largest = check_variance_inflation(values, NAMES, 10.0).value
    assert largest is not None
    assert check_variance_inflation(values, NAMES, largest + 1).passed
