"""Stage evaluate: whether answers stay when something changes that should not matter, and what platforms claim."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.accepted import last_accepted_other
from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version, frame_metadata, frame_version, picture
from mmm_assets.progress import logged
from mmm_assets.provenance import mark_fit, require_fit
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import interpretable
from mmm_core.errors import StorageError
from mmm_core.progress import Progress
from mmm_core.quality.check import CheckResult, with_trust_severities
from mmm_core.stability.checks import STABILITY_CHECKS
from mmm_core.stability.digital import DIGITAL_CHECKS, check_claims
from mmm_core.stability.stability import StabilityReport, stability_checks

_SHOWN = 60


def definitions(project: Project, pool: str) -> dg.Definitions:
    """The assets `stability` and, where platforms claim conversions, `digital_checks`.

    Args:
        project: configuration and folders.
        pool: concurrency pool of everything that samples.
    """
    reads = GATE | {"evaluation.stability"}
    assets = [
        dg.asset(
            io_manager_key="json",
            pool=pool if _fits(project) else None,
            **attributes(project, "evaluate", reads=reads, kinds={"arviz"}),
        )(stability)
    ]
    checks = [
        dg.multi_asset_check(name="stability_checks", specs=check_specs("stability", STABILITY_CHECKS))(
            stability_results
        )
    ]
    if claims_are_known(project):
        reads = GATE | {"evaluation.digital_checks"}
        shared = attributes(project, "evaluate", reads=reads, kinds={"numpy", "parquet"})
        assets.append(dg.asset(io_manager_key="parquet", **shared)(digital_checks))
        specs = check_specs("digital_checks", DIGITAL_CHECKS)
        checks.append(dg.multi_asset_check(name="digital_checks_checks", specs=specs)(digital_results))
    return dg.Definitions(assets=assets, asset_checks=checks)


def _fits(project: Project) -> bool:
    """Whether refits are configured."""
    wanted = project.config.evaluation.stability
    refits = (wanted.input_noise, wanted.placebo, wanted.leave_one_geo_out)
    return any(refit is not None for refit in refits)


def claims_are_known(project: Project) -> bool:
    """Whether the source says what platforms claim."""
    return project.config.features.attribution.enabled


def stability(
    context: dg.AssetExecutionContext,
    posterior: StoredFit,
    project: dg.ResourceParam[Project],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[dict[str, Any]]:
    """Drift against the last accepted fit, what priors and data say, leave-one-out, refits where configured."""
    from mmm_core.reporting.figures_trust import drift_bars

    with refusals():
        draws = interpretable(posterior, project)
        before = last_accepted_other(project, posterior.version)
        found = stability_checks(
            draws,
            draws.data,
            project.config,
            None if before is None else before.posterior,
            logged(context.log, progress),
        )
    refresh = found.tables.get("refresh")
    value = {"fit": posterior.version, **found.to_record()}
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(bytes_version(json.dumps(value, sort_keys=True).encode())),
        metadata={
            "compared_with": "no earlier accepted fit" if before is None else before.version,
            **{name: cases_table(_rows(table)) for name, table in found.tables.items() if len(table)},
            **({"drift": picture(drift_bars(refresh))} if refresh is not None and len(refresh) else {}),
        },
    )


def stability_results(
    stability: dict[str, Any], project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Whether the answers stay."""
    from mmm_core.reporting.figures_trust import drift_bars

    refresh = StabilityReport.from_record(stability).tables.get("refresh")
    draw = None if refresh is None or not len(refresh) else partial(drift_bars, refresh)
    pictures = {} if draw is None else {name: draw for name in STABILITY_CHECKS if name.startswith("refresh_")}
    yield from check_results("stability", STABILITY_CHECKS, judge_stability(stability, project), pictures)


def judge_stability(stability: dict[str, Any], project: Project) -> list[CheckResult]:
    """Outcome of the checks of `STABILITY_CHECKS` that apply."""
    return with_trust_severities(StabilityReport.from_record(stability).results, project.config)


def require_stability(version: str, stability: dict[str, Any]) -> None:
    """Refuse what was found about another fit.

    Raises:
        StorageError: says what to materialize.
    """
    if stability["fit"] != version:
        raise StorageError("stability is about another fit than the stored posterior; materialize it again.")


def digital_checks(
    posterior: StoredFit, attribution_comparison: pd.DataFrame, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """Conversions that platforms claim beside what the model finds, per channel."""
    from mmm_core.stability.digital import claims_table

    with refusals():
        table = claims_table(interpretable(posterior, project), attribution_comparison, project.config)
    mark_fit(table, posterior.version)
    return dg.MaterializeResult(
        value=table, data_version=frame_version(table), metadata=frame_metadata(table, rows=_SHOWN)
    )


def digital_results(
    digital_checks: pd.DataFrame, project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Whether claims are within their limits."""
    yield from check_results("digital_checks", DIGITAL_CHECKS, judge_claims(digital_checks, project))


def judge_claims(table: pd.DataFrame, project: Project, fit: str | None = None) -> list[CheckResult]:
    """Outcome of the checks of `DIGITAL_CHECKS`; with `fit`, only of a table about that fit."""
    if fit is not None:
        require_fit(fit, digital_checks=table)
    return with_trust_severities(check_claims(table), project.config)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.head(_SHOWN).to_dict("records")]
