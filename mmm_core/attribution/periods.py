"""Contributions and returns of each channel by calendar period, window and geo."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmm_core.attribution.caused import PartSums, part_sums
from mmm_core.attribution.intervals import cost_interval, interval
from mmm_core.attribution.returns import NEXT, delivered_media
from mmm_core.attribution.spans import Span, spans
from mmm_core.config.outputs import AttributionConfig
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import effect_units
from mmm_core.model.posterior import Posterior

ALL = "all"
"""In the column `geo`: all geos together."""
_COLUMNS = (
    *("contribution_mean", "contribution_q05", "contribution_q50", "contribution_q95"),
    *("caused_mean", "caused_q05", "caused_q95", "outcome_mean", "outcome_q05", "outcome_q95"),
    *("roi_mean", "roi_q05", "roi_q50", "roi_q95", "mroi_mean", "mroi_q05", "mroi_q95"),
    *("cpik_mean", "cpik_q05", "cpik_q50", "cpik_q95"),
    *("effectiveness_mean", "effectiveness_q05", "effectiveness_q95"),
)


def period_table(posterior: Posterior, attribution: AttributionConfig) -> pd.DataFrame:
    """One row per period, geo (all of them first) and channel; geos that are absent all through are left out, and
    so is a geo whose name is "all".

    `contribution` is what falls into the period, carryover from before it included.  `caused` is what the
    period's own media brings in any week of the data: carryover after the period counts, carryover from
    before it does not (how weeks that share a saturation share the effect: `attribution.caused`).  Caused KPI
    of periods that cover all weeks, and of the media before the first of them, adds up to the contribution.
    What carries over beyond the last week of the data is not counted.  The total (`kind` total, period
    "all") is `channel_summary`: there, carryover from media before the data counts as caused.

    Args:
        posterior: the fit.
        attribution: calendar periods and windows.

    Returns:
        kind, period, start and end (first days of the first and last week), geo, channel, spend (money),
        media_units (impressions for reach and frequency); contribution_mean, _q05, _q50, _q95 and caused_mean,
        _q05, _q95 (KPI units); outcome_mean, _q05, _q95 (the contribution in money, or KPI units where its worth
        is not known); of caused outcome: roi_mean, _q05, _q50, _q95 (per unit of spend), mroi_mean, _q05, _q95
        (of the next 1 % of spend, spent in all weeks alike: what falls to the period's own media, per unit of
        its spend) and effectiveness_mean, _q05, _q95 (per media unit); cpik_mean, _q05, _q50, _q95 (spend per
        caused KPI unit, see `cost_interval`).  Returns are missing where nothing was spent.

    Raises:
        InputError: a window ends before it starts, or no week of the data starts in it.
    """
    wanted = spans(posterior.data.dates, attribution)
    starts = sorted({week for span in wanted for week in (span.first, span.stop)} - {len(posterior.data.dates)})
    spend, delivered = _by_span(posterior.data.spend, wanted), _by_span(delivered_media(posterior.data), wanted)
    numbers = np.empty((len(_COLUMNS), len(wanted), len(posterior.data.geos) + 1, len(posterior.data.channels)))
    units = effect_units(posterior)
    for m in range(len(posterior.data.channels)):
        total: PartSums | None = None
        for g, sums in enumerate(part_sums(posterior, m, starts, units)):
            numbers[:, :, g + 1, m] = _statistics(sums, wanted, starts, spend[:, g + 1, m], delivered[:, g + 1, m])
            total = sums if total is None else total + sums
        if total is not None:
            numbers[:, :, 0, m] = _statistics(total, wanted, starts, spend[:, 0, m], delivered[:, 0, m])
    return _table(posterior, wanted, spend, delivered, numbers)


def _by_span(weekly: FloatArray, wanted: Sequence[Span]) -> FloatArray:
    """(spans, 1 + G, M) sums of (G, T, M), all geos first."""
    sums = np.stack([weekly[:, span.first : span.stop].sum(axis=1) for span in wanted])
    return np.concatenate([sums.sum(axis=1, keepdims=True), sums], axis=1)


def _statistics(
    sums: PartSums, wanted: Sequence[Span], starts: Sequence[int], spend: FloatArray, delivered: FloatArray
) -> FloatArray:
    """(columns, spans) of one channel in one geo, or in all."""
    contribution, contribution_outcome, caused, outcome, more = (
        _summed(array, wanted, starts) for array in sums.arrays
    )
    per_spend = 1 / np.where(spend > 0, spend, np.nan)
    per_unit = 1 / np.where(delivered > 0, delivered, np.nan)
    brought = interval(outcome)
    columns = {
        **interval(contribution).columns("contribution", median=True),
        **interval(caused).columns("caused"),
        **interval(contribution_outcome).columns("outcome"),
        **brought.times(per_spend).columns("roi", median=True),
        **interval(more).times(per_spend / NEXT).columns("mroi"),
        **cost_interval(spend, caused).columns("cpik", median=True),
        **brought.times(per_unit).columns("effectiveness"),
    }
    return np.stack([columns[name] for name in _COLUMNS])


def _summed(parts: FloatArray, wanted: Sequence[Span], starts: Sequence[int]) -> FloatArray:
    """(S, spans) from (1 + A, S); the total includes the row of what was before the window."""
    at = {week: part + 1 for part, week in enumerate(starts)}
    rows = []
    for span in wanted:
        first = 0 if span.kind == "total" else at[span.first]
        rows.append(parts[first : at.get(span.stop, len(parts))].sum(axis=0))
    return np.stack(rows).T


def _table(
    posterior: Posterior, wanted: Sequence[Span], spend: FloatArray, delivered: FloatArray, numbers: FloatArray
) -> pd.DataFrame:
    data = posterior.data
    dates = data.dates.astype("datetime64[ns]")
    n_geos, n_channels = len(data.geos) + 1, len(data.channels)

    def per_span(values: Sequence[object], kind: str = "object") -> np.ndarray:
        return np.repeat(np.array(values, dtype=kind), n_geos * n_channels)

    columns = {
        "kind": per_span([span.kind for span in wanted]),
        "period": per_span([span.name for span in wanted]),
        "start": per_span([dates[span.first] for span in wanted], "datetime64[ns]"),
        "end": per_span([dates[span.stop - 1] for span in wanted], "datetime64[ns]"),
        "geo": np.tile(np.repeat(np.array([ALL, *data.geos], dtype=object), n_channels), len(wanted)),
        "channel": np.tile(np.array(data.channels, dtype=object), len(wanted) * n_geos),
        "spend": spend.ravel(),
        "media_units": delivered.ravel(),
        **{name: values.ravel() for name, values in zip(_COLUMNS, numbers, strict=True)},
    }
    there = np.stack([data.present[:, span.first : span.stop].any(axis=1) for span in wanted])
    there &= np.array([geo != ALL for geo in data.geos])
    there = np.concatenate([np.ones((len(wanted), 1), dtype=bool), there], axis=1)
    return pd.DataFrame(columns)[np.repeat(there.ravel(), n_channels)].reset_index(drop=True)
