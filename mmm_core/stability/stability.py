"""All that is asked about the stability of an accepted fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.errors import StorageError
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.progress import Progress, silent
from mmm_core.quality.check import CheckResult
from mmm_core.stability.checks import (
    check_drift,
    check_geos,
    check_input_noise,
    check_leave_one_out,
    check_placebo,
    check_priors,
)
from mmm_core.stability.drift import drift
from mmm_core.stability.leave_one_out import leave_one_out
from mmm_core.stability.perturbed import input_noise, leave_one_geo_out
from mmm_core.stability.placebo import placebo_check
from mmm_core.stability.power_scaling import prior_sensitivity
from mmm_core.stability.records import check_from_record, check_record, table_from_record, table_record

TABLES: Mapping[str, str] = {
    "refresh": "each channel's ROI and contribution, now and in the last accepted fit (`drift.drift`)",
    "prior_sensitivity": "what each ROI owes to priors and data (`power_scaling.prior_sensitivity`)",
    "leave_one_out": "totals of LOO and WAIC (`leave_one_out.LeaveOneOut.row`)",
    "hard_weeks": "the geo-weeks that leave-one-out finds hardest: geo, date, elpd, pareto_k",
    "input_noise": "ROI with media and spend a little off (`refit.roi_changes`)",
    "placebo": "what a channel that did nothing is given (`placebo.judged_placebo`)",
    "leave_one_geo_out": "ROI in the other geos without one (`perturbed.leave_one_geo_out`)",
}
"""Table -> what it holds."""
_HARD_WEEKS = 50


@dataclass(frozen=True)
class StabilityReport:
    """What was found."""

    tables: Mapping[str, pd.DataFrame]
    """Those of `TABLES` that were asked for."""
    results: tuple[CheckResult, ...]
    """The checks of `STABILITY_CHECKS` that apply, in that order, with their default severities."""

    def to_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "tables": {name: table_record(table) for name, table in self.tables.items()},
            "results": [check_record(result) for result in self.results],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "StabilityReport":
        """Inverse of `to_record`.

        Raises:
            StorageError: the record is not one.
        """
        try:
            return cls(
                {str(name): table_from_record(table) for name, table in record["tables"].items()},
                tuple(check_from_record(result) for result in record["results"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"A stored stability report is unreadable ({error}); materialize it again."
            ) from error


def stability_checks(
    posterior: Posterior,
    data: ModelData,
    config: Config,
    previous: Posterior | None = None,
    progress: Progress = silent,
) -> StabilityReport:
    """Everything of `evaluation.stability` that applies.

    The comparison with the last accepted fit, power-scaling and leave-one-out come from the draws in seconds.
    Noise, placebo and left-out geos each need short fits, and are made only where configured.

    Args:
        posterior: the fit.
        data: what it was fitted to.
        config: `evaluation.stability`.
        previous: the last accepted fit, if there is one.
        progress: told how far each fit is.

    Raises:
        DataError: a refit is asked for that the data do not allow.
        SamplingError: a refit gave no draws.
    """
    settings = config.evaluation.stability
    tables: dict[str, pd.DataFrame] = {}
    results: list[CheckResult] = []
    if previous is not None:
        tables["refresh"] = drift(posterior, previous)
        results += check_drift(tables["refresh"], settings)
    tables["prior_sensitivity"] = prior_sensitivity(posterior, settings)
    results += check_priors(tables["prior_sensitivity"], settings)
    loo = leave_one_out(posterior)
    hardest = loo.cells.sort_values("pareto_k", ascending=False).head(_HARD_WEEKS)
    tables |= {"leave_one_out": loo.row(), "hard_weeks": hardest.reset_index(drop=True)}
    results.append(check_leave_one_out(loo, settings))
    if settings.input_noise is not None:
        tables["input_noise"] = input_noise(posterior, data, config, _named("input noise", progress))
        results.append(check_input_noise(tables["input_noise"], settings.input_noise))
    if settings.placebo is not None:
        tables["placebo"] = placebo_check(posterior, data, config, _named("placebo", progress))
        results.append(check_placebo(tables["placebo"], settings.placebo))
    if settings.leave_one_geo_out is not None:
        told = _named("without a geo", progress)
        tables["leave_one_geo_out"] = leave_one_geo_out(posterior, data, config, told)
        results.append(check_geos(tables["leave_one_geo_out"], settings.leave_one_geo_out))
    return StabilityReport(tables, tuple(results))


def _named(what: str, progress: Progress) -> Progress:
    """Progress that says what the fit is for."""

    def told(stage: str, done: int, total: int) -> None:
        progress(f"{what}: {stage}", done, total)

    return told
