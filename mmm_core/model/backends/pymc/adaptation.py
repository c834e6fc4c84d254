"""Adaptation of step size and diagonal mass matrix, one compiled update for every schedule.

What a step does is data, not code: `schedule` gives one number per step, so that long and short fits, cold
and warm starts and all targets share a compiled program.

The mass matrix is nutpie's: the inverse mass of a coordinate is sqrt(var(draws) / var(gradients)), which needs
fewer draws than var(draws) alone.  Two estimates run side by side; when a window ends, the younger one takes
over, so that the way to the typical set is forgotten.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.model.backends.pymc.media import Array

FROZEN, STEP, MASS, SWITCH, LAST, SHALLOW = range(6)
"""Of a step: adapt nothing; the step size; mass too; also start a new window; end of the adaptation; as mass,
but with short trajectories, because the first step sizes are guesses."""
_WINDOW_ENDS = (0.1, 0.25, 0.5)
"""Where windows end, as shares of the adaptation."""
_SHALLOW_SHARE, _FINAL_SHARE = 0.1, 0.15
"""Of the adaptation: short trajectories at first; only the step size at the end."""
_GAMMA, _T0, _KAPPA = 0.05, 10.0, 0.75
"""Dual averaging (Hoffman & Gelman 2014)."""


class Moments(NamedTuple):
    """Running moments of draws (row 0) and gradients (row 1)."""

    count: Array
    mean: Array
    """(2, D)"""
    squares: Array
    """(2, D) sums of squared distances from the mean."""


class Adaptation(NamedTuple):
    """How a chain steps, and what it has learned of that."""

    step_size: Array
    inverse_mass: Array
    """(D,)"""
    guess: Array
    """(D,) inverse mass as believed beforehand, as good as `weight` draws."""
    weight: Array
    current: Moments
    younger: Moments
    count: Array
    """Steps of dual averaging."""
    mismatch: Array
    """Average of target minus acceptance."""
    log_average: Array
    """Average of log step size."""
    log_centre: Array
    """What the log step size is drawn to."""


def schedule(tune: int, warm: bool) -> NDArray[np.int64]:
    """(tune,) what each adaptation step does.  A warm start has one window, and it keeps what it knows."""
    plan = np.full(tune, MASS)
    plan[: round(_SHALLOW_SHARE * tune)] = SHALLOW
    if not warm:
        plan[[round(share * tune) for share in _WINDOW_ENDS]] = SWITCH
    plan[tune - max(2, round(_FINAL_SHARE * tune)) :] = STEP
    plan[-1] = LAST
    return plan


def begin(inverse_mass: FloatArray, step_size: float, weight: float, overshoot: float) -> Adaptation:
    """Before the first step.

    Args:
        inverse_mass: (D,) guess.
        step_size: guess.
        weight: draws that the guess of the mass is worth.
        overshoot: the step size is drawn to this multiple of its guess.
    """
    nothing = np.zeros((2, len(inverse_mass)))
    empty = Moments(np.float64(0), nothing, nothing)
    log_step = np.log(step_size)
    return Adaptation(
        step_size=np.float64(step_size),
        inverse_mass=inverse_mass,
        guess=inverse_mass,
        weight=np.float64(weight),
        current=empty,
        younger=empty,
        count=np.float64(0),
        mismatch=np.float64(0),
        log_average=np.float64(log_step),
        log_centre=np.float64(log_step + np.log(overshoot)),
    )


def adapt(
    state: Adaptation, action: Array, position: Array, gradient: Array, accept: Array, target: Array
) -> Adaptation:
    """After a step: what `action` says.

    Args:
        state: before.
        action: an entry of `schedule`.
        position: (D,) where the step ended.
        gradient: (D,) there.
        accept: mean acceptance probability of the step.
        target: acceptance probability that is aimed at.
    """
    state = _adapt_mass(state, action, jnp.stack([position, gradient]))
    count = state.count + 1
    share = 1 / (count + _T0)
    mismatch = (1 - share) * state.mismatch + share * (target - accept)
    log_step = state.log_centre - jnp.sqrt(count) / _GAMMA * mismatch
    share = count**-_KAPPA
    average = share * log_step + (1 - share) * state.log_average
    moves = action != FROZEN
    return state._replace(
        count=jnp.where(moves, count, state.count),
        mismatch=jnp.where(moves, mismatch, state.mismatch),
        log_average=jnp.where(moves, average, state.log_average),
        step_size=jnp.where(moves, jnp.exp(jnp.where(action == LAST, average, log_step)), state.step_size),
    )


def _adapt_mass(state: Adaptation, action: Array, point: Array) -> Adaptation:
    learns = (action == MASS) | (action == SWITCH) | (action == SHALLOW)
    current, younger = _add(state.current, point, learns), _add(state.younger, point, learns)
    switches = action == SWITCH
    current = Moments(*(jnp.where(switches, new, old) for old, new in zip(current, younger, strict=True)))
    younger = Moments(*(jnp.where(switches, jnp.zeros_like(old), old) for old in younger))
    variance = current.squares / jnp.maximum(current.count, 1)
    known = (variance > 0).all(axis=0)
    learned = jnp.sqrt(jnp.where(known, variance[0], 1) / jnp.where(known, variance[1], 1))
    share = jnp.where(known, current.count / (current.count + state.weight), 0)
    inverse_mass = learned**share * state.guess ** (1 - share)
    return state._replace(
        current=current, younger=younger, inverse_mass=jnp.where(learns, inverse_mass, state.inverse_mass)
    )


def _add(moments: Moments, point: Array, learns: Array) -> Moments:
    """One more point (Welford)."""
    count = moments.count + 1
    mean = moments.mean + (point - moments.mean) / count
    squares = moments.squares + (point - moments.mean) * (point - mean)
    after = Moments(count, mean, squares)
    return Moments(*(jnp.where(learns, new, old) for old, new in zip(moments, after, strict=True)))
