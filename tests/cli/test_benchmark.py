"""`mmm benchmark`: real runs through the command line, kept and not done again."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from mmm_assets.cli import app
from tests.assets import projects


def _invoke(*arguments: str) -> "tuple[int, str, str]":
    result = CliRunner().invoke(app, ["benchmark", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.slow
def test_a_run_is_measured_kept_and_summarised(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    output = tmp_path / "bench"
    common = (
        "--config",
        str(config),
        "--output",
        str(output),
        "--datasets",
        "small_business",
        "--backends",
        "pymc",
    )
    steps = ("--chains", "2", "--tune", "60", "--draws", "60")
    # A second backend without its option, as a shell user would list it; it cannot run here and that is told.
    code, out, err = _invoke(*common, "pymc_reference:nutpie", *steps)
    assert code == 0, err
    assert "nutpie is not installed" in err
    assert "small_business" in out
    table = pd.read_csv(output / "results.csv").set_index("backend")
    row = table.loc["pymc"]
    assert (row["status"], row["draws"], row["geos"], row["weeks"], row["channels"]) == ("ok", 120, 1, 104, 4)
    assert row["ess_min_per_second"] == pytest.approx(row["ess_min"] / row["seconds"])
    assert 0 < row["srmse"] < 3
    assert 0 <= row["weekly_coverage"] <= 1
    assert row["peak_memory_bytes"] > 1e8
    assert 0 < row["artifact_bytes"] < 20e6
    assert table.loc["pymc_reference:nutpie", "status"] == "failed"
    assert len(pd.read_csv(output / "recovery.csv")) == 4
    page = (output / "summary.md").read_text(encoding="utf-8")
    assert "| small_business | pymc |" in page
    assert "<td>small_business</td>" in (output / "summary.html").read_text(encoding="utf-8")
    assert (output / "plots" / "srmse.png").read_bytes().startswith(b"\x89PNG")
    stored = (output / "small_business" / "pymc" / "result.json").read_text(encoding="utf-8")

    code, _, err = _invoke(*common, *steps)
    assert code == 0, err
    assert "known" in err
    assert (output / "small_business" / "pymc" / "result.json").read_text(encoding="utf-8") == stored
    (output / "summary.md").unlink()
    code, out, _ = _invoke(*common, "--plots-only")
    assert code == 0
    assert (output / "summary.md").exists()
    assert json.loads(stored)["key"]


@pytest.mark.slow
def test_a_calibration_runs_alone_and_is_summarised(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    output = tmp_path / "bench"
    common = ("--config", str(config), "--output", str(output))
    code, out, err = _invoke(*common, "--calibration", "3")
    assert code == 0, err
    assert "the smallest p-value is" in out
    assert sorted(path.name for path in output.iterdir()) == ["calibration", "summary.html", "summary.md"]
    assert set(pd.read_csv(output / "calibration" / "calibration.csv")["n"]) == {3}
    (output / "summary.md").unlink()
    code, _, err = _invoke(*common, "--plots-only")
    assert code == 0, err
    assert "calibration/calibration.png" in (output / "summary.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_coverage_study_runs_alone_and_is_summarised(tmp_path: Path) -> None:
    coverage = {"scenarios": ["planned"], "geos": 2, "weeks": 52, "channels": 1, "controls": 0, "draws": 50}
    values = projects.settings(tmp_path, None, benchmark={"coverage": coverage}, training={"tune": 60})
    config = projects.write_config(tmp_path, values | {"model": {"backend": "pymc", "fallback": "none"}})
    output = tmp_path / "bench"
    common = ("--config", str(config), "--output", str(output))
    code, out, err = _invoke(*common, "--coverage", "--seeds", "1")
    assert code == 0, err
    assert "1 (pymc) fits of the coverage study pass the convergence gate" in " ".join(out.split())
    assert sorted(path.name for path in output.iterdir()) == ["coverage", "summary.html", "summary.md"]
    assert pd.read_csv(output / "coverage" / "fits.csv")["panels"].tolist() == [1]
    (output / "summary.md").unlink()
    code, _, err = _invoke(*common, "--plots-only")
    assert code == 0, err
    assert "coverage/coverage.png" in (output / "summary.md").read_text(encoding="utf-8")


def test_the_data_path_is_measured_alone_and_summarised(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    output = tmp_path / "bench"
    code, out, err = _invoke("--config", str(config), "--output", str(output), "--data-scale", "2,1")
    assert code == 0, err
    assert "From 1 to 2 geos the processor time per geo changes by a factor of" in " ".join(out.split())
    assert sorted(path.name for path in output.iterdir()) == ["data_scale", "summary.html", "summary.md"]
    assert pd.read_csv(output / "data_scale" / "data_scale.csv")["geos"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--datasets", "smal_business"),
            "No benchmark data set is named 'smal_business'; data sets: small_business",
        ),
        (("--backends", "stan"), "No benchmark backend is named 'stan'; backends: meridian, pymc"),
        (("--datasets", "small_business", "numpyro"), "data sets: small_business"),
        (("--datasets", "configured", "--backends", "pymc", "--set", "ingest.path=nowhere.csv"), "nowhere.csv"),
        (("--datasets", "published_small"), "benchmark.data_folder is not set"),
        (("--plots-only",), "There are no benchmark results"),
        (("--calibration", "3", "--plots-only"), "leave one of them out"),
        (("--calibration", "3", "--tune", "50"), "--tune: a calibration has steps of its own"),
        (("--coverage", "--plots-only"), "leave one of them out"),
        (("--coverage", "--tune", "50"), "--tune: the coverage study takes its steps from benchmark.coverage"),
        (("--seeds", "5"), "add --coverage"),
        (("--data-scale", "3", "--plots-only"), "leave one of them out"),
        (("--data-scale", "3", "--draws", "50"), "--draws: the data path has no sampler steps"),
        (("--data-scale", "3,x"), "such as 10,100,1000; 'x' is none"),
        (("--data-scale", "0"), "'0' is none"),
        (("--calibration", "3", "--set", "model.family=robust_log"), "add --set model.family=gaussian"),
    ],
)
def test_what_cannot_be_done_is_told(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    values = projects.settings(tmp_path, tmp_path / "panel.csv")
    config = projects.write_config(tmp_path, values)
    code, _, err = _invoke("--config", str(config), "--output", str(tmp_path / "bench"), *arguments)
    assert code == 2
    assert told in " ".join(err.split())
    assert not (tmp_path / "bench").exists()
