"""MLflow: one run per fit, linked both ways, ended on every path."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.fit_tracking import is_over
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import RUN_TAG, Tracker, process_is_alive, this_process
from mmm_core.errors import SamplingError
from tests.assets import projects


@pytest.fixture
def tracker(tmp_path: Path) -> Tracker:
    return Tracker(
        f"sqlite:///{tmp_path / 'mlflow.db'}", "tests", (tmp_path / "artifacts").as_uri(), tmp_path / "lock"
    )


def _runs(tracker: Tracker) -> list[Any]:
    client = tracker.client()
    return list(client.search_runs([experiment.experiment_id for experiment in client.search_experiments()]))


@contextmanager
def _expected(kind: type[BaseException]) -> Iterator[None]:
    with pytest.raises(kind):
        yield


def test_a_run_is_finished_after_success(tracker: Tracker) -> None:
    with tracker.run("fit", {"a": "b"}) as run:
        run.log_params({"model.backend": "pymc"})
        run.log_metrics({"rhat": 1.0, "unknown": None, "missing": float("nan")})
        run.log_bytes(b"x", "note.txt", "notes")
    (found,) = _runs(tracker)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"model.backend": "pymc"}
    assert found.data.metrics == {"rhat": 1.0}
    assert [item.path for item in tracker.client().list_artifacts(found.info.run_id, "notes")] == [
        "notes/note.txt"
    ]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_run_is_failed_whatever_ends_it(tracker: Tracker, kind: type[BaseException]) -> None:
    with _expected(kind), tracker.run("fit", {}):
        raise kind
    (found,) = _runs(tracker)
    assert found.info.status == "FAILED"


def test_hundreds_of_parameters_and_odd_names_are_kept(tracker: Tracker) -> None:
    with tracker.run("fit", {}) as run:
        run.log_params({f"data.channel_map.TV & Radio #{number}": "x" * 7000 for number in range(250)})
    (found,) = _runs(tracker)
    assert len(found.data.params) == 250
    assert "data.channel_map.TV _ Radio _0" in found.data.params


def test_the_process_wide_active_run_is_never_used(tracker: Tracker) -> None:
    import mlflow

    with tracker.run("fit", {}):
        assert mlflow.active_run() is None


def test_runs_that_a_killed_process_left_open_are_closed(tracker: Tracker) -> None:
    client = tracker.client()
    with tracker.run("done", {}):
        pass
    experiment = client.get_experiment_by_name("tests").experiment_id
    dead = client.create_run(experiment, tags={RUN_TAG: "dead"}).info.run_id
    alive = client.create_run(experiment, tags={RUN_TAG: "alive"}).info.run_id
    assert tracker.close_abandoned(lambda tags: tags.get(RUN_TAG) == "dead") == [dead]
    assert client.get_run(dead).info.status == "FAILED"
    assert client.get_run(alive).info.status == "RUNNING"


def test_a_process_counts_as_dead_only_if_it_is_known_to_be() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = this_process().rpartition(":")[0]
    assert process_is_alive(this_process())
    assert not process_is_alive(f"{host}:{ended.pid}")
    assert process_is_alive(f"elsewhere.example:{ended.pid}")
    assert process_is_alive("")


def test_a_fit_closes_what_a_killed_fit_left_open(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path, f"tracking.tracking_uri=sqlite:///{tmp_path / 'own.db'}")
    tracker = Tracker.of(project)
    with tracker.run("first", {}):
        pass
    client = tracker.client()
    experiment = client.get_experiment_by_name("tiny").experiment_id
    with open_instance(project) as instance:
        known = instance.get_run_records(limit=1)[0].dagster_run.run_id
        left = client.create_run(experiment, tags={RUN_TAG: known}).info.run_id
        foreign = client.create_run(experiment, tags={RUN_TAG: "of another instance"}).info.run_id
        tracker.close_abandoned(partial(is_over, instance))
    assert client.get_run(left).info.status == "FAILED"
    assert client.get_run(foreign).info.status == "RUNNING"


def test_a_password_in_the_tracking_address_is_not_shown(tmp_path: Path) -> None:
    tracker = Tracker("https://user:secret@mlflow.example/", "tests", None, tmp_path / "lock")
    assert tracker.url("1", "r") == "https://mlflow.example/#/experiments/1/runs/r"


def test_two_processes_may_create_the_store_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mmm_assets.resources.tracking import Tracker; "
        "folder = Path(sys.argv[1]); "
        "tracker = Tracker(f'sqlite:///{folder}/mlflow.db', 'tests', (folder / 'a').as_uri(), folder / 'lock')\n"
        "with tracker.run('fit', {}): pass"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "tests", None, tmp_path / "lock")
    assert [run.info.status for run in _runs(tracker)] == ["FINISHED", "FINISHED"]


def test_a_fit_is_linked_with_its_dagster_run_both_ways(finished: Project) -> None:
    (run,) = _runs(Tracker.of(finished))
    with open_instance(finished) as instance:
        event = instance.get_latest_materialization_event(_key("posterior"))
    materialization = event.asset_materialization
    assert materialization.metadata["mlflow_run_id"].value == run.info.run_id
    assert run.info.run_id in materialization.metadata["mlflow_run"].value
    assert run.data.tags[RUN_TAG] == event.run_id
    assert run.data.tags["dagster_asset_key"] == "posterior"
    assert (run.data.tags["backend"], run.data.tags["fallback"], run.data.tags["converged"]) == (
        "pymc",
        "false",
        "true",
    )
    assert run.info.status == "FINISHED"


def test_a_fit_records_configuration_data_diagnostics_and_report(finished: Project) -> None:
    tracker = Tracker.of(finished)
    (run,) = _runs(tracker)
    snapshot = projects.read_json(finished.assets / "source_snapshot.json")
    assert run.data.params["training.draws"] == "100"
    assert run.data.params["data.version"] == snapshot["content_hash"]
    assert {"max_rhat", "min_ess_bulk", "divergences", "r2", "attempts"} <= set(run.data.metrics)
    client = tracker.client()
    artifacts = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"posterior.nc", "diagnostics.json", "report.html", "plots"} <= artifacts
    plots = {item.path for item in client.list_artifacts(run.info.run_id, "plots")}
    assert {"plots/fit.png", "plots/roi.png", "plots/contributions.png"} <= plots


@pytest.mark.parametrize("error", [SamplingError("no draws"), KeyboardInterrupt(), RuntimeError("bug")])
def test_a_fit_that_breaks_leaves_no_open_run(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    project = projects.copied(finished, tmp_path, f"tracking.tracking_uri=sqlite:///{tmp_path / 'own.db'}")
    monkeypatch.setattr("mmm_core.evaluation.fitting.fit_until_converged", broken)
    monkeypatch.chdir(tmp_path)
    with open_instance(project) as instance:
        assert not projects.quiet_run(build_definitions(project), instance, "posterior").success
    assert [run.info.status for run in _runs(Tracker.of(project))] == ["FAILED"]


def _key(name: str) -> Any:
    import dagster as dg

    return dg.AssetKey(name)


def test_a_store_whose_creation_was_interrupted_is_made_anew(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmm_assets.resources import tracking

    def interrupted(uri: str) -> None:
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"half a store")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tracking, "_client", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tracker.client()
    assert not tracker.exists
    with tracker.run("fit", {}):
        pass
    assert [run.info.status for run in _runs(tracker)] == ["FINISHED"]


@pytest.mark.parametrize(
    ("address", "in_storage"),
    [
        ("sqlite:///elsewhere/mlflow.db", True),
        ("postgresql+psycopg2://host/mlflow", True),
        ("http://127.0.0.1:5000", False),
        ("databricks", False),
    ],
)
def test_without_a_server_artifacts_are_in_the_storage(tmp_path: Path, address: str, in_storage: bool) -> None:
    values = projects.settings(tmp_path, None, tracking={"tracking_uri": address})
    project = projects.load(projects.write_config(tmp_path, values))
    root = Tracker.of(project).artifact_root
    assert (root == (project.storage / "mlartifacts").as_uri()) is in_storage
    assert in_storage or root is None
