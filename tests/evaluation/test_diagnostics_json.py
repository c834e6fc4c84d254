"""The exported record has the promised keys and is valid JSON."""

import json
import math

import pytest

from mmm_core.evaluation.convergence import diagnose
from mmm_core.evaluation.diagnostics_json import diagnostics_record
from mmm_core.evaluation.fit import FitMetrics
from tests.factories import made_up_posterior, tiny_model_data

PROMISED = [
    "backend",
    "seconds",
    "compile_seconds",
    "chains",
    "draws",
    "max_rhat",
    "min_ess_bulk",
    "min_ess_tail",
    "median_ess_bulk",
    "divergences",
    "min_ebfmi",
    "r2",
    "mape",
    "coverage_90",
    "durbin_watson",
    "interpreted_max_rhat",
    "interpreted_min_ess",
]


def test_the_record_has_the_promised_keys_in_order() -> None:
    posterior = made_up_posterior(tiny_model_data(), n_chains=2, n_draws=100)
    diagnostics = diagnose(posterior)
    record = diagnostics_record(posterior, diagnostics, FitMetrics(0.9, 0.1, 0.08, 0.91, 1.8))
    assert list(record) == PROMISED
    assert (record["backend"], record["chains"], record["draws"]) == ("pymc", 2, 100)
    assert (record["r2"], record["mape"], record["coverage_90"]) == (0.9, 0.1, 0.91)
    assert record["max_rhat"] == diagnostics.parameters["rhat"].max()
    assert record["interpreted_max_rhat"] <= record["max_rhat"]
    assert record["interpreted_min_ess"] >= min(record["min_ess_bulk"], record["min_ess_tail"])


def test_what_is_unknown_or_not_finite_is_null() -> None:
    posterior = made_up_posterior(tiny_model_data(), n_chains=2, n_draws=100)
    posterior.samples["roi_m"].values[:, :, 0] = 1.0
    record = diagnostics_record(posterior, diagnose(posterior), FitMetrics(0.9, math.nan, math.nan, 0.91, 1.8))
    assert record["mape"] is None
    assert record["max_rhat"] is None
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize("key", ["divergences", "chains", "draws"])
def test_counts_are_whole_numbers(key: str) -> None:
    posterior = made_up_posterior(tiny_model_data(), n_chains=2, n_draws=100)
    record = diagnostics_record(posterior, diagnose(posterior), FitMetrics(0.9, 0.1, 0.1, 0.9, 1.8))
    assert type(record[key]) is int
