"""Stage evaluate: whether the last accepted fit still forecasts the weeks that came after it."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from mmm_assets.accepted import current_accepted
from mmm_assets.attributes import attributes
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.metadata import bytes_version
from mmm_assets.resources.project import Project
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import CheckResult
from mmm_core.stability.new_weeks import (
    NEW_WEEKS_CHECKS,
    check_new_weeks,
    forecast_new_weeks,
    with_new_weeks,
)
from mmm_core.stability.records import check_from_record, check_record, finite_rows

DRIFT = dg.AssetKey("drift")


def definitions(project: Project) -> dg.Definitions:
    """The asset `drift` and its check."""
    asset = dg.asset(
        io_manager_key="json",
        **attributes(project, "evaluate", reads={"automation.drift"}, kinds={"numpy"}),
    )
    specs = check_specs("drift", NEW_WEEKS_CHECKS)
    return dg.Definitions(
        assets=[asset(drift)], asset_checks=[dg.multi_asset_check(name="drift_checks", specs=specs)(drift_checks)]
    )


def drift(model_data: ModelData, project: dg.ResourceParam[Project]) -> dg.MaterializeResult[dict[str, Any]]:
    """How well the last accepted fit forecast the weeks that came after it; made before the next fit."""
    with refusals():
        record = judge_drift(model_data, project)
    return dg.MaterializeResult(
        value=record,
        data_version=dg.DataVersion(bytes_version(json.dumps(record, sort_keys=True).encode())),
        metadata={
            "alarm": not record["check"]["passed"],
            "finding": record["check"]["message"],
            "fit": record["fit"] or "none was accepted yet",
            "new_weeks": record["new_weeks"],
        },
    )


def judge_drift(data: ModelData, project: Project) -> dict[str, Any]:
    """The asset's value: fit (version, or None), new_weeks, series (rows), check (as a record)."""
    settings, fit = project.config.automation.drift, current_accepted(project)
    if fit is None:
        return _record(None, 0, [], _passed("No fit was accepted yet."))
    try:
        panel = with_new_weeks(fit.posterior, data)
    except SpecificationError as error:
        return _record(fit.version, 0, [], CheckResult("new_weeks_forecast", True, "warn", str(error)))
    if panel is None:
        return _record(fit.version, 0, [], _passed("There are no weeks after the last accepted fit."))
    found = forecast_new_weeks(fit.posterior, panel, settings.level)
    n_new = len(panel.dates) - len(fit.posterior.data.dates)
    return _record(fit.version, n_new, finite_rows(found.series), check_new_weeks(found, settings))


def _record(fit: str | None, n_new: int, series: list[dict[str, Any]], check: CheckResult) -> dict[str, Any]:
    return {"fit": fit, "new_weeks": n_new, "series": series, "check": check_record(check)}


def _passed(message: str) -> CheckResult:
    return CheckResult("new_weeks_forecast", True, "warn", message)


def drift_checks(drift: dict[str, Any]) -> Iterator[dg.AssetCheckResult]:
    """Warns when the last accepted fit no longer forecasts."""
    yield from check_results("drift", NEW_WEEKS_CHECKS, [check_from_record(drift["check"])])
