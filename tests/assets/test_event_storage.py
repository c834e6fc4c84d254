"""The faster event log writes the same files as Dagster's own storage."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from mmm_assets.event_storage import PooledEventLog
from mmm_assets.instance import open_instance
from tests.assets import projects


def _asset(name: str, value: int) -> dg.AssetsDefinition:
    @dg.asset(name=name)
    def made() -> int:
        return value

    return made


def _fast(home: Path) -> dg.DagsterInstance:
    config = {
        "telemetry": {"enabled": False},
        "storage": {
            "custom": {
                "module": "mmm_assets.event_storage",
                "class": "LocalStorage",
                "config": {"base_dir": str(home)},
            }
        },
    }
    home.mkdir(exist_ok=True)
    (home / "fast.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (home / "dagster.yaml").write_text(yaml.safe_dump({"telemetry": {"enabled": False}}), encoding="utf-8")
    return dg.DagsterInstance.from_config(str(home), "fast.yaml")


def _plain(home: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(home), "dagster.yaml")


def test_dagsters_own_storage_reads_what_was_written_fast(tmp_path: Path) -> None:
    with _fast(tmp_path / "home") as fast:
        results = [dg.materialize([_asset("made", number)], instance=fast) for number in range(7)]
    with _plain(tmp_path / "home") as plain:
        assert len(plain.fetch_materializations(dg.AssetKey("made"), limit=20).records) == 7
        for result in results:
            run = plain.get_run_by_id(result.run_id)
            assert run is not None
            assert run.status is dg.DagsterRunStatus.SUCCESS
            kinds = [record.event_log_entry.dagster_event_type for record in _records(plain, result.run_id)]
            assert kinds[0] is dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
            assert kinds.count(dg.DagsterEventType.ASSET_MATERIALIZATION) == 1
            assert kinds.count(dg.DagsterEventType.RUN_SUCCESS) == 1


def test_both_storages_may_write_in_turn(tmp_path: Path) -> None:
    for number, opened in enumerate((_plain_first(tmp_path), _fast, _plain, _fast)):
        with opened(tmp_path / "home") as instance:
            assert dg.materialize([_asset("made", number)], instance=instance).success
    with _plain(tmp_path / "home") as plain:
        assert len(plain.fetch_materializations(dg.AssetKey("made"), limit=20).records) == 4


def test_events_written_fast_are_seen_by_another_process_at_once(tmp_path: Path) -> None:
    with _fast(tmp_path / "home") as fast, _plain(tmp_path / "home") as other:
        result = dg.materialize([_asset("made", 1)], instance=fast)
        assert other.fetch_materializations(dg.AssetKey("made"), limit=2).records
        assert len(_records(other, result.run_id)) == len(_records(fast, result.run_id))


def test_a_new_runs_file_starts_without_events_of_the_first_run(tmp_path: Path) -> None:
    with _fast(tmp_path / "home") as fast:
        first = dg.materialize([_asset("one", 1)], instance=fast)
        second = dg.materialize([_asset("two", 2)], instance=fast)
        keys = {record.event_log_entry.run_id for record in _records(fast, second.run_id)}
    assert keys == {second.run_id}
    assert first.run_id != second.run_id


def test_a_disk_without_links_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    with _fast(tmp_path / "home") as fast:
        assert [dg.materialize([_asset("one", n)], instance=fast).success for n in range(2)] == [True, True]


def test_the_command_line_uses_the_fast_storage_unless_another_one_is_configured(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    project = projects.load(config)
    with open_instance(project) as instance:
        assert isinstance(instance.event_log_storage, PooledEventLog)
    settings = project.dagster_home / "dagster.yaml"
    own = yaml.safe_load(settings.read_text(encoding="utf-8"))
    own["storage"] = {"sqlite": {"base_dir": str(tmp_path / "own")}}
    settings.write_text(yaml.safe_dump(own), encoding="utf-8")
    with open_instance(project) as instance:
        assert not isinstance(instance.event_log_storage, PooledEventLog)


def _plain_first(folder: Path):  # type: ignore[no-untyped-def]
    def opened(home: Path) -> dg.DagsterInstance:
        _fast(home).dispose()  # writes the settings of both
        return _plain(home)

    return opened


def _records(instance: dg.DagsterInstance, run_id: str) -> list[dg.EventLogRecord]:
    return list(instance.get_records_for_run(run_id).records)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
