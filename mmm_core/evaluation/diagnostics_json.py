"""The record that goes out as `diagnostics.json`."""

import math
from typing import Any

from mmm_core.evaluation.convergence import Diagnostics
from mmm_core.evaluation.fit import FitMetrics
from mmm_core.model.posterior import Posterior


def diagnostics_record(posterior: Posterior, diagnostics: Diagnostics, metrics: FitMetrics) -> dict[str, Any]:
    """Sampling and fit in numbers, JSON-ready; None where a number is unknown or not finite.

    `max_rhat`, `min_ess_*` and `median_ess_bulk` are over all sampled quantities; `interpreted_max_rhat`
    and `interpreted_min_ess` (bulk and tail) over what the gate calls interpreted; `seconds` is sampling
    with compilation.
    """
    everything, interpreted, info = diagnostics.parameters, diagnostics.interpreted, posterior.info
    record = {
        "backend": info.backend,
        "seconds": info.seconds,
        "compile_seconds": info.compile_seconds,
        "chains": diagnostics.chains,
        "draws": diagnostics.draws,
        "max_rhat": everything["rhat"].max(),
        "min_ess_bulk": everything["ess_bulk"].min(),
        "min_ess_tail": everything["ess_tail"].min(),
        "median_ess_bulk": everything["ess_bulk"].median(),
        "divergences": diagnostics.divergences,
        "min_ebfmi": diagnostics.min_ebfmi,
        "r2": metrics.r2,
        "mape": metrics.mape,
        "coverage_90": metrics.coverage_90,
        "durbin_watson": metrics.durbin_watson,
        "interpreted_max_rhat": interpreted["rhat"].max(),
        "interpreted_min_ess": interpreted[["ess_bulk", "ess_tail"]].min().min(),
    }
    return {key: _plain(value) for key, value in record.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
