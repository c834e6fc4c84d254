"""Where a step leads: along a tree that stops at a U-turn (NUTS), or along a path whose length is known (HMC).

A tree has to find out how long to be.  It overshoots, doubling to 15 steps where 10 would do, and draws from all
over itself.  A path goes to its end, so that it takes two thirds of the gradients for draws about as good; but its
length must be known.  The trees of an earlier fit tell it, if they were much of one size.  The number of steps
is drawn anew for every path, without regard to where it starts, and the end is accepted or refused by its energy
alone, so that the draws are exact (Neal 2011).  Lengths are spread wide: near half a period of a coordinate a
path only mirrors it, and the coordinate's spread, unlike its mean, is learned slowly.

Both are walked by NumPyro's tree, a path as trees of one step each: there is one gradient to compile.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from numpyro.infer.hmc_util import IntegratorState, build_tree, euclidean_kinetic_energy, velocity_verlet

from mmm_core.model.backends.pymc.media import Array

TREES = (0, 0)
"""Instead of the fewest and most steps of a path: there are trees."""
NOWHERE = 1e300
"""Potential of a place that any other is better than."""
_FORWARD = np.array([0, 0], dtype=np.uint32)
"""A key with which NumPyro's tree grows to the right."""
_LARGEST_ERROR = 1000.0
"""In energy; beyond, a trajectory diverges (as in NumPyro's trees)."""
_FEWEST_SHARE, _MOST_SHARE = 0.25, 1.05
"""Of the steps of a tree, for a path: on average two thirds.  From 0.45 to 0.9 more paths were near half a period
(R-hat of the spread up to 1.013)."""
_REGULAR_QUANTILE, _REGULAR_RATIO = 0.99, 2.0
"""Trees are of one size if this share of them is at most this much larger than the mean."""
_REFUSAL_RATIO = 1.5
"""A path refuses this many times what is aimed at for trees: of a tree, near points count too, so the same step
size gives it the higher number."""


class Reached(NamedTuple):
    """After one step of the sampler."""

    at: IntegratorState
    """Position, potential and gradient; the momentum means nothing."""
    energy: Array
    accept: Array
    """Mean acceptance probability."""
    n_steps: Array
    """Gradients that it took."""
    diverging: Array


Travel = Callable[..., Reached]
"""(key, state, inverse mass (D,), step size, depth of the tree, steps of the path or 0) -> Reached"""


def paths_for(tree_steps: NDArray[np.int64]) -> tuple[int, int]:
    """Fewest and most steps of paths instead of such trees; `TREES` if they differ too much in size.

    Args:
        tree_steps: steps of each tree of an earlier fit, any shape.
    """
    mean = float(tree_steps.mean())
    if np.quantile(tree_steps, _REGULAR_QUANTILE) > _REGULAR_RATIO * mean + 1:
        return TREES
    fewest = max(1, round(_FEWEST_SHARE * mean))
    return fewest, max(fewest + 1, round(_MOST_SHARE * mean))


def path_steps(key: Array, path: Array) -> Array:
    """Steps of the next path, uniform from the fewest to the most; 0 for trees."""
    return jax.random.randint(key, (), path[0], path[1] + 1)


def target_of(target: Array, path: Array) -> Array:
    """The acceptance to aim at, where `target` is aimed at for trees."""
    return jnp.where(path[1] > 0, 1 - _REFUSAL_RATIO * (1 - target), target)


def trajectories(potential: Callable[[Array], Array], largest_depth: int) -> Travel:
    """The way to travel over a potential.

    Args:
        potential: (D,) -> scalar.
        largest_depth: doublings of the largest tree.
    """
    _, leapfrog = velocity_verlet(potential, euclidean_kinetic_energy)

    def travel(
        key: Array, start: IntegratorState, inverse_mass: Array, step_size: Array, depth: Array, steps: Array
    ) -> Reached:
        follows = steps > 0

        def grow(at: IntegratorState) -> Any:
            # From nowhere the tree always goes on to its new leaf, so that the leaf's energy is told.
            return build_tree(
                leapfrog,
                euclidean_kinetic_energy,
                at._replace(potential_energy=jnp.where(follows, NOWHERE, at.potential_energy)),
                inverse_mass,
                step_size,
                jnp.where(follows, _FORWARD, key),
                max_tree_depth=(jnp.where(follows, 1, depth), largest_depth),
            )

        def advance(_: Array, carry: tuple[IntegratorState, Any]) -> tuple[IntegratorState, Any]:
            tree = grow(carry[0])
            return IntegratorState(tree.z_right, tree.r_right, tree.z_proposal_pe, tree.z_right_grad), tree

        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(grow, start))
        end, tree = jax.lax.fori_loop(0, jnp.maximum(steps, 1), advance, (start, nothing))
        energy = start.potential_energy + euclidean_kinetic_energy(inverse_mass, start.r)
        path = _accepted(key, start, energy, end, tree, steps)
        reached: Reached = jax.tree.map(
            lambda ours, theirs: jnp.where(follows, ours, theirs), path, _of_tree(tree)
        )
        return reached

    return travel


def _of_tree(tree: Any) -> Reached:
    """Where a tree led."""
    at = IntegratorState(tree.z_proposal, tree.r_right, tree.z_proposal_pe, tree.z_proposal_grad)
    accept = tree.sum_accept_probs / tree.num_proposals
    return Reached(at, tree.z_proposal_energy, accept, tree.num_proposals, tree.diverging)


def _accepted(
    key: Array, start: IntegratorState, energy: Array, end: IntegratorState, last: Any, steps: Array
) -> Reached:
    """The end of a path, or its start.

    Args:
        key: of the choice.
        start: of the path.
        energy: there.
        end: of the path.
        last: the tree of its last step; diverging if the energy at the end is not a number.
        steps: of the path.
    """
    error = jnp.where(last.diverging, jnp.inf, last.z_proposal_energy - energy)
    accept = jnp.exp(-jnp.maximum(error, 0.0))
    moves = jax.random.bernoulli(key, accept)
    at = jax.tree.map(lambda new, old: jnp.where(moves, new, old), end, start)
    return Reached(at, jnp.where(moves, last.z_proposal_energy, energy), accept, steps, error > _LARGEST_ERROR)
