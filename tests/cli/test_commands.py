"""Commands beside the stages: simulate, config check, benchmark, ui, and the backend option."""

import json
import socket
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from mmm_assets.cli import app
from mmm_assets.commands.invocation import Invocation
from mmm_assets.resources.project import Project, project_from_environment
from mmm_core.data.truth import Truth
from mmm_core.errors import ConfigError
from tests.assets import projects


def _invoke(*arguments: str) -> "tuple[int, str, str]":
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_simulate_writes_a_panel_and_its_truth(tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"panel{suffix}"
    arguments = ("--geos", "2", "--weeks", "60", "--channels", "3", "--seed", "5")
    code, out, _ = _invoke("simulate", "--output", str(output), *arguments)
    assert code == 0
    assert "panel.truth.json" in out
    frame = pd.read_csv(output) if suffix == ".csv" else pd.read_parquet(output)
    assert len(frame) == 2 * 60
    truth = Truth.from_json((tmp_path / "panel.truth.json").read_text(encoding="utf-8"))
    assert len(truth.roi) == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("--geos", "0"), ("--geos", "0")), (("--weeks", "3"), ("--weeks", "3"))],
)
def test_simulate_refuses_impossible_sizes(
    tmp_path: Path, arguments: tuple[str, ...], named: tuple[str, ...]
) -> None:
    code, _, err = _invoke("simulate", "--output", str(tmp_path / "panel.csv"), *arguments)
    assert code == 2
    for text in named:
        assert text in err
    assert not list(tmp_path.iterdir())


def test_simulate_writes_a_preset_whose_sizes_are_fixed(tmp_path: Path) -> None:
    output = tmp_path / "panel.csv"
    code, _, err = _invoke("simulate", "--output", str(output), "--preset", "growing_business", "--seed", "3")
    assert code == 0, err
    assert len(pd.read_csv(output)) == 2 * 131
    code, _, err = _invoke("simulate", "--output", str(output), "--preset", "growing_business", "--weeks", "60")
    assert code == 2
    assert "--weeks cannot be given with --preset" in err
    code, _, err = _invoke("simulate", "--output", str(output), "--preset", "tiny")
    assert code == 2
    assert "--preset is tiny" in err


def test_simulate_refuses_other_formats(tmp_path: Path) -> None:
    code, _, err = _invoke("simulate", "--output", str(tmp_path / "panel.xlsx"))
    assert code == 2
    assert ".csv or .parquet" in err


def test_config_check_lists_every_value_with_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    monkeypatch.setenv("MMM__TRAINING__TUNE", "222")
    code, out, err = _invoke("config", "check", "--config", str(config), "--set", "training.draws=333")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "333" in lines["training.draws"]
    assert "--set" in lines["training.draws"]
    assert "222" in lines["training.tune"]
    assert "MMM__TRAINING__TUNE" in lines["training.tune"]
    assert "default" in lines["model.media_scaling"]
    assert "every key of the schema is read" in err


def test_config_check_hides_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = projects.settings(tmp_path, None) | {"tracking": {"tracking_uri": "https://${TOKEN}@mlflow.example"}}
    monkeypatch.setenv("TOKEN", "user:verysecret")
    code, out, err = _invoke("config", "check", "--config", str(projects.write_config(tmp_path, values)))
    assert code == 0
    assert "verysecret" not in out + err
    assert "***" in out


def test_config_check_refuses_a_wrong_file(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None, trainig={"draws": 1}))
    code, _, err = _invoke("config", "check", "--config", str(config))
    assert code == 2
    assert "training" in err


def test_the_backend_option_leaves_no_fallback_to_itself(tmp_path: Path) -> None:
    values = projects.settings(tmp_path, None) | {"model": {"backend": "meridian", "fallback": "pymc"}}
    config = projects.write_config(tmp_path, values)
    assert Invocation(config, backend="pymc").project().config.model.fallback == "none"
    both = Invocation(config, backend="meridian").project().config.model
    assert (both.backend, both.fallback) == ("meridian", "pymc")


def test_other_processes_load_the_same_project(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    project = Invocation(config, None, ("training.draws=123",), "pymc").project()
    assert project_from_environment().config == project.config


def test_hints_repeat_the_options_that_matter() -> None:
    invocation = Invocation(Path("a b.yaml"), "docker", ("data.keys=[a, b]",))
    assert invocation.arguments == "--config 'a b.yaml' --profile docker --set 'data.keys=[a, b]'"


def test_ui_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = _invoke("ui", "--config", str(config), "--port", str(port))
    assert code == 2
    assert str(port) in err
    assert "--port" in err


def test_the_instance_keeps_what_a_person_changed_in_its_settings(finished: Project, tmp_path: Path) -> None:
    from mmm_assets.instance import open_instance, prepare_instance

    project = projects.copied(finished, tmp_path)
    settings = prepare_instance(project) / "dagster.yaml"
    changed = settings.read_text(encoding="utf-8").replace("default_limit: 1", "default_limit: 3")
    settings.write_text(changed, encoding="utf-8")
    with open_instance(project) as instance:
        assert instance.get_settings("concurrency")["pools"]["default_limit"] == 3
        assert not instance.telemetry_enabled
    assert settings.read_text(encoding="utf-8") == changed


def test_every_command_explains_itself() -> None:
    code, out, _ = _invoke("--help")
    assert code == 0
    commands = ("run", "ingest", "validate", "transform", "features", "train", "evaluate", "optimize", "report")
    for command in (*commands, "ui", "simulate", "benchmark", "config"):
        assert command in out
        assert _invoke(command, "--help")[0] == 0


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    import subprocess
    import sys

    code = "import json, sys, mmm_assets.cli; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    assert not {"dagster", "pandas", "xarray", "pymc", "mlflow"} & set(modules)


def test_the_backend_option_counts_when_the_model_needs_that_backend(tmp_path: Path) -> None:
    model = {"backend": "meridian", "fallback": "none", "family": "robust_log"}
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None) | {"model": model})
    assert Invocation(config, backend="pymc").project().config.model.backend == "pymc"
    with pytest.raises(ConfigError, match="only the pymc backend"):
        Invocation(config).project()
