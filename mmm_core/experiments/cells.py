"""Which cells (channel, geo, week) a test changed, and the media and spend they would have had without it.

With relative change r on a share s of a week's days, media without the change is media / (1 + r s).  A change of
the amount A means one relative change of all cells: media without it is media (1 - s A / sum(s spend)).  Where a
channel was switched off, the data cannot tell what it would have had; that is the mean of the weeks before.
"""

from typing import NamedTuple

import numpy as np

from mmm_core.experiments.experiment import Experiment
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.lift_test import LiftTest, LiftUnit

REFERENCE_WEEKS = 8
"""Weeks before a test that tell what a channel would have had, had it not been switched off."""
_LEFT = 0.05
"""Share of what would have been spent that may remain where a channel counts as switched off."""
_ROUNDING = 1e-9


class Without(NamedTuple):
    """What would have been in the cells of a test without it.  c channels, g geos, n weeks."""

    media: FloatArray
    """(c, g, n) media units (reach)."""
    spend_change: float
    """Money spent more (or less, < 0) because of the test; 0 for organic media."""


def weeks_of(experiment: Experiment, data: ModelData) -> slice:
    """The weeks in which spend was changed (they may lie outside the data)."""
    first, last = (
        int((day - data.dates[0]) // np.timedelta64(7, "D")) for day in (experiment.start, experiment.end)
    )
    return slice(first, last + 1)


def without_test(experiment: Experiment, data: ModelData) -> Without:
    """Media and spend without the change; the experiment is inside the data.

    Raises:
        DataError: the data contradict the change: less was spent than the change, or what was to be switched
            off was not, or nothing tells what it would have had.
    """
    media, spend = _cells(experiment, data, data.media), _cells(experiment, data, data.spend)
    shares = day_shares(experiment, data)
    if experiment.relative_change is not None:
        remains = 1 + experiment.relative_change * shares
        if remains.min() < _ROUNDING:
            return _switched_off(experiment, data, np.where(remains < _ROUNDING, 0.0, remains))
        return Without(media / remains, float((spend - spend / remains).sum()))
    amount = _amount(experiment)
    total = float((spend * shares).sum())
    if total <= _ROUNDING and amount < 0:
        return _less_than_nothing(experiment, data)
    factor = 1 - shares * amount / max(total, _ROUNDING)
    if factor.min() < 0:
        experiment.refuse(
            f"spend_change is {amount:,.6g}, but only {total:,.6g} was spent in its cells; correct the amount, "
            "the dates or the geos."
        )
    return Without(media * factor, amount)


def day_shares(experiment: Experiment, data: ModelData) -> FloatArray:
    """(n,) share of each week's days that are in the test."""
    weeks = weeks_of(experiment, data)
    starts = data.dates[0] + 7 * np.arange(weeks.start, weeks.stop)
    first = np.maximum(starts, experiment.start)
    last = np.minimum(starts + 6, experiment.end)
    return np.asarray(((last - first) / np.timedelta64(1, "D") + 1) / 7, dtype=np.float64)


def as_lift_test(experiment: Experiment, data: ModelData) -> LiftTest:
    """What a likelihood, and a comparison with a fit, need of it.

    Raises:
        DataError: see `without_test`.
    """
    without = without_test(experiment, data)
    measured, sd = experiment.estimate, experiment.sd
    if experiment.metric == "roas":
        measured, sd = measured * without.spend_change, sd * abs(without.spend_change)
    unit: LiftUnit = "kpi" if experiment.metric == "kpi" else "outcome"
    return LiftTest(
        name=experiment.name,
        channels=experiment.channels,
        geos=experiment.geos,
        first_week=str(data.dates[weeks_of(experiment, data).start]),
        without=tuple(tuple(tuple(weeks) for weeks in geos) for geos in without.media.tolist()),
        measured=measured,
        sd=sd,
        post_weeks=experiment.post_weeks,
        unit=unit,
    )


def _amount(experiment: Experiment) -> float:
    return 0.0 if experiment.spend_change is None else experiment.spend_change


def _cells(experiment: Experiment, data: ModelData, values: FloatArray) -> FloatArray:
    """(G, T, M) -> (c, g, n)."""
    weeks = weeks_of(experiment, data)
    geos, channels = _positions(experiment, data)
    return values[np.ix_(geos, range(weeks.start, weeks.stop), channels)].transpose(2, 0, 1)


def _positions(experiment: Experiment, data: ModelData) -> tuple[list[int], list[int]]:
    geos = [data.geos.index(geo) for geo in experiment.geos]
    return geos, [data.channels.index(channel) for channel in experiment.channels]


def _before(experiment: Experiment, data: ModelData, values: FloatArray) -> FloatArray:
    """(c, g) mean of the weeks before the test."""
    geos, channels = _positions(experiment, data)
    end = weeks_of(experiment, data).start
    weeks = range(max(0, end - REFERENCE_WEEKS), end)
    if not len(weeks):
        experiment.refuse(
            "the data begin with the test, so nothing tells what would have been spent without it; give data of "
            f"earlier weeks, or leave the test out (the mean of {REFERENCE_WEEKS} weeks before it is taken)."
        )
    return np.asarray(values[np.ix_(geos, weeks, channels)].mean(axis=1).T)


def _switched_off(experiment: Experiment, data: ModelData, remains: FloatArray) -> Without:
    """Media and spend of a test with a relative change of -1.

    Args:
        experiment: the test.
        data: the panel.
        remains: (n,) share that remained; 0 in weeks that it was off on all days.
    """
    pairs = []
    for values in (data.media, data.spend):
        there, before = _cells(experiment, data, values), _before(experiment, data, values)
        off = np.broadcast_to(before[:, :, None], there.shape)
        pairs.append((there, np.where(remains > 0, there / np.where(remains > 0, remains, 1.0), off)))
    (media, media_without), (spend, spend_without) = pairs
    left, usual = media[:, :, remains == 0].sum(), media_without[:, :, remains == 0].sum()
    if usual <= 0:
        experiment.refuse(
            f"it switches off {', '.join(experiment.channels)}, but there was no media in the {REFERENCE_WEEKS} "
            "weeks before either; correct the dates, or leave the test out."
        )
    if left > _LEFT * usual:
        experiment.refuse(
            f"relative_change is -1, but the data have {left / usual:.0%} of the usual media in its cells; give "
            "the change there was, or correct the dates or geos."
        )
    return Without(media_without, float((spend - spend_without).sum()))


def _less_than_nothing(experiment: Experiment, data: ModelData) -> Without:
    """The same where an amount was saved and nothing spent: the usual media, as much as the amount buys."""
    usual, spent = _before(experiment, data, data.media), _before(experiment, data, data.spend)
    shares = day_shares(experiment, data)
    total = float(spent.sum() * shares.sum())
    if total <= 0:
        experiment.refuse(
            f"spend_change is {_amount(experiment):,.6g}, but nothing was spent on "
            f"{', '.join(experiment.channels)} in its cells and in the {REFERENCE_WEEKS} weeks before; correct "
            "the dates, or leave the test out."
        )
    factor = -_amount(experiment) / total * shares
    return Without(usual[:, :, None] * factor, _amount(experiment))
