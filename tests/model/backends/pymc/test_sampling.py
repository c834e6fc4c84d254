"""The sampling loop on densities whose answer is known."""

import threading

import numpy as np
import pytest

from mmm_core.errors import SamplingError
from mmm_core.model.backend import SamplerSettings

SETTINGS = SamplerSettings(chains=3, tune=300, draws=500, target_accept=0.8, max_tree_depth=8, seed=1, cores=2)


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def run(log_density: object, settings: SamplerSettings = SETTINGS, report: object = None) -> object:
    from mmm_core.model.backends.pymc.compilation import compile_together
    from mmm_core.model.backends.pymc.density import Density
    from mmm_core.model.backends.pymc.sampling import Sampler, nuts_programs, run_chains

    density = Density(log_density, lambda flat: flat, np.zeros(2), np.ones(2))
    sampler = Sampler(*compile_together(nuts_programs(density, settings)))
    return run_chains(sampler, density, settings, report or (lambda done, total: None))


def normal(flat: object) -> object:
    return -0.5 * ((flat - np.array([3.0, -1.0])) ** 2 / np.array([4.0, 0.01])).sum()


def test_chains_reach_a_normal_distribution_from_different_starts() -> None:
    steps = run(normal)
    assert steps.position.shape == (3, 500, 2)
    assert steps.lp.shape == steps.energy.shape == steps.diverging.shape == steps.n_steps.shape == (3, 500)
    for chain in steps.position:
        assert (np.abs(chain.mean(axis=0) - [3, -1]) < [0.6, 0.03]).all()
        np.testing.assert_allclose(chain.std(axis=0), [2, 0.1], rtol=0.25)
    assert not np.allclose(steps.position[0], steps.position[1])
    assert not steps.diverging.any()


def test_draws_do_not_depend_on_the_number_of_cores() -> None:
    alone = run(normal, SamplerSettings(3, 300, 500, 0.8, 8, 1, cores=1))
    np.testing.assert_array_equal(alone.position, run(normal).position)


def test_density_that_is_nowhere_finite_is_refused_with_a_remedy() -> None:
    with pytest.raises(SamplingError, match="roi_bounds"):
        run(lambda flat: np.nan * flat.sum())


def test_an_interrupt_while_reporting_stops_every_chain() -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(normal, SamplerSettings(3, 50_000, 50_000, 0.8, 8, 1), interrupt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chain")]
