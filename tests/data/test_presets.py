"""The panels of the benchmark: sizes, patterns, and a truth that follows from media and parameters alone."""

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.ingest import SimulatorConfig
from mmm_core.data.generator import PATTERNS, spend_pattern
from mmm_core.data.presets import PRESETS, Preset
from mmm_core.data.simulator import Simulation, simulate
from mmm_core.data.truth import Truth

SIZES = {
    "small_business": (1, 104, 4, 2),
    "growing_business": (2, 131, 6, 2),
    "medium_business": (8, 156, 8, 4),
    "large_business": (50, 208, 30, 10),
    "geo_effects": (20, 156, 5, 2),
    "endogenous": (8, 156, 5, 2),
}


def _simulated(name: str, seed: int = 20240101) -> Simulation:
    return simulate(SimulatorConfig.model_validate({"preset": name, "seed": seed}))


def _weekly_effect(media: np.ndarray, alpha: float, ec: float, slope: float) -> np.ndarray:
    """Hill of geometric adstock, week by week and lag by lag."""
    effect = np.zeros(len(media))
    for week in range(len(media)):
        weights = [alpha**lag for lag in range(9)]
        past = [media[week - lag] if week >= lag else 0.0 for lag in range(9)]
        stock = sum(weight * value for weight, value in zip(weights, past, strict=True)) / sum(weights)
        effect[week] = stock**slope / (stock**slope + ec**slope)
    return effect


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_its_size_whatever_else_is_configured(name: str) -> None:
    simulation = _simulated(name)
    frame = simulation.frame
    geos, weeks, channels, controls = SIZES[name]
    assert frame["geo"].nunique() == geos
    assert len(frame) == geos * weeks
    assert sum(column.endswith("_spend") for column in frame) == channels == len(simulation.truth.roi)
    assert sum(column.endswith("_control") for column in frame) == controls
    assert np.isfinite(frame.select_dtypes("number").to_numpy()).all()
    assert (frame["conversions"] > 0).all()


@pytest.mark.parametrize("name", ["small_business", "growing_business", "geo_effects"])
def test_contributions_follow_from_media_and_parameters(name: str) -> None:
    simulation = _simulated(name)
    frame, truth = simulation.frame, simulation.truth
    contributions = truth.contributions.set_index(["component", "geo", "date"])["value"].sort_index()
    for channel in truth.roi:
        per_capita = frame[f"{channel}_impressions"] / frame["population"]
        scaled = per_capita / per_capita[per_capita > 0].median()
        for geo in frame["geo"].unique()[:2]:
            media = scaled[frame["geo"] == geo].to_numpy()
            curve = _weekly_effect(media, truth.alpha[channel], truth.ec[channel], truth.slope[channel])
            effect = contributions[channel, geo].to_numpy()
            strength = effect.sum() / curve.sum()
            np.testing.assert_allclose(effect, strength * curve, rtol=1e-9, atol=1e-9 * effect.max())


@pytest.mark.parametrize("name", ["growing_business", "medium_business"])
def test_returns_follow_from_contributions_and_spend(name: str) -> None:
    simulation = _simulated(name)
    frame, truth = simulation.frame, simulation.truth
    by_component = truth.contributions.set_index("component")
    for channel in truth.roi:
        value = by_component.loc[channel, "value"].to_numpy() * frame["revenue_per_conversion"].to_numpy()
        money = pd.Series(value).groupby(frame["geo"].to_numpy()).sum()
        spend = frame.groupby("geo")[f"{channel}_spend"].sum()
        assert truth.roi[channel] == pytest.approx(money.sum() / spend.sum())
        for geo in spend.index:
            assert truth.roi_by_geo[geo][channel] == pytest.approx(money[geo] / spend[geo])


def test_components_sum_to_the_kpi_but_for_noise() -> None:
    simulation = _simulated("medium_business")
    frame = simulation.frame
    expected = simulation.truth.contributions.pivot_table(
        index=["geo", "date"], values="value", aggfunc="sum", sort=False
    )["value"].to_numpy()
    residual = (frame["conversions"].to_numpy() - expected) / frame["population"].to_numpy()
    total = frame["conversions"] / frame["population"]
    assert 0.05 < residual.var() / total.var() < 0.15
    assert abs(residual.mean()) < 0.1 * residual.std()


def test_channels_take_the_patterns_in_turn() -> None:
    rng = np.random.default_rng(5)
    made = {kind: spend_pattern(rng, kind, 3, 104) for kind in PATTERNS}
    steps = np.diff(made["linear"], axis=1)
    assert (np.sign(steps) == np.sign(steps[0, 0])).all()
    assert made["seasonal"][:, :52] == pytest.approx(made["seasonal"][:, 52:])
    assert made["seasonal"].min() > 0
    for geo in made["delayed_start"]:
        first = int(geo.argmax())
        assert 15 <= first <= 46
        assert (geo[:first] == 0).all()
        assert (geo[first:] == 1).all()
    changes = np.abs(np.diff(made["on_off"], axis=1)).sum(axis=1)
    assert (changes >= 6).all()
    spend = _simulated("small_business").frame[["tv_spend", "search_spend", "social_spend", "video_spend"]]
    off = (spend == 0).mean().to_numpy()
    assert off[0] == off[1] == 0
    assert (spend["social_spend"].iloc[:15] == 0).all()
    assert 0.2 < off[3] < 0.7


def test_effects_differ_by_geo_where_they_should() -> None:
    def spread(name: str) -> float:
        by_geo = pd.DataFrame(_simulated(name).truth.roi_by_geo).T
        return float(np.log(by_geo).std().mean())

    assert spread("geo_effects") > 2 * spread("medium_business")


def test_budget_follows_unseen_demand_only_where_it_should() -> None:
    def coupling(name: str) -> float:
        simulation = _simulated(name)
        wide = simulation.truth.contributions.pivot_table(
            index=["geo", "date"], columns="component", values="value", sort=False
        )
        frame = simulation.frame
        baseline = (wide["baseline"].to_numpy() / frame["population"].to_numpy()).reshape(8, -1)
        spend = frame["tv_spend"].to_numpy().reshape(8, -1)
        weekly = (np.diff(spend, axis=1), np.diff(baseline, axis=1))  # both may have a trend
        return float(np.mean([np.corrcoef(weekly[0][g], weekly[1][g])[0, 1] for g in range(8)]))

    assert coupling("endogenous") > 0.2
    assert abs(coupling("medium_business")) < 0.1


def test_the_seed_decides() -> None:
    first, again, other = (_simulated("growing_business", seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert not first.frame["conversions"].equals(other.frame["conversions"])


def test_the_whole_truth_survives_json() -> None:
    truth = _simulated("growing_business").truth
    again = Truth.from_json(truth.to_json())
    assert (again.slope, again.roi_by_geo) == (truth.slope, truth.roi_by_geo)


def test_a_preset_without_a_name_is_simulated_like_one_with_a_name() -> None:
    settings = SimulatorConfig.model_validate({"preset": "geo_effects", "seed": 5})
    unnamed = simulate(settings.model_copy(update={"preset": None}), PRESETS["geo_effects"])
    pd.testing.assert_frame_equal(unnamed.frame, simulate(settings).frame)


def test_flights_slopes_and_returns_are_as_the_preset_says() -> None:
    preset = Preset(6, 80, 4, 1, flights=True, slopes=(1.0, 1.0), returns=(0.5, 0.6))
    simulation = simulate(SimulatorConfig(seed=3), preset)
    assert set(simulation.truth.slope.values()) == {1.0}
    assert all(0.499 < roi < 0.601 for roi in simulation.truth.roi.values())
    for channel in simulation.truth.roi:
        weeks = simulation.frame[f"{channel}_impressions"].to_numpy().reshape(6, 80) > 0
        assert 0.5 < weeks.mean() < 0.95
        assert len({row.tobytes() for row in weeks}) == 6
