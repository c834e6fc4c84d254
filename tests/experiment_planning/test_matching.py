"""Which geos are tested."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.experiment_planning.matching import Geos, Split, imbalance, matched_split


def made_up_geos(n_geos: int, seed: int) -> Geos:
    rng = np.random.default_rng(seed)
    size = rng.lognormal(12.0, 0.8, n_geos)
    moves = rng.normal(1.0, 0.1, (2, 40))
    outcome = size[:, None] * moves[rng.integers(0, 2, n_geos)] * rng.normal(1.0, 0.02, (n_geos, 40))
    return Geos(outcome, size, size * rng.uniform(0.5, 1.5, n_geos))


@settings(max_examples=10, deadline=None)
@given(st.integers(8, 20), st.integers(0, 100))
def test_the_split_is_better_balanced_than_random_ones(n_geos: int, seed: int) -> None:
    geos = made_up_geos(n_geos, seed)
    split = matched_split(geos, np.arange(n_geos), 0.5, seed=1)
    rng, random = np.random.default_rng(seed), []
    for _ in range(100):
        order = rng.permutation(n_geos)
        half = len(split.test)
        random.append(imbalance(geos, Split(tuple(order[:half].tolist()), tuple(order[half:].tolist()))))
    assert imbalance(geos, split) < np.quantile(random, 0.2)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 15), st.floats(0.05, 0.95), st.integers(0, 100))
def test_every_geo_has_one_role_and_the_share_is_kept(n_geos: int, share: float, seed: int) -> None:
    split = matched_split(made_up_geos(n_geos, seed), np.arange(n_geos), share, seed)
    assert sorted(split.test + split.control) == list(range(n_geos))
    assert 1 <= len(split.test) <= max(1, share * n_geos + 1e-9)
    assert split.control


def test_twins_are_on_different_sides() -> None:
    geos = made_up_geos(6, 1)
    twice = Geos(*(np.concatenate([values, values]) for values in (geos.outcome, geos.size, geos.spend)))
    split = matched_split(twice, np.arange(12), 0.5, 1)
    assert {g % 6 for g in split.test} == set(range(6))
    assert imbalance(twice, split) == pytest.approx(0, abs=1e-12)


def test_the_same_seed_gives_the_same_split() -> None:
    geos = made_up_geos(30, 3)
    assert matched_split(geos, np.arange(30), 0.4, 7) == matched_split(geos, np.arange(30), 0.4, 7)


def test_one_geo_has_no_controls() -> None:
    assert matched_split(made_up_geos(1, 1), np.arange(1), 0.5, 1) == Split((0,), ())
