"""What plans bring over all draws, without interpolation, audiences that overlap and worn creatives included."""

from collections.abc import Sequence

import numpy as np

from mmm_core.config.optimization import OverlapConfig
from mmm_core.features.model_data import FloatArray
from mmm_core.model.predictors import channel_response, channel_series, stacked_draws
from mmm_core.optimization.fatigue import effective_factors
from mmm_core.optimization.overlap import OverlapPair, overlap_loss
from mmm_core.optimization.response import OutcomeModel, of_all_channels

_BOTH = (0, 1)


def plan_outcomes(
    model: OutcomeModel,
    factors: FloatArray,
    overlaps: Sequence[OverlapConfig] = (),
    by_geo: Sequence[bool] = (),
) -> tuple[FloatArray, FloatArray]:
    """(J, S) outcome draws of all paid media, and (J, G, M) mean outcomes, of J plans.

    What two channels with overlapping audiences bring less than their sum is taken off either in half, and off
    geos in proportion to what the channel brings there.

    Args:
        model: what multiples of the media bring.
        factors: (J, G, M) multiples of the media of each geo and paid channel; the first plan is the current one.
        overlaps: pairs of channels with overlapping audiences.
        by_geo: (J,) whether audiences overlap in each geo, as in a plan by geo, or in all geos together.
    """
    channels = model.posterior.data.paid_channels
    pairs = [tuple(channels.index(name) for name in one.channels) for one in overlaps if one.share > 0]
    paired = {channel for pair in pairs for channel in pair}
    kept: dict[int, FloatArray] = {}

    def of_channel(m: int) -> tuple[FloatArray, FloatArray]:
        different, plans = np.unique(factors[:, :, m], axis=0, return_inverse=True)
        draws, plans = _outcome_by_geo(model, m, different), plans.ravel()
        if m in paired:
            kept[m] = draws[plans]
        return draws.sum(axis=2)[plans], draws.mean(axis=1)[plans]

    found = of_all_channels(of_channel, factors.shape[2])
    totals = np.sum([total for total, _ in found], axis=0)
    means = np.stack([mean for _, mean in found], axis=2)
    shares = [one.share for one in overlaps if one.share > 0]
    for (first, second), share in zip(pairs, shares, strict=True):
        for plan in range(1, len(factors)):
            split = by_geo[plan]
            loss = _loss(kept[first][[0, plan]], kept[second][[0, plan]], share, split)
            totals[plan] -= loss.sum(axis=1)
            for m in (first, second):
                means[plan, :, m] -= _spread(loss.mean(axis=0) / 2, kept[m][plan].mean(axis=0))
    return totals, means


def _loss(first: FloatArray, second: FloatArray, share: float, by_geo: bool) -> FloatArray:
    """(S, G), or (S, 1) of all geos together: `overlap_loss` from (2, S, G) outcomes now and under a plan."""
    both = np.stack([first, second], axis=-1)
    now, then = both if by_geo else both.sum(axis=2, keepdims=True)
    return overlap_loss(then, now, [OverlapPair(*_BOTH, share)])


def _spread(loss: FloatArray, outcome: FloatArray) -> FloatArray:
    """(G,) a loss of each geo, or one of all geos spread in proportion to their outcomes."""
    if len(loss) == len(outcome):
        return loss
    total = float(outcome.sum())
    parts = outcome / total if total else np.full(len(outcome), 1 / len(outcome))
    return np.asarray(parts * loss)


def _outcome_by_geo(model: OutcomeModel, channel: int, factors: FloatArray) -> FloatArray:
    """(J, S, G) outcome of one channel whose media is scaled differently, (J, G), in every geo."""
    if (factors == factors[:, :1]).all():
        return model.outcome(channel, factors[:, 0])
    frame, posterior = model.basis.frame, model.posterior
    factors = _worn(model, channel, factors)
    if not frame.scale_lead:
        factors = np.concatenate([factors, np.zeros_like(factors[:1])])
    response = channel_response(posterior, channel)
    found = np.empty((len(factors), posterior.n_draws, factors.shape[1]))
    for g, series in enumerate(channel_series(posterior, channel, None)):
        value, unit = posterior.data.outcome_per_kpi[g], frame.units[g]
        worth = value * unit[:, 0] if unit.shape[1] == 1 else value[:, None] * unit
        found[:, :, g] = response.summed([series], [worth], factors[:, g], frame.scale_lead)[:, 0]
    found *= stacked_draws(posterior, "beta_gm")[:, :, channel]
    return found if frame.scale_lead else np.asarray(found[:-1] - found[-1])


def _worn(model: OutcomeModel, channel: int, factors: FloatArray) -> FloatArray:
    """(J, G) what these multiples count like."""
    rate = model.wear.get(model.posterior.data.channels[channel], 0.0)
    if rate == 0:
        return factors
    return np.where(model.basis.idle[:, channel], factors, effective_factors(factors, rate))
