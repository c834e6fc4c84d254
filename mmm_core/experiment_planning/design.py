"""One proposed test: when it would have been, where, and what the fit says that it would have done.

The test is put into the latest weeks of the data that have usual spend of the channel, so that what it costs and
brings is known from the fit.
"""

from dataclasses import dataclass

import numpy as np

from mmm_core.config.experiment_planner import ExperimentPlannerConfig
from mmm_core.errors import InputError
from mmm_core.experiment_planning.matching import Geos, Split, matched_split
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.lift import lift_draws
from mmm_core.model.lift_test import LiftTest
from mmm_core.model.posterior import Posterior

HISTORY = 26
"""Weeks before a test, at most, that tell what share of the controls' outcome the test geos have."""
_USUAL = 0.5
"""Share of the channel's average weekly spend from which weeks count as usual."""


@dataclass(frozen=True)
class Design:
    """A test of one channel."""

    channel: str
    split: Split
    first: int
    """Position of the first week in which spend is changed."""
    weeks: int
    post_weeks: int
    change: float
    """Relative change of spend and media in the test geos."""
    history: int
    """Weeks before that the comparison is set by."""

    @property
    def measured(self) -> int:
        """Weeks that are measured."""
        return self.weeks + self.post_weeks

    def spend(self, data: ModelData) -> float:
        """Money of the channel in the test's geos and weeks as it is in the data."""
        return float(self._cells(data, data.spend).sum())

    def share_of_spend(self, data: ModelData) -> float:
        """The same as a share of all the channel's spend in these weeks."""
        m, weeks = data.channels.index(self.channel), slice(self.first, self.first + self.weeks)
        return self.spend(data) / float(data.spend[:, weeks, m].sum())

    def lift_test(self, data: ModelData) -> LiftTest:
        """The cells of the test, with the media that it would leave in the place of what there was."""
        media = self._cells(data, data.media) * (1 + self.change)
        return LiftTest(
            name=f"proposed test of {self.channel}",
            channels=(self.channel,),
            geos=tuple(data.geos[g] for g in self.split.test),
            first_week=str(data.dates[self.first]),
            without=(tuple(tuple(geo) for geo in media.tolist()),),
            measured=0.0,
            sd=1.0,
            post_weeks=self.post_weeks,
        )

    def effect_draws(self, posterior: Posterior) -> FloatArray:
        """(S,) change of the outcome in its geos and measured weeks because of the test, per draw."""
        return -lift_draws(posterior, self.lift_test(posterior.data))

    def control_weight(self, outcome: FloatArray) -> float:
        """Outcome of the test geos per outcome of the controls in the weeks before; 0 without any.

        Args:
            outcome: (G, T) outcome per week.
        """
        before = outcome[:, self.first - self.history : self.first].sum(axis=1)
        control = float(before[list(self.split.control)].sum())
        return float(before[list(self.split.test)].sum()) / control if control > 0 else 0.0

    def _cells(self, data: ModelData, values: FloatArray) -> FloatArray:
        """(G, T, M) -> (test geos, weeks)."""
        weeks = range(self.first, self.first + self.weeks)
        return np.asarray(values[np.ix_(self.split.test, weeks, [data.channels.index(self.channel)])][:, :, 0])


def design_of(
    data: ModelData, outcome: FloatArray, channel: str, settings: ExperimentPlannerConfig
) -> Design | None:
    """The test of a channel; None where it spends nothing in the weeks that a test can be in.

    Args:
        data: the panel of the fit.
        outcome: (G, T) `outcome_series(data)`.
        channel: a paid channel.
        settings: `calibration.planner`.

    Raises:
        InputError: the data have too few weeks.
    """
    n_weeks, measured = len(data.dates), settings.weeks + settings.post_weeks
    last = n_weeks - measured
    if last < measured:
        raise InputError(
            f"calibration.planner asks for tests of {measured} weeks (weeks + post_weeks), but the data have "
            f"{n_weeks} weeks and a test needs as many before it as it has; lower these keys to {n_weeks // 2} "
            "weeks together, or give a longer history."
        )
    m = data.channels.index(channel)
    first = _start(data.spend[:, :, m].sum(axis=0), measured, last, settings.weeks)
    history = min(HISTORY, first)
    there = data.present[:, first - history : first + measured].all(axis=1)
    spend = data.spend[:, first : first + settings.weeks, m].sum(axis=1)
    eligible = np.flatnonzero(there & (spend > 0))
    if not len(eligible):
        return None
    before = slice(first - history, first)
    geos = Geos(outcome[:, before], data.population, spend)
    split = matched_split(geos, eligible, settings.max_geo_share, settings.seed)
    if not split.control:
        split = Split(split.test, tuple(g for g in np.flatnonzero(there).tolist() if g not in split.test))
    return Design(channel, split, first, settings.weeks, settings.post_weeks, settings.change, history)


def _start(spend: FloatArray, earliest: int, last: int, weeks: int) -> int:
    """First week of the latest stretch with usual spend (of that with most, where none has)."""
    starts = np.arange(last, earliest - 1, -1)
    means = np.array([spend[start : start + weeks].mean() for start in starts.tolist()])
    usual = means >= _USUAL * spend.mean()
    return int(starts[np.argmax(usual) if usual.any() else np.argmax(means)])
