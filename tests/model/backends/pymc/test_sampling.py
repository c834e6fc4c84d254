"""The sampling loop on densities whose answer is known."""

import threading
from pathlib import Path

import numpy as np
import pytest

from mmm_core.errors import SamplingError
from mmm_core.model.backend import SamplerSettings

SETTINGS = SamplerSettings(chains=3, tune=300, draws=500, target_accept=0.8, max_tree_depth=8, seed=1, cores=2)


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def run(
    log_density: object,
    settings: SamplerSettings = SETTINGS,
    report: object = None,
    folder: Path | None = None,
    begins: object = None,
) -> object:
    from mmm_core.model.backends.pymc.checkpoint import Checkpoint
    from mmm_core.model.backends.pymc.compilation import compile_together
    from mmm_core.model.backends.pymc.density import Density
    from mmm_core.model.backends.pymc.sampling import Chains, block_program
    from mmm_core.model.backends.pymc.starting import cold_begins

    density = Density(lambda flat, _: log_density(flat), lambda flat: (flat,), ("a", "b"), np.zeros(2), np.ones(2))
    (block,) = compile_together([block_program(density, (), settings)])
    begins = begins or cold_begins(density, settings.chains)
    chains = Chains(block, (), begins, settings, Checkpoint(folder, "this fit"))
    return chains.run(report or (lambda done, total: None))[0]


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


def test_scales_that_the_guess_has_wrong_are_learned() -> None:
    def wide(flat: object) -> object:
        return -0.5 * (flat**2 / np.array([1e6, 1e-6])).sum()

    steps = run(wide)
    np.testing.assert_allclose(steps.position.reshape(-1, 2).std(axis=0), [1e3, 1e-3], rtol=0.2)
    assert steps.n_steps.mean() < 8


def test_adaptation_is_over_before_the_first_kept_draw() -> None:
    from mmm_core.model.backends.pymc.adaptation import LAST, MASS, SHALLOW, STEP, SWITCH, schedule

    for tune in (50, 51, 300, 1000):
        plan = schedule(tune, warm=False)
        assert len(plan) == tune
        assert plan[-1] == LAST
        assert set(plan[:-1].tolist()) == {MASS, SHALLOW, STEP, SWITCH}
        assert set(plan[-tune // 10 : -1].tolist()) == {STEP}
    assert SWITCH not in schedule(100, warm=True)


def test_interrupted_chains_go_on_to_the_same_draws(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > 1200:
            raise KeyboardInterrupt

    settings = SamplerSettings(2, 300, 60_000, 0.8, 8, 1, cores=2)
    with pytest.raises(KeyboardInterrupt):
        run(normal, settings, interrupt, tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["chain-0.npz", "chain-1.npz"]
    short = SamplerSettings(2, 300, 2_000, 0.8, 8, 1, cores=2)
    seen: list[int] = []
    resumed = run(normal, short, lambda done, total: seen.append(done), tmp_path)
    assert min(seen) >= 600
    for ours, theirs in zip(resumed, run(normal, short), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_warm_start_begins_where_it_is_told_and_steps_as_it_is_told() -> None:
    from mmm_core.model.backends.pymc.starting import Begin

    begins = [Begin(np.array([3.0, -1.0]), np.array([4.0, 0.01]), 0.8, warm=True)] * 3
    steps = run(normal, SamplerSettings(3, 50, 500, 0.8, 8, 1, cores=2), begins=begins)
    np.testing.assert_allclose(steps.position.reshape(-1, 2).std(axis=0), [2, 0.1], rtol=0.2)
    assert steps.n_steps.mean() < 6
