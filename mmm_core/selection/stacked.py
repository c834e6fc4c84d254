"""The stacked posterior: draws of all candidates' fits, as many of each as its stacking weight says.

Its intervals hold the doubt about the specification besides the doubt within each.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backend import Backend, get_backend
from mmm_core.model.forward import channel_contribution, incremental_kpi, incremental_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.progress import Progress, silent
from mmm_core.selection.candidates import COMPARED_BY, Candidate, candidate_spec
from mmm_core.selection.choice import ModelChoice
from mmm_core.selection.choose import comparison_settings
from mmm_core.selection.stacking import draws_per_candidate

_QUANTILES = (0.05, 0.95)


@dataclass(frozen=True)
class Member:
    """One candidate's part."""

    name: str
    fit: Posterior
    """To all weeks."""
    taken: NDArray[np.intp]
    """Indices of the draws that are taken."""


def stack_candidates(
    choice: ModelChoice,
    data: ModelData,
    config: Config,
    progress: Progress = silent,
    on_fit: Callable[[str], None] | None = None,
    backend: Backend | None = None,
) -> tuple[Member, ...]:
    """Fit every candidate that has weight to all weeks, and take draws by weight.

    Args:
        choice: weights.
        data: all weeks.
        config: what the candidates do not change.
        progress: told how many fits are done.
        on_fit: told the outcome of each fit in one sentence.
        backend: fits; None for the one that comparisons use.

    Raises:
        SamplingError: a fit gave no draws.
    """
    settings = comparison_settings(config)
    weights = np.array([row.weight for row in choice.candidates])
    counts = draws_per_candidate(weights, settings.chains * settings.draws)
    used = [(row, count) for row, count in zip(choice.candidates, counts, strict=True) if count]
    members = []
    for done, (row, count) in enumerate(used, start=1):
        candidate = Candidate(row.name, row.candidate_config)
        own = candidate.data(config, data)
        spec = candidate_spec(candidate, config, own, len(own.dates))
        fit = (backend or get_backend(COMPARED_BY)).sample(own, spec, settings)
        members.append(member(row.name, fit, count))
        progress("fitting the stacked models", done, len(used))
        if on_fit is not None:
            on_fit(f"{row.name}, all weeks: {count} draws for the stack, {fit.info.seconds:.0f} s.")
    return tuple(members)


def member(name: str, fit: Posterior, count: int) -> Member:
    """Take `count` draws, evenly spaced over all of them."""
    return Member(name, fit, np.linspace(0, fit.n_draws - 1, count).round().astype(np.intp))


def stacked_totals(members: Sequence[Member]) -> pd.DataFrame:
    """Channel totals over geos and weeks.

    Returns:
        channel, spend, contribution_mean, contribution_q05, contribution_q95 (KPI units), roi_mean, roi_q05,
        roi_q95 (outcome per spend; missing for channels without spend).
    """
    data = members[0].fit.data
    kpi = np.concatenate([incremental_kpi(one.fit).sum(axis=1)[one.taken] for one in members])
    outcome = np.concatenate([incremental_outcome(one.fit).sum(axis=1)[one.taken] for one in members])
    spend = data.spend.sum(axis=(0, 1))
    roi = outcome / np.where(spend > 0, spend, np.nan)
    return pd.DataFrame(
        {"channel": data.channels, "spend": spend, **_summary("contribution", kpi), **_summary("roi", roi)}
    )


def stacked_draws(members: Sequence[Member], channel: int) -> Iterator[FloatArray]:
    """One (S, T) array per geo: KPI units per week that a channel adds, draws of all members together."""
    geos = [channel_contribution(one.fit, channel) for one in members]
    for weeks in zip(*geos, strict=True):
        yield np.concatenate([draws[one.taken] for draws, one in zip(weeks, members, strict=True)])


def stacked_contributions(members: Sequence[Member]) -> pd.DataFrame:
    """Weekly contributions of each channel in each geo.

    Returns:
        geo, date, component (the channel), mean, q05, q95 in KPI units per week.
    """
    data = members[0].fit.data
    tables = []
    for m, channel in enumerate(data.channels):
        for geo, draws in zip(data.geos, stacked_draws(members, m), strict=True):
            low, high = np.quantile(draws, _QUANTILES, axis=0)
            tables.append(
                pd.DataFrame(
                    {
                        "geo": geo,
                        "date": data.dates.astype("datetime64[ns]"),
                        "component": channel,
                        "mean": draws.mean(axis=0),
                        "q05": low,
                        "q95": high,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def _summary(name: str, draws: FloatArray) -> dict[str, FloatArray]:
    """Mean and central 90 % interval over (S, M) draws."""
    low, high = np.quantile(draws, _QUANTILES, axis=0)
    return {f"{name}_mean": draws.mean(axis=0), f"{name}_q05": low, f"{name}_q95": high}
