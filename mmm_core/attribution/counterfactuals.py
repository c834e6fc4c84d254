"""What would have been, had media been different: "without TV in the third quarter"."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.attribution.spans import weeks_between
from mmm_core.config.keys import nearest
from mmm_core.config.outputs import AttributionConfig, CounterfactualConfig
from mmm_core.errors import InputError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import Units, effect_units, expected_kpi_by_geo
from mmm_core.model.posterior import Posterior
from mmm_core.model.predictors import channel_response, channel_series, stacked_draws

_KEY = "attribution.counterfactuals"
_SHOWN = 20
_COLUMNS = (
    *("name", "channels", "geos", "start", "end", "change", "spend_change"),
    *("kpi_change_mean", "kpi_change_q05", "kpi_change_q95"),
    *("outcome_change_mean", "outcome_change_q05", "outcome_change_q95", "kpi_share"),
)


@dataclass(frozen=True)
class _Question:
    """A configured question in terms of the data."""

    name: str
    channels: tuple[int, ...]
    geos: tuple[int, ...]
    weeks: slice
    change: float


def counterfactual_table(posterior: Posterior, attribution: AttributionConfig) -> pd.DataFrame:
    """One row per configured question, in their order.

    The media (reach where there is frequency) of the channels, geos and weeks in question is multiplied by
    1 + change, everything else stays as it was; media before the window stays too.  The change of the expected
    KPI counts in all weeks of the data, so carryover after the weeks in question is included, and what carries
    over beyond the data is not.  It is exact in the family `robust_log` too, where channels multiply each other.

    Args:
        posterior: the fit.
        attribution: its `counterfactuals`.

    Returns:
        name; channels and geos ("all", or names separated by ", "; for channels "all" means all paid ones);
        start and end (first days of the first and last week in question); change; spend_change (money);
        kpi_change_mean, _q05, _q95 (KPI units); outcome_change_mean, _q05, _q95 (money, or KPI units where their
        worth is not known); kpi_share (mean change as a fraction of the mean fitted KPI of these geos and weeks).

    Raises:
        InputError: an unknown channel or geo, an end before the start, or no week of the data in between.
    """
    questions = [_question(posterior, name, asked) for name, asked in attribution.counterfactuals.items()]
    if not questions:
        return pd.DataFrame({name: pd.Series(dtype=_dtype(name)) for name in _COLUMNS})
    fitted = np.stack([kpi.mean(axis=0) for kpi in expected_kpi_by_geo(posterior)])
    units = effect_units(posterior)
    return pd.DataFrame([_row(posterior, question, fitted, units) for question in questions])[list(_COLUMNS)]


def _dtype(column: str) -> str:
    if column in ("start", "end"):
        return "datetime64[ns]"
    return "object" if column in ("name", "channels", "geos") else "float64"


def _question(posterior: Posterior, name: str, asked: CounterfactualConfig) -> _Question:
    data, key = posterior.data, f"{_KEY}.{name}"
    return _Question(
        name,
        _indices(asked.channels, data.channels, f"{key}.channels", "channel") or _every(data.paid_channels),
        _indices(asked.geos, data.geos, f"{key}.geos", "geo") or _every(data.geos),
        weeks_between(data.dates, asked.start, asked.end, key),
        asked.change,
    )


def _every(names: Sequence[str]) -> tuple[int, ...]:
    return tuple(range(len(names)))


def _indices(names: Sequence[str], known: Sequence[str], key: str, what: str) -> tuple[int, ...]:
    """Where the names are, each once, in the order of the data."""
    for name in names:
        if name not in known:
            close = nearest(name, known)
            hint = f" Did you mean {close}?" if close else ""
            more = ", ..." if len(known) > _SHOWN else ""
            raise InputError(
                f"{key} names {name}, but no {what} of the fit has that name; known: "
                f"{', '.join(known[:_SHOWN])}{more}.{hint}"
            )
    return tuple(sorted({known.index(name) for name in names}))


def _row(posterior: Posterior, question: _Question, fitted: FloatArray, units: Units) -> dict[str, object]:
    data, geos, weeks = posterior.data, list(question.geos), question.weeks
    kpi, outcome = _changes(posterior, question, units)
    asked_about = data.spend[geos, weeks][:, :, list(question.channels)]
    kpi_change, dates = interval(kpi), data.dates.astype("datetime64[ns]")
    of_these = float(fitted[geos, weeks].sum())
    all_paid = question.channels == _every(data.paid_channels)
    return {
        "name": question.name,
        "channels": "all" if all_paid else ", ".join(data.channels[m] for m in question.channels),
        "geos": "all" if len(geos) == len(data.geos) else ", ".join(data.geos[g] for g in geos),
        "start": dates[weeks.start],
        "end": dates[weeks.stop - 1],
        "change": question.change,
        "spend_change": question.change * float(asked_about.sum()),
        **kpi_change.columns("kpi_change"),
        **interval(outcome).columns("outcome_change"),
        "kpi_share": float(kpi_change.mean) / of_these if of_these != 0 else np.nan,
    }


def _changes(posterior: Posterior, question: _Question, units: Units) -> tuple[FloatArray, FloatArray]:
    """(S,) change of the KPI and of the outcome over all weeks."""
    media = posterior.data.media.copy()
    for m in question.channels:
        media[list(question.geos), question.weeks, m] *= 1 + question.change
    if posterior.spec.family == "robust_log":
        return _changes_together(posterior, question, media)
    return _changes_added_up(posterior, question, media, units)


def _changes_together(
    posterior: Posterior, question: _Question, media: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where channels multiply each other."""
    kpi, outcome = np.zeros(posterior.n_draws), np.zeros(posterior.n_draws)
    both = zip(expected_kpi_by_geo(posterior, media), expected_kpi_by_geo(posterior), strict=True)
    for g, (then, now) in enumerate(both):
        if g in question.geos:
            kpi += (then - now).sum(axis=1)
            outcome += (then - now) @ posterior.data.outcome_per_kpi[g]
    return kpi, outcome


def _changes_added_up(
    posterior: Posterior, question: _Question, media: FloatArray, units: Units
) -> tuple[FloatArray, FloatArray]:
    """Where effects of channels add up."""
    kpi, outcome = np.zeros(posterior.n_draws), np.zeros(posterior.n_draws)
    beta, once = stacked_draws(posterior, "beta_gm"), np.ones(1)
    for m in question.channels:
        response = channel_response(posterior, m)
        before, after = channel_series(posterior, m, None), channel_series(posterior, m, media)
        for g in question.geos:
            value = posterior.data.outcome_per_kpi[g]
            in_kpi = np.broadcast_to(units[g][:, 0], value.shape)
            for total, worth in ((kpi, in_kpi), (outcome, in_kpi * value)):
                now, then = response.summed([before[g], after[g]], [worth, worth], once)[0]
                total += beta[:, g, m] * (then - now)
    return kpi, outcome
