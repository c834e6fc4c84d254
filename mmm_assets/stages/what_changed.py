"""Stage report: what has changed since the last accepted fit, and why."""

import json
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.accepted import last_accepted_other
from mmm_assets.accepted_settings import kept_setting, setting_of
from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import cases_table, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version, picture
from mmm_assets.provenance import require_fit
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import interpretable
from mmm_assets.stages.verdict import accepted
from mmm_core.errors import StorageError
from mmm_core.refresh.budgets import plan_by_channel
from mmm_core.refresh.changes import WhatChanged

_SHOWN = 60


def definitions(project: Project) -> dg.Definitions:
    """The asset `what_changed`."""
    reads = GATE | {"refresh.certainty"}
    asset = dg.asset(io_manager_key="json", **attributes(project, "report", reads=reads, kinds={"numpy"}))
    return dg.Definitions(assets=[asset(what_changed)])


def what_changed(
    posterior: StoredFit,
    model_verdict: dict[str, Any],
    budget_plan: pd.DataFrame,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[dict[str, Any]]:
    """Data, returns, contributions and budgets against the last accepted fit, each change with its reason."""
    from mmm_core.refresh.changes import what_changed as compare
    from mmm_core.reporting.figures_changes import roi_before_after

    with refusals():
        accepted(posterior, model_verdict)
        draws = interpretable(posterior, project)
        require_fit(posterior.version, budget_plan=budget_plan)
        other = last_accepted_other(project, posterior.version)
        setting = setting_of(project, plan_by_channel(budget_plan))
        before = None if other is None else (other.version, other.posterior, kept_setting(project, other.version))
        found = compare((posterior.version, draws, setting), before, project.config.refresh)
    value = found.to_record()
    returns = found.table("roi_changes")
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(bytes_version(json.dumps(value, sort_keys=True).encode())),
        metadata={
            "compared_with": found.compared_with or "no earlier accepted fit",
            "summary": found.sentence,
            **({} if returns is None else {"roi": picture(roi_before_after(returns))}),
            **{name: cases_table(_rows(table)) for name, table in found.tables.items() if len(table)},
        },
    )


def changes_of(version: str, record: dict[str, Any]) -> WhatChanged:
    """The stored comparison of a fit.

    Raises:
        StorageError: it is about another fit, or unreadable; says what to materialize.
    """
    found = WhatChanged.from_record(record)
    if found.fit != version:
        raise StorageError("what_changed is about another fit than the stored posterior; materialize it again.")
    return found


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.head(_SHOWN).to_dict("records")]
