"""All brands at once: a job with a step per brand, run by one of Dagster's executors (here, processes, Dask).

A step does what `mmm run` does for its brand.  With Dask the steps go to the workers of a cluster, which need the
same code and configuration files, a storage that all of them reach (`paths.storage`), and Dagster's history in
PostgreSQL.
"""

import json
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob, build_reconstructable_job

from mmm_assets.resources.project import Project
from mmm_core.config.deployment import ExecutorConfig
from mmm_core.config.loading import load_config
from mmm_core.data.sources.extras import install_hint
from mmm_core.errors import ConfigError

BRAND_TAG = "mmm/brand"
JOB = "brands"
WORKER = "worker"
"""Metadata of a brand that stopped: the machine and the process that ran it."""


def fleet_job(configs: Sequence[str], profile: str | None, executor: ExecutorConfig) -> ReconstructableJob:
    """The job, in a form that other processes can make again.

    Args:
        configs: configuration files, as every worker finds them.
        profile: of all of them.
        executor: who runs the steps.

    Raises:
        ConfigError: the library of the executor is not installed.
    """
    described = json.dumps({"configs": list(configs), "profile": profile, "kind": executor.kind})
    rebuild_job(described)
    return build_reconstructable_job(__name__, "rebuild_job", (described,))


def rebuild_job(described: str) -> dg.JobDefinition:
    """The job that `fleet_job` describes."""
    about = json.loads(described)
    steps = [_step(config, about["profile"]) for config in about["configs"]]

    @dg.job(name=JOB, executor_def=_executor(about["kind"]), description="All brands, as `mmm run`.")
    def job() -> None:
        for step in steps:
            step()

    return job


def run_config(executor: ExecutorConfig) -> dict[str, Any]:
    """What Dagster wants to know about the executor."""
    if executor.kind == "in_process":
        return {}
    if executor.kind == "multiprocess":
        return {"execution": {"config": {"max_concurrent": executor.workers}}}
    if executor.address is not None:
        return {"execution": {"config": {"cluster": {"existing": {"address": executor.address}}}}}
    local = {"n_workers": executor.workers, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    return {"execution": {"config": {"cluster": {"local": local}}}}


def _executor(kind: str) -> dg.ExecutorDefinition:
    if kind == "in_process":
        return dg.in_process_executor
    if kind == "multiprocess":
        return dg.multiprocess_executor
    try:
        from dagster_dask import dask_executor
    except ImportError as error:
        hint = install_hint("dagster-dask", error.name)
        raise ConfigError(f"deployment.executor.kind is dask: {hint}.") from None
    return dask_executor


def step_name(config: str) -> str:
    """Name of a brand's step in the job."""
    return re.sub(r"\W", "_", Path(config).with_suffix("").as_posix())


def _step(config: str, profile: str | None) -> dg.OpDefinition:
    @dg.op(name=step_name(config), description=f"`mmm run --config {config}`")
    def brand(context: dg.OpExecutionContext) -> None:
        from mmm_assets.assembly import build_definitions
        from mmm_assets.automation.command_alerts import watched
        from mmm_assets.execution import Executor, Outcome
        from mmm_assets.instance import open_instance
        from mmm_assets.planning import STAGES
        from mmm_assets.progress import logged
        from mmm_core.progress import silent

        project, watch = Project(load_config(Path(config), profile)), logged(context.log, silent)
        tags = {"mmm/job": JOB, BRAND_TAG: project.config.project.name}

        def work() -> Outcome:
            with open_instance(project) as instance:
                return Executor(project, build_definitions(project, watch), instance, watch, tags).run(STAGES)

        outcome = watched(project, "mmm brands", work)
        worker = f"{platform.node()}, process {os.getpid()}"
        context.log.info(f"{worker}: made {len(outcome.made)}, kept {len(outcome.kept)} up to date.")
        if outcome.stops:
            message = "\n".join(stop.message for stop in outcome.stops)
            raise dg.Failure(message, metadata={WORKER: worker}, allow_retries=False)

    return brand
