"""How outcome would follow spend if a channel's media were scaled, its flighting unchanged."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.attribution.returns import NEXT
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import effect_units, scaled_channel_outcome
from mmm_core.model.posterior import Posterior

_MULTIPLIERS = tuple(np.linspace(0, 2, 21).tolist())
"""From no spend to twice the observed spend."""


def response_curves(posterior: Posterior, multipliers: Sequence[float] = _MULTIPLIERS) -> pd.DataFrame:
    """One row per geo, paid channel and multiplier (what costs nothing has no curve over spend).

    Args:
        posterior: the fit.
        multipliers: factors >= 0 of the channel's observed media and spend.

    Returns:
        geo, channel, spend (money of the geo over the fit window), outcome_mean, q05, q95 (what the
        channel adds over the window: money where revenue is known, otherwise KPI units), multiplier,
        marginal_mean, marginal_q05, marginal_q95 (outcome per extra unit of money at that spend: what another
        1 % of the observed spend brings, per unit of it, so mROI at multiplier 1; missing without spend).

    Raises:
        InputError: a negative or missing multiplier.
    """
    geos = posterior.data.geos
    tables = []
    units = effect_units(posterior)
    for m in range(len(posterior.data.paid_channels)):
        outcome = scaled_channel_outcome(posterior, m, _with_next(multipliers), units=units).transpose(1, 2, 0)
        spend = posterior.data.spend[:, :, m].sum(axis=1)
        for g, geo in enumerate(geos):
            table = _curve(posterior, m, outcome[:, g], multipliers, float(spend[g]))
            table.insert(0, "geo", geo)
            tables.append((g, m, table))
    return pd.concat([table for _, _, table in sorted(tables, key=lambda item: item[:2])], ignore_index=True)


def pooled_response_curves(posterior: Posterior, multipliers: Sequence[float] = _MULTIPLIERS) -> pd.DataFrame:
    """The same over all geos together, without the column geo.

    Raises:
        InputError: a negative or missing multiplier.
    """
    tables = []
    units = effect_units(posterior)
    for m in range(len(posterior.data.paid_channels)):
        outcome = scaled_channel_outcome(posterior, m, _with_next(multipliers), units=units).sum(axis=2).T
        spend = float(posterior.data.spend[:, :, m].sum())
        tables.append(_curve(posterior, m, outcome, multipliers, spend))
    return pd.concat(tables, ignore_index=True)


def _with_next(multipliers: Sequence[float]) -> FloatArray:
    """(2 J,) multipliers, then each with the next unit of spend."""
    factors = np.asarray(multipliers, dtype=np.float64)
    return np.concatenate([factors, factors + NEXT])


def _curve(
    posterior: Posterior, channel: int, outcome: FloatArray, multipliers: Sequence[float], spend: float
) -> pd.DataFrame:
    """Rows of one curve from its (S, 2 J) outcome draws."""
    n_points = len(multipliers)
    found = interval(outcome[:, :n_points])
    money = spend if spend > 0 else np.nan
    marginal = interval((outcome[:, n_points:] - outcome[:, :n_points]) / (NEXT * money))
    return pd.DataFrame(
        {
            "channel": posterior.data.channels[channel],
            "spend": np.asarray(multipliers) * spend,
            "outcome_mean": found.mean,
            "q05": found.q05,
            "q95": found.q95,
            "multiplier": np.asarray(multipliers, dtype=np.float64),
            **marginal.columns("marginal"),
        }
    )
