"""How long a channel's media works, and how far it is from working no better."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from mmm_core.attribution.intervals import interval
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import Units, effect_units, scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.predictors import channel_response

_ENOUGH = 1e200
"""Multiple of media at which a saturating channel brings all it can in the weeks in which it is on."""
_RANGE = (np.log(1e-4), np.log(1e4))
"""Logarithms of the multiples of the observed spend between which points of a curve are sought."""
_POINTS = 9
"""Multiples that are tried at a time, first over all the range, then between neighbours."""
_ROUNDS = 3
_NARROW = 0.3
"""Half width, in logarithms, of the last round: the first ones see only some of the draws."""
_FEW_DRAWS = 250
_STEP = 0.005
"""Half step, in logarithms, of the slope of a curve."""
_HALF = 0.5
_LITTLE = 0.1
"""Marginal return / average return at which a channel counts as saturated."""


def adstock_table(posterior: Posterior) -> pd.DataFrame:
    """One row per channel and lag.

    Returns:
        channel; lag (weeks since the media); weight_mean, weight_q05, weight_q95 (share of the whole effect that
        comes in that week; in each draw shares add up to 1); remaining_mean (share still to come after it).
    """
    tables = []
    for m, channel in enumerate(posterior.data.channels):
        weights = lag_weight_draws(posterior, m)
        later = weights.mean(axis=0)[:0:-1].cumsum()[::-1]
        table = {
            "channel": channel,
            "lag": np.arange(weights.shape[1]),
            **interval(weights).columns("weight"),
            "remaining_mean": np.append(later, 0.0),
        }
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


def lag_weight_draws(posterior: Posterior, channel: int) -> FloatArray:
    """(S, L) share of a channel's effect by weeks since the media: 0, 1, ..."""
    response = channel_response(posterior, channel)
    weights = response.lag_weights[::-1].T
    # Where adstock comes first they are divided by the half-saturation.
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def saturation_table(posterior: Posterior) -> pd.DataFrame:
    """One row per paid channel, over all geos.

    The flighting stays as it was, all its media is multiplied by the same number, and the largest outcome is that
    of an unlimited multiple: full saturation in every week that the channel's media reaches.  Spends beyond those
    observed are extrapolations.

    Returns:
        channel; spend_per_week (money, observed); saturation_mean, saturation_q05, saturation_q95 (outcome now /
        largest outcome); half_spend (per week, where the mean outcome is half of the mean largest outcome);
        saturation_spend (per week, where the next unit of money brings a tenth of what a unit up to there has
        brought on average: marginal / average return of the mean curve is 0.1).  Missing for channels without
        spend or effect, where nothing saturates (`none`, or reach and frequency, whose reach acts in proportion),
        and for points beyond 10,000 times the observed spend.
    """
    units = effect_units(posterior)
    rows = [_saturation_row(posterior, m, units) for m in range(len(posterior.data.paid_channels))]
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Curve:
    """Posterior mean size of one channel's outcome, at multiples of its media."""

    posterior: Posterior
    channel: int
    units: Units

    def draws(self, multiples: FloatArray, which: slice = slice(None)) -> FloatArray:
        """(J, S) size of the outcome: geos in which the effect is negative count as positive."""
        outcome = scaled_channel_outcome(self.posterior, self.channel, multiples, which, self.units)
        return np.asarray(np.abs(outcome).sum(axis=2))

    def share(self, log_multiples: FloatArray, which: slice) -> FloatArray:
        """(J,) mean outcome / mean largest outcome."""
        means = self.draws(np.append(np.exp(log_multiples), _ENOUGH), which).mean(axis=1)
        return np.asarray(means[:-1] / means[-1])

    def elasticity(self, log_multiples: FloatArray, which: slice) -> FloatArray:
        """(J,) marginal / average return: slope of the logarithm of the mean outcome over that of the spend."""
        around = np.concatenate([log_multiples - _STEP, log_multiples + _STEP])
        below, above = np.log(self.draws(np.exp(around), which).mean(axis=1)).reshape(2, -1)
        return np.asarray((above - below) / (2 * _STEP))


def _saturation_row(posterior: Posterior, channel: int, units: Units) -> dict[str, object]:
    data = posterior.data
    spend = float(data.spend[:, :, channel].sum()) / len(data.dates)
    saturates = posterior.spec.saturation[channel] != "none" and data.channel_kinds[channel] != "reach_frequency"
    share, half, saturated = interval(np.full(1, np.nan)), np.nan, np.nan
    if saturates and spend > 0:
        curve = _Curve(posterior, channel, units)
        now, largest = curve.draws(np.array([1.0, _ENOUGH]))
        if (largest > 0).all():
            share = interval(now / largest)
            half = _first_crossing(lambda at, few: curve.share(at, few) - _HALF, posterior.n_draws)
            saturated = _first_crossing(lambda at, few: _LITTLE - curve.elasticity(at, few), posterior.n_draws)
    return {
        "channel": data.channels[channel],
        "spend_per_week": spend,
        **{name: float(value) for name, value in share.columns("saturation").items()},
        "half_spend": half * spend,
        "saturation_spend": saturated * spend,
    }


def _first_crossing(above: Callable[[FloatArray, slice], FloatArray], n_draws: int) -> float:
    """The smallest multiple at which a function of (logarithms, draws) rises to 0; missing where it does not.

    It is located with some of the draws, and then found with all of them.
    """
    few = slice(None, None, -(-n_draws // _FEW_DRAWS))
    rough = _bracket(above, few, _RANGE, _ROUNDS)
    if rough is None:
        return np.nan
    middle = (rough[0] + rough[1]) / 2
    fine = _bracket(above, slice(None), (middle - _NARROW, middle + _NARROW), 1)
    fine = fine or _bracket(above, slice(None), _RANGE, _ROUNDS)
    if fine is None:
        return np.nan
    at = np.linspace(*fine, 4)
    curve = CubicSpline(at, above(at, slice(None)))
    return float(np.exp(brentq(lambda one: float(curve(one)), *fine)))


def _bracket(
    above: Callable[[FloatArray, slice], FloatArray], which: slice, within: tuple[float, float], rounds: int
) -> tuple[float, float] | None:
    """Neighbouring logarithms, the first ones between which the function rises to 0."""
    for _ in range(rounds):
        at = np.linspace(*within, _POINTS)
        values = above(at, which)
        rises = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
        if not rises.size:
            return None
        within = (float(at[rises[0]]), float(at[rises[0] + 1]))
    return within
