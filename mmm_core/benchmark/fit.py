"""A fit as the benchmark judges it, whichever library made it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior


@dataclass(frozen=True)
class BenchmarkFit:
    """C chains, N draws each, Q sampled quantities, S draws in all, T weeks."""

    parameters: FloatArray
    """(C, N, Q) everything that was sampled, and what was drawn given it."""
    contributions: Callable[[int], Iterator[FloatArray]]
    """channel -> one (S, T) array per geo: KPI units per week."""
    table: pd.DataFrame
    """geo, date, actual, predicted_mean, q05, q95."""
    divergences: int
    seconds: float
    """Building, compiling, sampling."""
    compile_seconds: float | None
    """Of which before sampling began, where the library can tell."""
    version: str
    """Of the library."""
    artifact_bytes: int
    """Size of the stored fit."""
    peak_memory_bytes: int | None = None
    """Of the process that fitted, if it was another one."""
    stacked: Callable[[int], Iterator[FloatArray]] | None = None
    """The same as `contributions`, of the stacked posterior of all candidates; None where there was no choice."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else is to be kept with the metrics."""


def of_posterior(posterior: Posterior, artifact_bytes: int, more: Mapping[str, Any]) -> BenchmarkFit:
    """A canonical posterior; totals that merely follow from parameters are left out of what was sampled."""
    from mmm_core.attribution.fitted import fit_table
    from mmm_core.evaluation.parameters import labelled_draws
    from mmm_core.model.forward import channel_contribution

    labels, _, draws = labelled_draws(posterior)
    sampled = [not label.startswith("contribution_m") for label in labels]
    info = posterior.info
    return BenchmarkFit(
        parameters=draws[:, :, sampled],
        contributions=lambda channel: channel_contribution(posterior, channel),
        table=fit_table(posterior),
        divergences=int(posterior.sample_stats["diverging"].sum()),
        seconds=info.seconds,
        compile_seconds=info.compile_seconds,
        version=f"{info.backend} {info.backend_version}",
        artifact_bytes=artifact_bytes,
        more=more,
    )
