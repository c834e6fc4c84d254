"""Exit codes and messages: 0 success, 1 a check blocks, 2 data, configuration or arguments cannot be used."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from mmm_assets.cli import app
from mmm_assets.resources.project import Project
from tests.assets import projects

Change = Callable[[pd.DataFrame], pd.DataFrame | None]


@pytest.fixture
def copy(finished: Project, tmp_path: Path) -> Project:
    """The finished project with a storage and a source of its own."""
    panel = tmp_path / "panel.csv"
    panel.write_bytes(projects.panel_of(finished).read_bytes())
    projects.write_config(tmp_path, projects.settings(tmp_path, panel))
    copied = projects.copied(finished, tmp_path)
    return projects.load(tmp_path / "project.yaml", f"paths.storage={copied.storage}")


def _mmm(project: Project, *arguments: str) -> "tuple[int, str, str]":
    command, *rest = arguments
    result = CliRunner().invoke(app, [command, "--config", str(project.loaded.path), *rest])
    return result.exit_code, result.stdout, result.stderr


def test_run_twice_exits_with_0_and_tells_the_same_answers(copy: Project) -> None:
    (code, first, _), (again, second, _) = _mmm(copy, "run"), _mmm(copy, "run")
    assert (code, again) == (0, 0)
    hint = f"mmm ui --config {copy.loaded.path}"
    for text in ("tv", "search", "ROI", "Recommended", "report.html", "Diagnostics", hint):
        assert text in first
    assert first.partition("ROI and")[2] == second.partition("ROI and")[2]


def _text(frame: pd.DataFrame) -> None:
    frame.loc[3, "tv_spend"] = "n/a?"


def _negative(frame: pd.DataFrame) -> None:
    frame.loc[3, "tv_spend"] = "-5"


def _repeated(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[[3]]])


def _short(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[(frame["geo"] != "Geo0") | (frame.groupby("geo").cumcount() < 10)]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_text, ("schema", "tv_spend", "row 5")),
        (_negative, ("schema", "tv_spend", "row 5")),
        (_repeated, ("duplicate_keys", "row 5, 122")),
        (_short, ("coverage", "10 weeks")),
    ],
)
def test_bad_rows_exit_with_1_and_are_named(copy: Project, change: Change, named: tuple[str, ...]) -> None:
    before = projects.exported(copy)
    panel = projects.panel_of(copy)
    projects.edit(panel, panel, change)
    code, out, err = _mmm(copy, "run")
    assert code == 1
    for text in (*named, "panel.csv", "Geo0", "as they were"):
        assert text in err
    assert "Traceback" not in out + err
    assert projects.exported(copy) == before


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda panel: panel.unlink(), ("does not exist", "ingest.path")),
        (lambda panel: panel.write_text("", encoding="utf-8"), ("empty",)),
        (
            lambda panel: projects.edit(panel, panel, lambda frame: frame.drop(columns="conversions")),
            ("data.channel_map is empty",),
        ),
    ],
)
def test_a_source_that_cannot_be_used_exits_with_2(
    copy: Project, damage: Callable[[Path], object], named: tuple[str, ...]
) -> None:
    before = projects.exported(copy)
    damage(projects.panel_of(copy))
    code, out, err = _mmm(copy, "run")
    assert code == 2
    for text in (*named, "panel.csv"):
        assert text in err
    assert "Traceback" not in out + err
    assert projects.exported(copy) == before


def test_a_missing_mapped_column_exits_with_2_and_names_the_nearest(copy: Project) -> None:
    mapping = (
        "data.date_col=time",
        "data.kpi_col=conversions",
        "data.keys=[geo]",
        "data.channel_map={tv: tv_spent}",
    )
    code, _, err = _mmm(copy, "run", *(part for pair in mapping for part in ("--set", pair)))
    assert code == 2
    for text in ("tv_spent", "nearest: tv_spend", "data.channel_map.tv", "panel.csv"):
        assert text in err


def test_a_gate_that_blocks_exits_with_1_and_says_what_to_try(copy: Project) -> None:
    before = projects.exported(copy)
    code, _, err = _mmm(copy, "evaluate", "--set", "complexity.identifiability.min_ess=5000")
    assert code == 1
    for text in ("posterior", "ess", "below 5000", "training.draws"):
        assert text in err
    assert "Champion     version 1 is this fit: it stays champion, but no budget is made with it." in err
    assert f"mmm run --config {copy.loaded.path} --set complexity.identifiability.min_ess=5000 --force" in err
    assert projects.exported(copy) == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--set", "trainig.draws=100"), ("trainig", "training")),
        (("--set", "training.draws=many"), ("training.draws", "many")),
        (("--profile", "nowhere"), ("nowhere",)),
        (("--set", "training"), ("training",)),
    ],
)
def test_a_wrong_configuration_exits_with_2(
    copy: Project, arguments: tuple[str, ...], named: tuple[str, ...]
) -> None:
    code, out, err = _mmm(copy, "run", *arguments)
    assert code == 2
    for text in named:
        assert text in err
    assert "Traceback" not in out + err


def test_a_missing_configuration_file_exits_with_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "none.yaml")])
    assert result.exit_code == 2
    assert "none.yaml does not exist" in result.stderr


def test_an_unknown_option_or_backend_exits_with_2(copy: Project) -> None:
    assert _mmm(copy, "run", "--backend", "stan")[0] == 2
    assert _mmm(copy, "run", "--nonsense")[0] == 2


def test_surprises_exit_with_1_and_offer_the_trace(copy: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr("mmm_assets.stages.transform.clean_panel", broken)
    code, _, err = _mmm(copy, "transform", "--force")
    assert code == 1
    assert "a mistake of ours" in err
    assert "--debug" in err
    assert "Traceback" not in err
    code, _, err = _mmm(copy, "transform", "--force", "--debug")
    assert code == 1
    assert "ZeroDivisionError" in err


def test_the_installed_command_says_one_thing_and_no_traceback(tmp_path: Path) -> None:
    panel = tmp_path / "panel.csv"
    config = projects.write_config(tmp_path, projects.settings(tmp_path, panel))
    run = subprocess.run(
        [sys.executable, "-c", "from mmm_assets.cli import main; main()", "ingest", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    lines = [line for line in run.stderr.splitlines() if line.strip()]
    assert lines[0] == "Cannot be used"
    assert "panel.csv does not exist" in lines[1]
    assert len(lines) == 3
