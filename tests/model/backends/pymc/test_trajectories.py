"""Paths of known length: they go where the leapfrog goes, and their draws are those of the density."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.model.backend import SamplerSettings

DIMENSION = 6
SETTINGS = SamplerSettings(chains=4, tune=100, draws=2000, target_accept=0.8, max_tree_depth=8, seed=3, cores=2)


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def correlated() -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a normal distribution whose scales differ by 100."""
    root = np.eye(DIMENSION) + 0.4 * np.tril(np.ones((DIMENSION, DIMENSION)), -1)
    scale = np.diag(np.geomspace(0.1, 10, DIMENSION))
    return np.arange(DIMENSION, dtype=float), scale @ root @ root.T @ scale


def potential_of(mean: np.ndarray, covariance: np.ndarray) -> Any:
    precision = np.linalg.inv(covariance)

    def potential(position: Any) -> Any:
        return 0.5 * (position - mean) @ precision @ (position - mean)

    return potential


def chains(path: tuple[int, int], settings: SamplerSettings = SETTINGS) -> Any:
    """Steps on the correlated normal, from its mean."""
    from mmm_core.model.backends.pymc.checkpoint import Checkpoint
    from mmm_core.model.backends.pymc.compilation import compile_together
    from mmm_core.model.backends.pymc.density import Density
    from mmm_core.model.backends.pymc.sampling import Chains, block_program
    from mmm_core.model.backends.pymc.starting import Begin

    mean, covariance = correlated()
    potential = potential_of(mean, covariance)
    names = tuple("abcdef")
    density = Density(lambda x, _: -potential(x), lambda x: (x,), names, mean, np.ones(DIMENSION))
    (block,) = compile_together([block_program(density, (), settings)])
    begins = [Begin(mean, np.diag(covariance), 0.5, warm=True, path=path)] * settings.chains
    return Chains(block, (), begins, settings, Checkpoint(None, "")).run(lambda done, total: None)


def test_a_path_ends_where_leapfrog_steps_end() -> None:
    import jax
    from numpyro.infer.hmc_util import IntegratorState

    from mmm_core.model.backends.pymc.trajectories import trajectories

    mean, covariance = correlated()
    potential = potential_of(mean, covariance)
    gradient = jax.grad(potential)
    inverse_mass, step = np.diag(covariance), 0.1
    rng = np.random.default_rng(0)
    x = mean + np.sqrt(inverse_mass) * rng.normal(size=DIMENSION)
    r = rng.normal(size=DIMENSION) / np.sqrt(inverse_mass)
    start = IntegratorState(x, r, potential(x), gradient(x))
    for _ in range(5):
        r = r - 0.5 * step * np.asarray(gradient(x))
        x = x + step * inverse_mass * r
        r = r - 0.5 * step * np.asarray(gradient(x))
    travel = jax.jit(trajectories(potential, 8))
    reached = travel(np.array([1, 2], dtype=np.uint32), start, inverse_mass, step, 8, 5)
    energy = potential(x) + 0.5 * (inverse_mass * r * r).sum()
    before = start.potential_energy + 0.5 * (inverse_mass * start.r**2).sum()
    np.testing.assert_allclose(reached.at.z, x, rtol=1e-12)
    np.testing.assert_allclose(reached.at.z_grad, gradient(x), rtol=1e-9)
    np.testing.assert_allclose(reached.at.potential_energy, potential(x), rtol=1e-12)
    np.testing.assert_allclose(reached.energy, energy, rtol=1e-12)
    np.testing.assert_allclose(reached.accept, min(1.0, np.exp(before - energy)), rtol=1e-9)
    assert int(reached.n_steps) == 5
    assert not reached.diverging


def test_without_a_path_the_step_is_that_of_numpyro() -> None:
    import jax
    from numpyro.infer.hmc_util import IntegratorState, build_tree, euclidean_kinetic_energy, velocity_verlet

    from mmm_core.model.backends.pymc.trajectories import trajectories

    mean, covariance = correlated()
    potential = potential_of(mean, covariance)
    inverse_mass, key = np.diag(covariance), np.array([3, 4], dtype=np.uint32)
    start = IntegratorState(mean + 0.1, np.ones(DIMENSION), potential(mean + 0.1), jax.grad(potential)(mean + 0.1))
    _, leapfrog = velocity_verlet(potential, euclidean_kinetic_energy)
    tree = build_tree(leapfrog, euclidean_kinetic_energy, start, inverse_mass, 0.2, key, max_tree_depth=8)
    reached = jax.jit(trajectories(potential, 8))(key, start, inverse_mass, 0.2, 8, 0)
    np.testing.assert_allclose(reached.at.z, tree.z_proposal, rtol=1e-10)
    np.testing.assert_allclose(reached.accept, tree.sum_accept_probs / tree.num_proposals, rtol=1e-10)
    assert int(reached.n_steps) == int(tree.num_proposals) > 1


def test_a_path_into_nowhere_is_refused_and_diverges() -> None:
    import jax
    import jax.numpy as jnp
    from numpyro.infer.hmc_util import IntegratorState

    from mmm_core.model.backends.pymc.trajectories import trajectories

    def bounded(x: Any) -> Any:
        return jnp.where(x.sum() > 1, jnp.nan, 0.5 * (x**2).sum())

    start = IntegratorState(np.zeros(2), np.full(2, 50.0), np.float64(0), np.zeros(2))
    travel = jax.jit(trajectories(bounded, 8))
    reached = travel(np.array([1, 2], dtype=np.uint32), start, np.ones(2), 0.5, 8, 4)
    assert reached.diverging
    assert float(reached.accept) == 0
    np.testing.assert_array_equal(reached.at.z, 0)
    assert float(reached.at.potential_energy) == 0
    assert float(reached.energy) == 2500


def test_paths_and_trees_have_the_moments_of_a_correlated_normal() -> None:
    mean, covariance = correlated()
    sd = np.sqrt(np.diag(covariance))
    for path in ((0, 0), (4, 16)):
        steps, walkers = chains(path)
        draws = steps.position.reshape(-1, DIMENSION)
        # 8000 draws; the slowest coordinate is worth some 1000 of them.
        assert (np.abs(draws.mean(axis=0) - mean) < 0.15 * sd).all()
        np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.1)
        correlation = covariance / np.outer(sd, sd)
        np.testing.assert_allclose(np.corrcoef(draws.T), correlation, atol=0.1)
        assert not steps.diverging.any()
        assert all(tuple(walker.path.tolist()) == path for walker in walkers)


def test_paths_have_every_length_from_the_fewest_to_the_most_steps() -> None:
    steps, _ = chains((3, 6))
    lengths, counts = np.unique(steps.n_steps, return_counts=True)
    assert lengths.tolist() == [3, 4, 5, 6]
    assert (counts > 0.2 * counts.sum()).all()


def test_a_path_gives_the_same_draws_on_any_number_of_cores() -> None:
    short = dataclasses.replace(SETTINGS, draws=200)
    alone, _ = chains((3, 6), dataclasses.replace(short, cores=1))
    np.testing.assert_array_equal(alone.position, chains((3, 6), short)[0].position)


@pytest.mark.parametrize(
    ("tree_steps", "path"),
    [
        (np.full((4, 1000), 15), (4, 16)),
        (np.tile([7, 7, 15, 15], 100), (3, 12)),
        (np.ones(10), (1, 2)),
        (np.array([7] * 90 + [127] * 10), (0, 0)),
    ],
)
def test_paths_are_two_thirds_as_long_as_trees_of_one_size(tree_steps: np.ndarray, path: tuple[int, int]) -> None:
    from mmm_core.model.backends.pymc.trajectories import paths_for

    assert paths_for(tree_steps) == path


def test_a_path_aims_lower_because_only_its_end_counts() -> None:
    from mmm_core.model.backends.pymc.trajectories import target_of

    assert float(target_of(0.8, np.array([0, 0]))) == pytest.approx(0.8)
    assert float(target_of(0.8, np.array([7, 14]))) == pytest.approx(0.7)
    assert float(target_of(0.9, np.array([7, 14]))) == pytest.approx(0.85)
