"""Tiny projects whose whole pipeline takes seconds."""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
import yaml
from filelock import FileLock

from mmm_assets.assembly import build_definitions
from mmm_assets.attributes import Stage
from mmm_assets.execution import Executor, Outcome
from mmm_assets.instance import open_instance
from mmm_assets.planning import STAGES
from mmm_assets.resources.project import Project
from mmm_core.config.ingest import SimulatorConfig
from mmm_core.config.loading import load_config
from mmm_core.data.simulator import simulate

GEOS = ("Geo0", "Geo1")
N_WEEKS = 60
LOOSE = {
    "max_rhat": 1.99,
    "min_ess": 10,
    "nuisance_max_rhat": 1.99,
    "nuisance_min_ess": 10,
    "max_divergent_share": 1.0,
    "min_ebfmi": 0,
    "max_tree_depth_share": 1.0,
}
"""Limits that the shortest run passes: these tests are about the graph, not about the sampler."""


def settings(folder: Path, source: Path | None, **sections: Any) -> dict[str, Any]:
    """Configuration of a tiny project whose data is a file, or simulated."""
    simulator = {"n_geos": len(GEOS), "n_weeks": N_WEEKS, "n_channels": 2, "n_controls": 1}
    ingest = {"path": str(source)} if source else {"connector_priority": ["simulator"], "simulator": simulator}
    return {
        "project": {"name": "tiny"},
        "paths": {"storage": str(folder / "storage")},
        "ingest": ingest,
        "model": {"backend": "pymc", "fallback": "none", "knots": 3},
        "training": {"chains": 2, "tune": 100, "draws": 100},
        "complexity": {"identifiability": LOOSE},
        **sections,
    }


def write_config(folder: Path, values: Mapping[str, Any]) -> Path:
    """Write a configuration file."""
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump(dict(values), sort_keys=False), encoding="utf-8")
    return path


def write_panel(folder: Path, n_geos: int = len(GEOS), seed: int = 3) -> Path:
    """A simulated panel as a CSV file, in the simulator's layout."""
    frame = simulate(SimulatorConfig(n_geos=n_geos, n_weeks=N_WEEKS, n_channels=2, n_controls=1, seed=seed)).frame
    path = folder / "panel.csv"
    frame.to_csv(path, index=False)
    return path


def load(config: Path, *overrides: str) -> Project:
    """The project of a configuration file, whatever the environment says."""
    return Project(load_config(config, None, overrides, environ={}))


def run(project: Project, stages: Sequence[Stage] = STAGES, force: bool = False) -> Outcome:
    """Run stages as the command line does."""
    with open_instance(project) as instance:
        return Executor(project, build_definitions(project), instance, lambda *_: None).run(stages, force)


def once_for_all_workers(factory: pytest.TempPathFactory, name: str, made: Callable[[Path], Project]) -> Project:
    """A project whose every stage has run, by the first worker that needs it; nobody may write to it.

    Args:
        factory: whose folder is the worker's, beside those of the others.
        name: of the folder, the same for every worker.
        made: writes the configuration into the folder, as `write_config` does, and loads it.
    """
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "making.lock"):
        if (folder / "done").exists():
            return load(folder / "project.yaml")
        project = made(folder)
        outcome = run(project)
        if outcome.stops:
            pytest.fail(f"the tiny project stopped: {outcome.stops}")
        (folder / "done").touch()
    return project


def copied(project: Project, folder: Path, *overrides: str) -> Project:
    """The same project with a storage of its own, a copy of what the first one has stored."""
    storage = folder / "storage"
    shutil.copytree(project.storage, storage)
    return load(project.loaded.path, f"paths.storage={storage}", *overrides)


def panel_of(project: Project) -> Path:
    """The source file of a project."""
    return Path(str(project.config.ingest.path))


def edit(panel: Path, target: Path, change: Any) -> Path:
    """A copy of a CSV panel after `change(frame)`; every value is text."""
    frame = pd.read_csv(panel, dtype=str)
    changed = change(frame)
    (frame if changed is None else changed).to_csv(target, index=False)
    return target


DATA_PAGES = {"validation.html", "eda.html"}
"""About the data as it is now, whatever fit the other exports come from."""


def exported(project: Project) -> dict[str, bytes]:
    """What comes from the fit under exports."""
    return {
        path.name: path.read_bytes() for path in sorted(project.exports.iterdir()) if path.name not in DATA_PAGES
    }


def quiet_run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, *assets: str, geo: str | None = None
) -> Any:
    """Materialize assets, and what the same steps make, in one run, as an ad-hoc run from the UI would."""
    job, graph = definitions.resolve_implicit_global_asset_job_def(), definitions.resolve_asset_graph()
    together = {key for asset in assets for key in graph.get(dg.AssetKey(asset)).execution_set_asset_keys}
    return job.execute_in_process(
        instance=instance,
        asset_selection=sorted(together),
        partition_key=geo,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def read_json(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def reason(result: Any) -> str:
    """Why a run failed, as the UI shows it."""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return "\n".join(data.user_failure_data.description or "" for data in failures if data.user_failure_data)
