"""Tables and pages say what the results say, escaped."""

from pathlib import Path

import pandas as pd

from mmm_core.benchmark.job import RunResult
from mmm_core.benchmark.summary import result_table, write_summary

SIZE = {"geos": 1, "weeks": 104, "channels": 4, "controls": 2}
STEPS = {"chains": 2, "tune": 60, "draws": 50, "seed": 1}


def _results() -> list[RunResult]:
    metrics = {
        "seconds": 12.34,
        "ess_min": 321.0,
        "srmse": 0.25,
        "divergences": 0,
        "version": "pymc 5",
        "draws": 100,
    }
    row = {"geo": "north", "channel": "tv", "srmse": 0.25}
    good = RunResult(
        "a", "small_business", "pymc", "ok", "", None, SIZE, STEPS, {}, metrics, (row,), ({"channel": "tv"},)
    )
    partly = RunResult("b", "small_business", "meridian", "ok", "", None, SIZE, STEPS, {}, {"seconds": 99.0})
    bad = RunResult("c", "small_business", "pymc_reference:numpyro", "crashed", "<b>a | b</b>")
    return [good, partly, bad]


def test_one_row_per_run_and_one_per_geo_and_channel(tmp_path: Path) -> None:
    write_summary(_results(), tmp_path)
    table = pd.read_csv(tmp_path / "results.csv")
    assert table["backend"].tolist() == ["pymc", "meridian", "pymc_reference:numpyro"]
    assert table["draws"].tolist()[0] == 100
    assert table["draws_per_chain"].tolist()[0] == 50
    assert pd.read_csv(tmp_path / "recovery.csv").to_dict("records") == [
        {"dataset": "small_business", "backend": "pymc", "geo": "north", "channel": "tv", "srmse": 0.25}
    ]
    assert result_table(_results()).shape[0] == 3


def test_pages_have_the_numbers_and_nothing_breaks_out(tmp_path: Path) -> None:
    page = write_summary(_results(), tmp_path)
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "| small_business | pymc | 12 | 321 | 0 |" in text
    assert "| small_business | meridian | 99 | – | – |" in text
    assert "<b>a \\| b</b>" in text
    html = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;a | b&lt;/b&gt;" in html
    assert "<b>a" not in html


def test_plots_are_drawn_of_what_is_known_only(tmp_path: Path) -> None:
    write_summary(_results(), tmp_path)
    drawn = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert drawn == ["seconds.png", "srmse.png"]


def test_without_any_success_there_is_still_a_page(tmp_path: Path) -> None:
    write_summary(_results()[2:], tmp_path)
    assert "Runs without result" in (tmp_path / "summary.md").read_text(encoding="utf-8")
