"""The champion answers over HTTP, without the programs that fitted it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_core.model.posterior import Posterior
from tests.serving.plans_of_fit import own_plan

START_SECONDS = 240
_BODY = re.compile(r"-d '(\{.*?\n\})'", re.DOTALL)
_FITTERS = ("meridian", "tensorflow", "pymc", "pytensor", "jax", "numpyro", "dagster", "mmm_assets")
_SITE = f"""
import sys

class NotThere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {_FITTERS!r}:
            raise ModuleNotFoundError(f"{{name}} is not there", name=name)

sys.meta_path.insert(0, NotThere())
"""
"""Run by every Python process of the server before anything else: as if these were not installed."""


@pytest.fixture(scope="module")
def server(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running `mlflow models serve` on `models:/NAME@champion`."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "sitecustomize.py").write_text(_SITE, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["-m", "mlflow", "models", "serve", "-m", "models:/tiny@champion", "--env-manager", "local"]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": Tracker.of(finished).tracking_uri,
        "PYTHONPATH": str(folder),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port), "--host", "127.0.0.1", "--workers", "1"],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, folder / "log")
            yield address
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            if requests.get(f"{address}/ping", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    pytest.fail(f"mlflow models serve does not answer: {log.read_text()[-3000:]}")


def _ask(address: str, body: Any) -> requests.Response:
    return requests.post(f"{address}/invocations", json=body, timeout=120)


def _split(plan: pd.DataFrame) -> dict[str, Any]:
    dates = plan.assign(date=plan["date"].dt.strftime("%Y-%m-%d"))
    return {"dataframe_split": {"columns": list(dates.columns), "data": dates.to_numpy().tolist()}}


def test_the_served_champion_gives_the_fitted_contributions(server: str, finished: Project) -> None:
    posterior = Posterior.load(Path(str(finished.assets / "posterior.nc")))
    answer = _ask(server, _split(own_plan(posterior.data)))
    assert answer.status_code == 200, answer.text
    found = pd.DataFrame(answer.json()["predictions"])
    fitted = pd.read_parquet(Path(str(finished.assets / "contributions.parquet")))
    parts = found[found["kind"] != "kpi"].reset_index(drop=True)
    assert list(parts["component"]) == list(fitted["component"])
    assert list(pd.to_datetime(parts["date"])) == list(fitted["date"])
    for column in ("mean", "q05", "q50", "q95"):
        np.testing.assert_allclose(parts[column], fitted[column], rtol=1e-12, atol=1e-9)


def test_the_example_of_the_documentation_is_answered(server: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "promotion.md"
    (body,) = _BODY.findall(page.read_text(encoding="utf-8"))
    answer = _ask(server, json.loads(body))
    assert answer.status_code == 200, answer.text
    found = pd.DataFrame(answer.json()["predictions"])
    assert set(found["geo"]) == {"Geo0", "Geo1"}
    assert {"kpi", "baseline", "tv", "search"} <= set(found["component"])


def test_a_bad_plan_is_answered_with_a_sentence(server: str, finished: Project) -> None:
    posterior = Posterior.load(Path(str(finished.assets / "posterior.nc")))
    plan = own_plan(posterior.data).assign(spend=-1.0)
    answer = _ask(server, _split(plan))
    assert answer.status_code == 400
    assert "spend -1" in answer.json()["message"]
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
