"""The coverage study for real: tiny panels, killed in the middle, gone on with."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm_core.benchmark.coverage_fit import (
    ALL_MEDIA,
    QUANTILES,
    load_result,
    panel_rows,
    result_path,
    study_config,
    study_key,
)
from mmm_core.benchmark.coverage_panel import SCENARIOS, coverage_panel
from mmm_core.benchmark.coverage_study import FOLDER, PICTURE, run_coverage, stored_coverage
from mmm_core.benchmark.summary import write_summary
from mmm_core.config.features import FeaturesConfig, SaturationConfig
from mmm_core.config.modeling import ComplexityConfig, TrainingConfig
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, StorageError
from mmm_core.model.backend import get_backend
from mmm_core.model.forward import channel_contribution
from tests.factories import made_up_posterior, tiny_model_data

SEEDS = 3
PROGRAM = """
import sys
from pathlib import Path
from mmm_core.benchmark.coverage_study import run_coverage
from mmm_core.config.schema import Config
run_coverage(Config.model_validate_json(sys.argv[1]), Path(sys.argv[2]))
"""


def _config(storage: Path, **changes: Any) -> Config:
    """Two geos, a year, one channel; limits of convergence that few draws can meet."""
    coverage = {
        "seeds": {"pymc": SEEDS},
        "scenarios": ["planned"],
        "geos": 2,
        "weeks": 52,
        "channels": 1,
        "controls": 0,
        "draws": 80,
    }
    return Config.model_validate(
        {
            "model": {"backend": "pymc"},
            "training": {"tune": 100},
            "complexity": {
                "identifiability": {
                    "max_rhat": 1.5,
                    "min_ess": 10,
                    "nuisance_max_rhat": 2,
                    "nuisance_min_ess": 10,
                    "max_divergent_share": 0.5,
                    "min_ebfmi": 0,
                }
            },
            "paths": {"storage": str(storage)},
            "benchmark": {"coverage": coverage | changes},
        }
    )


@pytest.mark.slow
def test_a_killed_study_goes_on_where_it_was_and_is_summarised(tmp_path: Path) -> None:
    config, output = _config(tmp_path / "storage"), tmp_path / "bench"
    first = result_path(output / FOLDER, "pymc", "planned", 0)
    arguments = [sys.executable, "-c", PROGRAM, config.model_dump_json(), str(output)]
    with subprocess.Popen(arguments, cwd=Path(__file__).parents[2]) as process:
        until = time.monotonic() + 300
        while not first.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    written, when = first.read_bytes(), first.stat().st_mtime_ns
    assert not result_path(output / FOLDER, "pymc", "planned", SEEDS - 1).exists()
    known = stored_coverage(output)
    assert known is not None
    # The result of another model does not answer the question: it is made again.
    dataclasses.replace(known.results[0], key="another", number=SEEDS - 1).save(output / FOLDER)

    told: list[tuple[str, int, int]] = []
    study = run_coverage(config, output, progress=lambda what, done, total: told.append((what, done, total)))
    assert (first.read_bytes(), first.stat().st_mtime_ns) == (written, when)
    assert told[-1] == ("coverage", SEEDS, SEEDS)
    assert [result.number for result in study.results] == list(range(SEEDS))
    assert {result.key for result in study.results} == {known.results[0].key}
    assert study.fits["accepted"].tolist() == [SEEDS]
    for result in study.results:
        assert {row["channel"] for row in result.rows} == {"tv", ALL_MEDIA}
        for row in result.rows:
            assert len(row["quantiles"]) == len(QUANTILES)
            assert row["quantiles"] == sorted(row["quantiles"])
            assert 0.2 < row["mean"] / row["truth"] < 5
    assert (output / FOLDER / PICTURE).read_bytes().startswith(b"\x89PNG")
    page = write_summary([], output).read_text(encoding="utf-8")
    assert "coverage/coverage.png" in page
    assert "90 % intervals of a channel&#x27;s total contribution hold the truth in" in page


def test_another_question_has_another_key(tmp_path: Path) -> None:
    configs = [
        _config(tmp_path),
        _config(tmp_path, draws=60),
        _config(tmp_path, geos=3),
        _config(tmp_path).model_copy(update={"training": TrainingConfig(tune=120)}),
        _config(tmp_path).model_copy(update={"complexity": ComplexityConfig()}),
        _config(tmp_path).model_copy(
            update={"features": FeaturesConfig(saturation=SaturationConfig(slope="free"))}
        ),
    ]
    keys = [study_key(study_config(config), "planned") for config in configs]
    keys.append(study_key(study_config(configs[0]), "s_shaped"))
    assert len(set(keys)) == len(keys)
    assert study_key(study_config(_config(tmp_path / "elsewhere", seeds={"pymc": 7})), "planned") == keys[0]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_panel_has_the_configured_size_and_the_truth_of_the_simulator(tmp_path: Path, name: str) -> None:
    config = _config(tmp_path, geos=3, channels=2, controls=1)
    panel = coverage_panel(config, name, 4)
    assert panel.data.media.shape == (3, 52, 2)
    assert panel.data.controls == ("competitor_price_control",)
    np.testing.assert_array_equal(panel.totals, coverage_panel(config, name, 4).totals)
    assert not np.allclose(panel.totals, coverage_panel(config, name, 5).totals)
    outcome = panel.totals * panel.data.outcome_per_kpi.mean()
    np.testing.assert_allclose(panel.roi, outcome / panel.data.spend.sum(axis=(0, 1)), rtol=0.01)
    assert ((panel.roi > 0.39) & (panel.roi < 4.1)).all()
    # Media cause 35 % of what is expected, whatever the scenario.
    assert panel.totals.sum() / panel.data.kpi.sum() == pytest.approx(0.35, abs=0.05)


def test_only_the_confounded_plan_follows_demand(tmp_path: Path) -> None:
    config = _config(tmp_path, geos=8, weeks=104, channels=2)
    panels = {name: coverage_panel(config, name, 0).data for name in SCENARIOS}
    planned, confounded = panels["planned"], panels["confounded"]
    np.testing.assert_array_equal(planned.media, panels["unseen_demand"].media)
    np.testing.assert_array_equal(planned.media > 0, confounded.media > 0)
    demand = (panels["unseen_demand"].kpi - planned.kpi) / planned.population[:, None]
    change = np.log(
        confounded.media[:, :, 0] / np.where(planned.media[:, :, 0] > 0, planned.media[:, :, 0], np.nan)
    )
    known = np.isfinite(change)
    assert np.corrcoef(demand[known], change[known])[0, 1] > 0.9


def test_returns_are_drawn_one_by_one_over_the_whole_range(tmp_path: Path) -> None:
    config = _config(tmp_path, channels=2)
    roi = np.log([coverage_panel(config, "planned", number).roi for number in range(60)])
    low, high = np.log([0.4, 4.0])
    assert roi.min() < low + 0.2
    assert roi.max() > high - 0.2
    assert roi.mean() == pytest.approx((low + high) / 2, abs=0.25)
    assert abs(np.corrcoef(roi.T)[0, 1]) < 0.35


def test_rows_are_quantiles_of_the_draws_of_totals_and_returns(tmp_path: Path) -> None:
    data = tiny_model_data()
    posterior = made_up_posterior(data)
    spend = data.spend.sum(axis=(0, 1))
    panel = dataclasses.replace(
        coverage_panel(_config(tmp_path), "planned", 0),
        data=data,
        totals=np.ones(len(spend)),
        roi=spend / spend.sum(),
    )
    rows = {(row["quantity"], row["channel"]): row for row in panel_rows(panel, posterior)}
    kpi, money = np.zeros((posterior.n_draws, len(spend))), np.zeros((posterior.n_draws, len(spend)))
    for m in range(len(spend)):
        for weekly, worth in zip(channel_contribution(posterior, m), data.outcome_per_kpi, strict=True):
            kpi[:, m] += weekly.sum(axis=1)
            money[:, m] += weekly @ worth
    drawn = {
        ("contribution", data.channels[0]): kpi[:, 0],
        ("contribution", ALL_MEDIA): kpi.sum(axis=1),
        ("roi", data.channels[0]): money[:, 0] / spend[0],
        ("roi", ALL_MEDIA): money.sum(axis=1) / spend.sum(),
    }
    for name, values in drawn.items():
        np.testing.assert_allclose(rows[name]["quantiles"], np.quantile(values, QUANTILES), rtol=1e-6)
        assert rows[name]["mean"] == pytest.approx(values.mean(), rel=1e-6)
    assert rows["contribution", ALL_MEDIA]["truth"] == len(spend)
    assert rows["roi", ALL_MEDIA]["truth"] == pytest.approx((spend / spend.sum() * spend).sum() / spend.sum())


def test_a_damaged_result_is_named_and_made_again(tmp_path: Path) -> None:
    path = result_path(tmp_path / FOLDER, "pymc", "planned", 0)
    path.parent.mkdir(parents=True)
    for text in ("{", json.dumps({"rows": []})):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(StorageError, match=r"00000\.json .*remove the file"):
            load_result(path)
    with pytest.raises(StorageError, match="remove the file"):
        stored_coverage(tmp_path)


def test_a_scenario_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose from planned, unseen_demand, confounded, s_shaped"):
        coverage_panel(_config(tmp_path), "plan", 0)


def test_both_backends_have_a_number_of_seeds() -> None:
    seeds = Config().benchmark.coverage.seeds.model_dump()
    assert seeds == {"pymc": 100, "meridian": 20}
    for name in seeds:
        get_backend(name)
