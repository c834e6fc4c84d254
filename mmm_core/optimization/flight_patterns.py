"""Flights to try where saturation is S-shaped: the same money of every cell, spread over periods in other ways."""

from collections.abc import Iterator

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.flight_outcome import FlightOutcome
from mmm_core.optimization.flight_space import FlightSpace

_MOST_GAPS = 4
"""Most periods from one burst to the next."""
_CHANGED = 1e-3
"""Least change of a factor that is worth a try."""
_SEED, _RANDOM, _SPREADS = 20260101, 8, (0.3, 1.0, 3.0)
"""Flights filled in random order: how many, and how far that order is from the one of the plan at hand."""


def best_patterns(outcome: FlightOutcome, space: FlightSpace, factors: FloatArray) -> FloatArray:
    """(N, Q) for every cell, whose outcome does not depend on others, the best of many flights of its money."""
    best, values = factors.copy(), outcome(factors, 0).value
    for pattern in _patterns(space, factors, outcome(factors, 1).slope):
        found = outcome(pattern, 0).value
        better = found > values + 1e-12 * np.abs(values)
        best[better], values = pattern[better], np.maximum(values, found)
    return best


def _patterns(space: FlightSpace, factors: FloatArray, slope: FloatArray) -> Iterator[FloatArray]:
    n_cells, n_periods = factors.shape
    money, time = space.weeks.shares * factors, np.arange(n_periods)
    per_money = np.divide(slope, space.weeks.shares, out=np.zeros_like(slope), where=space.weeks.shares > 0)
    every = (n_cells, n_periods)
    yield filled(space, factors, np.zeros(every), even=True)
    yield filled(space, factors, money)
    yield filled(space, factors, per_money)
    yield filled(space, factors, np.broadcast_to(-time, every))
    yield filled(space, factors, np.broadcast_to(time, every))
    for gap in range(2, min(_MOST_GAPS, n_periods) + 1):
        for phase in range(gap):
            for length in range(1, gap):
                burst = (time - phase) % gap < length
                yield filled(
                    space, factors, np.broadcast_to(np.where(burst, 1.0, 0.0), every) + 1e-3 * per_rank(money)
                )
    for shift in (-1, 1):
        yield filled(space, factors, np.roll(money, shift, axis=1))
    rng = np.random.default_rng(_SEED)
    for spread in np.repeat(_SPREADS, _RANDOM):
        yield filled(space, factors, per_rank(money) + spread * rng.random(every))


def _ends(space: FlightSpace, whole: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N, Q) least and most money of periods, in parts of the planned, given (N, 1) factors of cells."""
    shares = space.weeks.shares
    low, high = space.lower * shares, space.upper * shares
    if space.low_share is not None:
        low = np.maximum(low, np.minimum(space.low_share * whole, high))
    if space.high_share is not None:
        high = np.maximum(np.minimum(high, space.high_share * whole), low)
    return low, high


def kicks(outcome: FlightOutcome, space: FlightSpace, factors: FloatArray, most: int) -> list[FloatArray]:
    """Plans in which one period of one cell gets as little or as much as it may, the least harmful ones.

    The cell's other periods take what is left, by their room.
    """
    values, found = outcome(factors, 0).value, []
    for period in range(factors.shape[1]):
        for upwards in (False, True):
            moved = _kicked(space, factors, period, upwards)
            loss = values - outcome(moved, 0).value
            changed = np.abs(moved[:, period] - factors[:, period]) > _CHANGED
            found += [(float(loss[n]), n, moved[n]) for n in np.flatnonzero(changed).tolist()]
    plans = []
    for _, cell, flight in sorted(found, key=lambda kick: kick[0])[:most]:
        plans.append(factors.copy())
        plans[-1][cell] = flight
    return plans


def _kicked(space: FlightSpace, factors: FloatArray, period: int, upwards: bool) -> FloatArray:
    """(N, Q) one period of every cell at an end; cells whose other periods cannot make up for it stay."""
    shares, whole = space.weeks.shares, space.whole(factors)[:, None]
    low, high = _ends(space, whole)
    money = shares * factors
    aim = (high if upwards else low)[:, period]
    spare = aim - money[:, period]
    room = np.maximum(money - low if upwards else high - money, 0.0) * space.free
    room[:, period] = 0.0
    total = room.sum(axis=1)
    possible = space.free[:, period] & (total >= np.abs(spare))
    part = np.divide(-spare, total, out=np.zeros_like(total), where=possible & (total > 0))
    moved = money + room * part[:, None]
    moved[:, period] = aim
    there = possible[:, None] & space.free
    return np.where(there, np.divide(moved, shares, out=factors.copy(), where=shares > 0), factors)


def per_rank(values: FloatArray) -> FloatArray:
    """(N, Q) place of each value in its row, as a part."""
    return np.asarray(values.argsort(axis=1).argsort(axis=1) / max(values.shape[1], 1))


def filled(space: FlightSpace, factors: FloatArray, priority: FloatArray, even: bool = False) -> FloatArray:
    """(N, Q) factors with the same money per cell, first where the priority is highest (or in equal parts of what
    is allowed), every period within its limits."""
    shares, whole = space.weeks.shares, space.whole(factors)[:, None]
    low, high = _ends(space, whole)
    room, left = high - low, np.maximum(whole - low.sum(axis=1, keepdims=True), 0.0)
    total = room.sum(axis=1, keepdims=True)
    if even:
        money = low + room * np.divide(left, total, out=np.zeros_like(left), where=total > 0).clip(max=1.0)
    else:
        order = np.argsort(-priority, axis=1, kind="stable")
        sorted_room = np.take_along_axis(room, order, axis=1)
        before = np.cumsum(sorted_room, axis=1) - sorted_room
        taken = np.zeros_like(room)
        np.put_along_axis(taken, order, np.clip(left - before, 0.0, sorted_room), axis=1)
        money = low + taken
    return np.where(space.free, np.divide(money, shares, out=np.ones_like(money), where=shares > 0), factors)
