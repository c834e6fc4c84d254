"""Stage optimize: which experiment to do next, where `calibration.planner` asks for it."""

import json
from typing import Any

import dagster as dg

from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import cases_table, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import interpretable
from mmm_assets.stages.verdict import accepted
from mmm_core.errors import StorageError
from mmm_core.experiment_planning.planner import ExperimentPlan, is_wanted, plan_experiments

PLAN = "experiment_plan"
_SHOWN = 60


def definitions(project: Project) -> dg.Definitions:
    """The asset `experiment_plan`; nothing unless it is asked for."""
    if not is_wanted(project.config):
        return dg.Definitions()
    reads = GATE | {"calibration.planner", "optimization"}
    asset = dg.asset(io_manager_key="json", **attributes(project, "optimize", reads=reads, kinds={"numpy"}))
    return dg.Definitions(assets=[asset(experiment_plan)])


def experiment_plan(
    posterior: StoredFit, model_verdict: dict[str, Any], project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[dict[str, Any]]:
    """A test for each paid channel: where, what it could detect, what it costs, and what it is worth."""
    with refusals():
        accepted(posterior, model_verdict)
        plan = plan_experiments(interpretable(posterior, project), project.config)
    value = {"fit": posterior.version, **plan.to_record()}
    tables = {"proposals": plan.proposals, "geo_split": plan.geo_split, "uncertainty": plan.uncertainty}
    shown = {
        name: cases_table(
            [{str(key): cell for key, cell in row.items()} for row in table.head(_SHOWN).to_dict("records")]
        )
        for name, table in tables.items()
        if len(table)
    }
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(bytes_version(json.dumps(value, sort_keys=True).encode())),
        metadata={"notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in plan.notes)), **shown},
    )


def plan_of(version: str, record: dict[str, Any] | None) -> ExperimentPlan | None:
    """The stored plan; None where none is asked for.

    Args:
        version: of the posterior.
        record: value of `experiment_plan`.

    Raises:
        StorageError: it is about another fit.
    """
    if record is None:
        return None
    if record["fit"] != version:
        raise StorageError("experiment_plan is about another fit than the stored posterior; materialize it again.")
    return ExperimentPlan.from_record(record)
