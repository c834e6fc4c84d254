"""Run by test_planted_secrets in a process of its own: all stages, then a run that says secrets everywhere."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

import dagster as dg

from mmm_assets.commands.invocation import Invocation
from mmm_assets.commands.stages import run_stages
from mmm_assets.dagster_logs import name_steps
from mmm_assets.instance import open_instance
from mmm_assets.resources.alerts import Alerts

SECRETS = [os.environ[name] for name in ("DATA_URL", "HOOK", "PLANTED_PASSWORD")]


@dg.asset(check_specs=[dg.AssetCheckSpec("told", asset="talkative")])
def talkative(context: dg.AssetExecutionContext) -> Any:
    text = " and ".join(SECRETS)
    logging.getLogger("mmm_core.somewhere").info("core %s", text)
    logging.getLogger("some.library").warning("library %s", text)
    context.log.info(f"dagster {text}")
    yield dg.AssetCheckResult(passed=False, check_name="told", description=text, metadata={"text": text})
    yield dg.MaterializeResult(metadata={"text": text, "table": {"nested": [text]}})


@dg.asset(deps=[talkative])
def broken() -> None:
    try:
        raise KeyError(" ".join(SECRETS))
    except KeyError as error:
        raise RuntimeError(f"cannot log in with {SECRETS}") from error


@dg.asset(deps=[talkative])
def refused() -> None:
    raise dg.Failure(description=f"refused {SECRETS}", metadata={"why": str(SECRETS)}, allow_retries=False)


def main(config: Path) -> None:
    invocation = Invocation(config)
    code = run_stages(invocation, ["report"], force=False)
    project = invocation.project()
    Alerts.of(project).send("run_failed", SECRETS[0], {"reason": SECRETS[1]})
    with open_instance(project) as instance:
        definitions = name_steps(dg.Definitions([talkative, broken, refused], executor=dg.in_process_executor))
        job = definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, tags={"dagster/partition": "Geo0"}
        )
    sys.exit(code or int(result.success))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
