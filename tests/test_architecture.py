"""The page about the house says what is there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"`([^`\n]+)`", PAGE)
CONTRACTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
    "contracts"
]


def package_folders() -> list[str]:
    return sorted(
        f"{folder.relative_to(REPOSITORY).as_posix()}/"
        for package in ("mmm_core", "mmm_assets")
        for folder in [REPOSITORY / package, *(REPOSITORY / package).rglob("*/")]
        if any(folder.glob("*.py"))
    )


@pytest.mark.parametrize("folder", package_folders())
def test_every_package_folder_is_on_the_page(folder: str) -> None:
    assert folder in QUOTED


def test_every_package_folder_is_a_package() -> None:
    lacking = [folder for folder in package_folders() if not (REPOSITORY / folder / "__init__.py").is_file()]
    assert lacking == []


def test_every_path_on_the_page_exists() -> None:
    paths = [quoted for quoted in QUOTED if "/" in quoted or quoted.endswith((".py", ".toml", ".yaml", ".md"))]
    assert len(paths) > 20
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_import_order_on_the_page_is_the_enforced_one() -> None:
    listing = PAGE.split("<!-- import order: top first -->")[1].split("<!-- end of import order -->")[0]
    written = [set(re.findall(r"`(\w+)`", line)) for line in listing.strip().splitlines()]
    layers = next(contract for contract in CONTRACTS if contract["type"] == "layers")
    assert written == [set(re.findall(r"\w+", layer)) for layer in layers["layers"]]
    assert layers["exhaustive"] is True


def test_imports_inside_functions_count(tmp_path: Path) -> None:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "upper.py").touch()
    (package / "lower.py").write_text("def f() -> None:\n    import house.upper\n")
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_package = house\n[importlinter:contract:1]\nname = order\ntype = layers\n"
        "containers = house\nlayers =\n    upper\n    lower\n"
    )
    result = lint_imports(tmp_path, "--config", ".importlinter", "--no-cache")
    assert result.returncode == 1
    assert "house.lower -> house.upper (l.2)" in result.stdout


def test_the_tree_keeps_its_contracts() -> None:
    result = lint_imports(REPOSITORY, "--no-cache")
    assert result.returncode == 0, result.stdout


def lint_imports(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
