"""The calibration of the benchmark: what it simulates from, what it writes, what it says."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from mmm_core.benchmark.calibration import Calibration
from mmm_core.benchmark.calibration_case import calibration_case
from mmm_core.benchmark.calibration_plot import chance_band, ecdf_difference
from mmm_core.benchmark.calibration_study import (
    CalibrationStudy,
    run_calibration,
    stored_calibration,
    study_of,
)
from mmm_core.benchmark.summary import write_summary
from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError, StorageError
from mmm_core.model.posterior import PARAMETER_DIMS

DRAWS = 40
SIZES = {"geo": 3, "channel": 2, "paid_channel": 2, "control": 1, "knot": 2}


def _uniform_ranks(n: int) -> Calibration:
    """Uniform ranks of every parameter; slopes, lag shapes and one intercept are constant."""
    rng = np.random.default_rng(8)
    ranks = {
        name: rng.integers(0, DRAWS + 1, (n, *(SIZES[dim] for dim in dims))).astype(float)
        for name, dims in PARAMETER_DIMS.items()
    }
    ranks["slope_m"][:] = ranks["theta_m"][:] = ranks["tau_g"][:, 1] = np.nan
    ranks["sigma"][:] = ranks["sigma"][:, :1]
    return Calibration(ranks, DRAWS, 0.01)


def _study(found: Calibration) -> CalibrationStudy:
    data, spec, _ = calibration_case(Config())
    return study_of(found, data, spec, 1)


def test_the_panel_is_small_and_money_is_worth_one_sd_of_the_kpi() -> None:
    data, spec, scaling = calibration_case(Config())
    assert data.media.shape == (3, 26, 2)
    assert data.controls == ("competitor_price_control",)
    assert spec.knots == (0, 25)
    assert all(prior.family != "deterministic" for prior in (spec.eta, spec.xi, spec.sigma, *spec.effect))
    per_head = data.kpi / data.population[:, None]
    worth = per_head.std() * data.population[:, None] * data.outcome_per_kpi
    np.testing.assert_allclose(data.spend.sum(axis=(0, 1)), worth.sum())
    assert scaling.kpi_sd > 0


def test_the_panel_is_that_of_the_seed() -> None:
    first, second = (
        calibration_case(Config.model_validate({"benchmark": {"seed": seed}}))[0].media for seed in (1, 2)
    )
    again = calibration_case(Config.model_validate({"benchmark": {"seed": 1}}))[0].media
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, second)


def test_the_model_is_the_configured_one_without_what_this_panel_has_not() -> None:
    config = Config.model_validate(
        {
            "features": {
                "adstock": {"type": "binomial", "max_lag": 5, "platform_overrides": {"radio": {"decay": 0.3}}},
                "saturation": {"slope": "free"},
                "seasonality": {"annual_fourier_order": 2},
            },
            "model": {"knots": 30, "media_effects_dist": "normal", "priors": {"roi_bounds": {"radio": [1, 2]}}},
        }
    )
    data, spec, _ = calibration_case(config)
    assert (spec.adstock[0], spec.max_lag_weeks, spec.media_effects) == ("binomial", 5, "normal")
    assert spec.slope[0].family == "log_normal"
    assert len(data.controls) == 1


def test_a_family_that_cannot_be_simulated_is_refused() -> None:
    config = Config.model_validate({"model": {"family": "robust_log", "backend": "pymc"}})
    with pytest.raises(SpecificationError, match=r"model\.family is robust_log"):
        calibration_case(config)


def test_the_table_has_every_parameter_that_is_not_constant_once() -> None:
    found = _uniform_ranks(100)
    study = _study(found)
    labels = study.labels
    assert len(labels) == len(set(labels))
    assert {"alpha_m[tv]", "beta_gm[Geo2, search]", "knot_values[1]", "sigma"} <= set(labels)
    assert [label for label in labels if label.startswith("tau_g")] == ["tau_g[Geo0]", "tau_g[Geo2]"]
    assert not [label for label in labels if label.startswith(("slope_m", "theta_m", "sigma["))]
    row = study.table.set_index(["parameter", "index"]).loc[("beta_gm", "Geo2, search")]
    ranks = found.ranks["beta_gm"][:, 2, 1]
    np.testing.assert_array_equal(study.ranks["beta_gm[Geo2, search]"], ranks)
    assert row["mean_rank_share"] == pytest.approx(ranks.mean() / 40)
    assert row["n"] == 100
    # 41 ranks in ten bins: ranks r with 4.1 b <= r + 0.5 < 4.1 (b + 1).
    bins = np.floor((np.arange(41) + 0.5) / 4.1).astype(int)
    counts = np.bincount(bins[ranks.astype(int)], minlength=10)
    expected = 100 * np.bincount(bins, minlength=10) / 41
    assert row["p_value"] == pytest.approx(chisquare(counts, expected).pvalue)


def test_uniform_ranks_pass_and_biased_ones_are_named() -> None:
    found = _uniform_ranks(200)
    fine = _study(found).check()
    assert fine.passed
    assert "No sign of wrong draws" in fine.message
    biased = {name: ranks.copy() for name, ranks in found.ranks.items()}
    biased["roi_m"][:, 1] = np.minimum(biased["roi_m"][:, 1], np.random.default_rng(2).integers(0, 41, 200))
    study = _study(dataclasses.replace(found, ranks=biased))
    outcome = study.check()
    assert (outcome.passed, outcome.severity) == (False, "warn")
    assert [case["parameter"] for case in outcome.table] == ["roi_m[search]"]
    assert "Too small: roi_m[search] (" in outcome.message
    assert outcome.threshold == pytest.approx(0.001 / len(study.table))
    assert outcome.value == study.table["p_value"].min()


def test_the_band_holds_about_95_percent_of_the_lines_of_uniform_ranks() -> None:
    low, high = chance_band(200, DRAWS, 1)
    rng = np.random.default_rng(2)
    lines = [ecdf_difference(rng.integers(0, DRAWS + 1, 200), DRAWS) for _ in range(1000)]
    inside = np.mean([bool(((line >= low - 1e-12) & (line <= high + 1e-12)).all()) for line in lines])
    assert 0.93 < inside < 0.975
    assert lines[0][-1] == pytest.approx(0)
    skewed = ecdf_difference(rng.integers(0, DRAWS + 1, (2, 200)).min(axis=0), DRAWS)
    assert (skewed > high).any()


@pytest.mark.slow
def test_a_real_calibration_is_kept_and_shown(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    study = run_calibration(Config(), tmp_path, 4, lambda *step: told.append(step))
    assert told == [("calibration", done, 4) for done in range(5)]
    folder = tmp_path / "calibration"
    assert sorted(path.name for path in folder.iterdir()) == [
        "calibration.csv",
        "calibration.json",
        "calibration.png",
        "ranks.csv",
    ]
    assert (folder / "calibration.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(folder / "calibration.csv")
    assert list(table.columns) == ["parameter", "index", "p_value", "mean_rank_share", "n"]
    ranks = pd.read_csv(folder / "ranks.csv")
    assert ranks.shape == (4, len(table))
    assert ranks.to_numpy().min() >= 0
    assert ranks.to_numpy().max() <= study.draws == 40
    np.testing.assert_allclose(table["mean_rank_share"], ranks.mean() / 40)
    low = (ranks < 20).sum()  # with so few panels two bins: 20 and 21 of the 41 ranks
    p_values = [chisquare([k, 4 - k], [4 * 20 / 41, 4 * 21 / 41]).pvalue for k in low]
    np.testing.assert_allclose(table["p_value"], p_values)
    stored = stored_calibration(tmp_path)
    assert stored is not None
    pd.testing.assert_frame_equal(stored.table, study.table)
    pd.testing.assert_frame_equal(stored.ranks, study.ranks)
    assert (stored.draws, stored.divergent_share, stored.seed) == (study.draws, study.divergent_share, study.seed)

    page = write_summary([], tmp_path).read_text(encoding="utf-8")
    assert "calibration/calibration.png" in page
    assert "<td>beta_gm</td><td>Geo0, tv</td>" in page
    assert "## Data sets" not in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert not (tmp_path / "results.csv").exists()

    (folder / "ranks.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be read"):
        stored_calibration(tmp_path)


def test_without_a_calibration_there_is_nothing_to_show(tmp_path: Path) -> None:
    assert stored_calibration(tmp_path) is None
