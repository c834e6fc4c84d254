"""What a newcomer, CI and Dagster rely on in the repository itself."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def locked_requirements() -> list[str]:
    """Requirements with their hashes, one text each."""
    without_comments = "\n".join(line for line in LOCK.splitlines() if not line.lstrip().startswith("#"))
    return [item for item in without_comments.replace("\\\n", " ").splitlines() if item.strip()]


def test_lock_names_no_index_and_no_url() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*(--(extra-)?index-url|--find-links|-i |-f |-e )", LOCK, flags=re.M)


def test_every_locked_requirement_is_pinned_and_hashed() -> None:
    requirements = locked_requirements()
    assert len(requirements) > 100
    loose = [item for item in requirements if not re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+ ", item)]
    assert loose == []
    assert [item for item in requirements if "--hash=sha256:" not in item] == []


def test_every_dependency_is_locked() -> None:
    locked = {normalised(item) for item in locked_requirements()}
    extras = [name for group in PYPROJECT["project"]["optional-dependencies"].values() for name in group]
    declared = {normalised(item) for item in [*PYPROJECT["project"]["dependencies"], *extras]}
    assert declared - locked == set()


def normalised(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_workspace_is_the_only_loader() -> None:
    """`workspace.yaml` is silently ignored where pyproject.toml has a Dagster table."""
    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text(encoding="utf-8"))
    locations = {"mmm": "mmm_assets.definitions", "mmm_benchmark": "mmm_assets.benchmark_definitions"}
    assert workspace == {
        "load_from": [
            {"python_module": {"module_name": module, "location_name": name}} for name, module in locations.items()
        ]
    }
    assert not {"dagster", "dg"} & set(PYPROJECT["tool"])
    assert not list(REPOSITORY.glob("dg.toml"))


def test_licence_is_the_one_that_is_declared() -> None:
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_ci_runs_what_a_developer_runs() -> None:
    script = REPOSITORY / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    lines = [line.strip() for line in script.read_text(encoding="utf-8").splitlines()]
    assert lines[-1] == "make test"
    assert "set -euo pipefail" in lines


@pytest.mark.parametrize("target", ["setup", "demo", "test", "test-full", "lint", "lock", "ui", "clean"])
def test_make_has_the_target(target: str) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", target], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr


def test_make_without_a_target_lists_the_targets() -> None:
    shown = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "make demo" in shown.stdout
    assert "make test" in shown.stdout


def test_hooks_need_no_download() -> None:
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    assert all(hook["language"] == "system" for hook in hooks["repos"][0]["hooks"])
    tools = {hook["entry"].split()[0] for hook in hooks["repos"][0]["hooks"]}
    assert tools == {".venv/bin/ruff", ".venv/bin/mypy", ".venv/bin/lint-imports"}
