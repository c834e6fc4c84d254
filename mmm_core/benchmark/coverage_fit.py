"""One panel of the coverage study: fitted as the product fits, and what is kept of it."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmm_core.benchmark.coverage_panel import CoveragePanel, coverage_panel
from mmm_core.benchmark.job import own_versions
from mmm_core.config.schema import Config
from mmm_core.errors import SamplingError, StorageError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior
from mmm_core.storage import write_text

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Kept of each quantity; the ends of 50, 80 and 90 % intervals, and the median."""
QUANTITIES = ("contribution", "roi")
ALL_MEDIA = "all media"
"""The sum of all channels, beside the channels."""


@dataclass(frozen=True)
class PanelResult:
    """What came of one panel."""

    key: str
    """Hash of what the result depends on; the code is in `code`."""
    backend: str
    scenario: str
    number: int
    reason: str
    """Why there are no draws; empty where there are."""
    accepted: bool
    """Whether the fit passed the convergence gate."""
    tries: int
    seconds: float
    """Wall clock of all tries, compilation included."""
    max_rhat: float
    """Of what is interpreted; 0 without draws."""
    divergences: int
    rows: tuple[Mapping[str, Any], ...]
    """One per channel (then `all media`) and quantity: channel, quantity, truth, mean, quantiles (a list in the
    order of `QUANTILES`)."""
    code: str
    """Content of our own code when it was fitted."""

    def save(self, folder: Path) -> None:
        """Write `NUMBER.json`."""
        write_text(result_path(folder, self.backend, self.scenario, self.number), json.dumps(asdict(self)))


def result_path(folder: Path, backend: str, scenario: str, number: int) -> Path:
    """Where the result of a panel is."""
    return folder / backend / scenario / f"{number:05d}.json"


def load_result(path: Path) -> PanelResult:
    """Read a result.

    Raises:
        StorageError: there is none, or it is damaged.
    """
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        stored["rows"] = tuple(stored["rows"])
        result = PanelResult(**stored)
        if any(len(row["quantiles"]) != len(QUANTILES) or row["truth"] is None for row in result.rows):
            raise ValueError("a row has no truth or too few quantiles")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"No readable result of the coverage study at {path} ({error}); remove the file and run mmm benchmark "
            "--coverage again."
        ) from error
    return result


def study_config(config: Config) -> Config:
    """The configuration with what the study sets: chains, draws, no other backend."""
    settings = config.benchmark.coverage
    training = config.training.model_copy(update={"chains": settings.chains, "draws": settings.draws})
    return config.model_copy(
        update={"training": training, "model": config.model.model_copy(update={"fallback": "none"})}
    )


def study_key(config: Config, scenario: str) -> str:
    """Hash of what the results of a scenario depend on: its first panel, the model for it, how it is fitted.

    Versions and code do not count (`PanelResult.code` tells of them), so that a study may go on after an update.

    Args:
        config: of the study (`study_config`).
        scenario: of `coverage_panel.SCENARIOS`.

    Raises:
        SpecificationError: the configured model is impossible.
    """
    from mmm_core.model.backend import sampler_settings
    from mmm_core.model.specification import build_spec

    panel = coverage_panel(config, scenario, 0)
    settings = replace(sampler_settings(config), compile_cache=None, cores=None)
    gate = config.complexity.identifiability.model_dump()
    parts = (asdict(settings), config.training.retry_factor, gate, config.model.backend)
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    digest.update(build_spec(panel.config, panel.data).to_json().encode())
    for values in (panel.data.media, panel.data.spend, panel.data.kpi, panel.data.control_values, panel.totals):
        digest.update(values.tobytes())
    return digest.hexdigest()[:32]


def fit_panel(config: Config, scenario: str, number: int, key: str) -> PanelResult:
    """Simulate a panel and fit it in the product's own way: once, and once longer if the gate asks for it.

    Args:
        config: of the study (`study_config`).
        scenario: of `coverage_panel.SCENARIOS`.
        number: of the panel; also added to `training.seed`.
        key: `study_key` of the scenario.

    Raises:
        SpecificationError: the backend cannot fit the configured model.
    """
    from mmm_core.evaluation.fitting import fit_until_converged
    from mmm_core.model.specification import build_spec

    panel = coverage_panel(config, scenario, number)
    training = config.training.model_copy(update={"seed": config.training.seed + number})
    made = panel.config.model_copy(update={"training": training, "complexity": config.complexity})
    about = (key, config.model.backend, scenario, number)
    code, begun = own_versions()["code"], time.perf_counter()
    try:
        outcome = fit_until_converged(panel.data, build_spec(made, panel.data), made)
    except SamplingError as error:
        return PanelResult(*about, str(error), False, 2, time.perf_counter() - begun, 0.0, 0, (), code)
    seconds = time.perf_counter() - begun
    found = outcome.diagnostics
    return PanelResult(
        *about,
        reason="",
        accepted=outcome.converged,
        tries=len(outcome.attempts),
        seconds=seconds,
        max_rhat=float(min(found.interpreted["rhat"].max(), 1e6)),
        divergences=found.divergences,
        rows=tuple(panel_rows(panel, outcome.posterior)),
        code=code,
    )


def panel_rows(panel: CoveragePanel, posterior: Posterior) -> list[dict[str, Any]]:
    """Rows of `PanelResult`: truth, mean and quantiles of contributions and returns over the window."""
    from mmm_core.attribution.returns import roi_draws
    from mmm_core.model.forward import incremental_kpi

    totals, spend = incremental_kpi(posterior).sum(axis=1), panel.data.spend.sum(axis=(0, 1))
    returns = roi_draws(posterior)
    drawn = {"contribution": _with_sum(totals, np.ones_like(spend)), "roi": _with_sum(returns, spend, mean=True)}
    true = {
        "contribution": _with_sum(panel.totals[None], np.ones_like(spend))[0],
        "roi": _with_sum(panel.roi[None], spend, mean=True)[0],
    }
    rows = []
    for quantity in QUANTITIES:
        quantiles = np.quantile(drawn[quantity], QUANTILES, axis=0).T
        for m, channel in enumerate([*panel.data.channels, ALL_MEDIA]):
            values = {"truth": float(true[quantity][m]), "mean": float(drawn[quantity][:, m].mean())}
            rows.append({"channel": channel, "quantity": quantity, **values, "quantiles": quantiles[m].tolist()})
    return rows


def _with_sum(values: FloatArray, weights: FloatArray, mean: bool = False) -> FloatArray:
    """(S, M) values and, as the last column, their weighted sum or mean."""
    together = values @ weights / (weights.sum() if mean else 1.0)
    return np.column_stack([values, together])
