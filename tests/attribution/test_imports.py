"""Attribution answers from the stored posterior alone."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "mmm_core" / "attribution"


def test_no_backend_is_imported() -> None:
    modules = sorted(f"mmm_core.attribution.{file.stem}" for file in FOLDER.glob("[!_]*.py"))
    assert "mmm_core.attribution.periods" in modules
    heavy = ("meridian", "jax", "pymc", "tensorflow", "pytensor", "matplotlib", "dagster", "arviz")
    code = f"import sys, {', '.join(modules)}; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
