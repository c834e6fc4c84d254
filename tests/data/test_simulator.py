import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.ingest import SimulatorConfig
from mmm_core.config.schema import Config
from mmm_core.data.generator import carry_over, saturation
from mmm_core.data.mapping import geo_names, resolve_mapping
from mmm_core.data.simulator import simulate
from mmm_core.data.sources.simulated import read_simulated
from mmm_core.data.truth import Truth
from mmm_core.errors import ConfigError, StorageError

DEMO = SimulatorConfig()


def test_carry_over_equals_the_sum_written_out() -> None:
    rng = np.random.default_rng(1)
    media, alpha = rng.gamma(2.0, size=(2, 15, 3)), np.array([0.0, 0.3, 0.9])
    result = carry_over(media, alpha)
    for g in range(2):
        for t in range(15):
            for m in range(3):
                weights = [alpha[m] ** lag for lag in range(9)]
                past = [media[g, t - lag, m] if t >= lag else 0.0 for lag in range(9)]
                expected = sum(w * x for w, x in zip(weights, past, strict=True)) / sum(weights)
                assert result[g, t, m] == pytest.approx(expected)


def test_half_of_the_largest_effect_is_at_ec() -> None:
    assert saturation(np.array([[[0.0, 2.0]]]), np.array([1.0, 2.0])).tolist() == [[[0.0, 0.5]]]


def test_same_settings_give_the_same_panel_and_another_seed_another() -> None:
    first, again = read_simulated(DEMO), read_simulated(DEMO)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert first.content_hash == again.content_hash
    assert read_simulated(DEMO.model_copy(update={"seed": 1})).content_hash != first.content_hash


def test_truth_recomputed_from_the_frame() -> None:
    """Effects follow from media, parameters and population alone; ROI from effects, price and spend."""
    simulation = simulate(DEMO)
    frame, truth = simulation.frame, simulation.truth
    contributions = truth.contributions.set_index(["component", "geo", "date"])["value"]
    population = frame["population"].to_numpy().reshape(8, 104)
    for channel in truth.roi:
        per_capita = frame[f"{channel}_impressions"].to_numpy().reshape(8, 104) / population
        scaled = per_capita / np.median(per_capita[per_capita > 0])
        alpha, ec = np.array([truth.alpha[channel]]), np.array([truth.ec[channel]])
        curve = saturation(carry_over(scaled[:, :, None], alpha), ec)[:, :, 0]
        effect = contributions[channel].to_numpy().reshape(8, 104)
        strength = effect / population / np.where(curve > 0, curve, np.nan)
        by_geo = np.nanmedian(strength, axis=1)
        np.testing.assert_allclose(effect, by_geo[:, None] * curve * population, rtol=1e-9, atol=1e-6)
        assert 0.02 < np.log(by_geo).std() < 0.5
        money = (effect * frame["revenue_per_conversion"].to_numpy().reshape(8, 104)).sum()
        spend = frame[f"{channel}_spend"].sum()
        assert truth.spend[channel] == pytest.approx(spend)
        assert truth.roi[channel] == pytest.approx(money / spend)


def test_demo_is_a_problem_that_a_model_can_solve() -> None:
    simulation = simulate(DEMO)
    frame, truth = simulation.frame, simulation.truth
    wide = truth.contributions.pivot_table(index=["geo", "date"], columns="component", values="value", sort=False)
    expected = wide.sum(axis=1).to_numpy()
    per_capita = (frame["conversions"] - expected) / frame["population"]
    total = frame["conversions"] / frame["population"]
    media = wide[list(truth.roi)].to_numpy()
    assert 0.3 < media.sum() / expected.sum() < 0.4
    assert 0.85 < 1 - per_capita.var() / total.var() < 0.95
    assert abs(np.corrcoef(per_capita, media.sum(axis=1))[0, 1]) < 0.1
    for channel, roi in truth.roi.items():
        assert 0.5 <= roi <= 4
        assert 0.2 <= truth.alpha[channel] <= 0.7
        assert 0.1 < (frame[f"{channel}_spend"] == 0).mean() < 0.5
    spends = frame[[f"{channel}_spend" for channel in truth.roi]].div(frame["population"], axis=0)
    correlation = spends.corr().to_numpy() - np.eye(5)
    assert np.abs(correlation).max() < 0.3


def test_components_are_finite_and_media_never_negative() -> None:
    truth = simulate(DEMO).truth
    assert np.isfinite(truth.contributions["value"]).all()
    media = truth.contributions[truth.contributions["component"].isin(truth.roi)]
    assert (media["value"] >= 0).all()


@settings(max_examples=25, deadline=None)
@given(
    n_geos=st.integers(1, 12),
    n_weeks=st.integers(20, 160),
    n_channels=st.integers(1, 12),
    n_controls=st.integers(0, 4),
    seed=st.integers(0, 10**6),
)
def test_any_size_gives_a_usable_panel_that_needs_no_mapping(
    n_geos: int, n_weeks: int, n_channels: int, n_controls: int, seed: int
) -> None:
    sizes = {"n_geos": n_geos, "n_weeks": n_weeks, "n_channels": n_channels, "n_controls": n_controls}
    source = read_simulated(SimulatorConfig(**sizes, seed=seed))
    mapping = resolve_mapping(Config(), source.frame.columns.tolist(), source.origin)
    assert len(source.frame) == n_geos * n_weeks
    assert len(mapping.channels) == n_channels
    assert len(mapping.controls) == n_controls
    names = ("national",) if n_geos == 1 else tuple(f"Geo{g}" for g in range(n_geos))
    assert geo_names(source, mapping) == names
    numbers = source.frame[list(mapping.numeric_columns.values())]
    assert np.isfinite(numbers.to_numpy(dtype=float)).all()
    assert (numbers.drop(columns=list(mapping.controls)).to_numpy() >= 0).all()


def test_truth_survives_json() -> None:
    truth = simulate(SimulatorConfig(n_geos=2, n_weeks=20)).truth
    again = Truth.from_json(truth.to_json())
    pd.testing.assert_frame_equal(again.contributions, truth.contributions)
    assert (again.roi, again.alpha, again.ec, again.eta, again.spend) == (
        truth.roi,
        truth.alpha,
        truth.ec,
        truth.eta,
        truth.spend,
    )


@pytest.mark.parametrize("damage", ["no json", "{}", json.dumps({"roi": 1}), "[]"])
def test_damaged_truth_is_refused(damage: str) -> None:
    with pytest.raises(StorageError, match="truth of the simulation"):
        Truth.from_json(damage)


@pytest.mark.parametrize("start", ["2023-01-03", "02.01.2023", "2023-02-30"])
def test_start_that_is_no_monday_is_refused(start: str) -> None:
    with pytest.raises(ConfigError, match="start_date"):
        simulate(SimulatorConfig(start_date=start))
