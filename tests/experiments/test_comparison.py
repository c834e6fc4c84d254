"""Experiments beside a fit: numbers, distance and conflicts."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.experiments import CalibrationConfig
from mmm_core.config.schema import Config
from mmm_core.config.trust_checks import OTHER_TRUST_CHECKS
from mmm_core.experiments.cells import as_lift_test
from mmm_core.experiments.comparison import EXPERIMENT_CHECKS, check_experiments, distance, experiment_table
from mmm_core.experiments.experiment import Experiment
from mmm_core.experiments.registry import load_experiments
from mmm_core.model.lift import lift_draws
from mmm_core.model.prior_draws import prior_draws
from mmm_core.model.specification import build_spec
from mmm_core.quality.check import CheckResult
from tests.experiments.lift_tests import DATA, day, lift_row, written
from tests.factories import made_up_posterior

_POSTERIOR = made_up_posterior(DATA)
_SETTINGS = CalibrationConfig()


def _experiments(folder: Path, *rows: dict[str, Any]) -> tuple[Experiment, ...]:
    return load_experiments(written(list(rows), folder), DATA)


def _agreeing(experiment: Experiment, factor: float = 1.0) -> Experiment:
    """The same with `factor` times what the posterior says, off by 5 %."""
    effect = lift_draws(_POSTERIOR, as_lift_test(experiment, DATA)).mean()
    return dataclasses.replace(experiment, metric="outcome", estimate=factor * effect, sd=0.05 * abs(effect))


def _checks(experiments: tuple[Experiment, ...]) -> dict[str, CheckResult]:
    table = experiment_table(_POSTERIOR, experiments, _SETTINGS)
    results = check_experiments(table, experiments, _POSTERIOR, _SETTINGS)
    assert [result.name for result in results] == list(EXPERIMENT_CHECKS)
    return {result.name: result for result in results}


def test_the_table_has_what_was_measured_and_what_the_fit_and_the_prior_say(tmp_path: Path) -> None:
    rows = lift_row(), lift_row(id="two", channels="channel_1 + channel_2", geos="all")
    experiments = _experiments(tmp_path, *rows)
    prior = prior_draws(DATA, build_spec(Config(), DATA), _POSTERIOR.scaling, 50, 3)
    table = experiment_table(_POSTERIOR, experiments, _SETTINGS, prior)
    assert table["experiment"].tolist() == ["lift", "two"]
    assert table["channels"].tolist() == ["channel_0", "channel_1 + channel_2"]
    assert table["geos"].tolist() == ["Geo0; Geo1", "all"]
    for row, experiment in zip(table.to_dict("records"), experiments, strict=True):
        test = as_lift_test(experiment, DATA)
        effect = lift_draws(_POSTERIOR, test)
        assert row["posterior_mean"] == pytest.approx(effect.mean())
        assert [row["posterior_q05"], row["posterior_q95"]] == pytest.approx(np.quantile(effect, [0.05, 0.95]))
        assert [row["measured_low"], row["measured_high"]] == pytest.approx(
            stats.norm(test.measured, test.sd).interval(0.9)
        )
        assert row["z"] == pytest.approx((test.measured - effect.mean()) / np.hypot(test.sd, effect.std()))
        assert row["prior_q05"] < row["prior_median"] < row["prior_q95"]


def test_where_the_fit_saw_the_test_the_distance_is_what_it_would_have_been_without() -> None:
    before, doubt, measured, sd = 3.0, 2.0, 9.0, 1.5
    gain = doubt**2 / (doubt**2 + sd**2)
    after = stats.norm(before + gain * (measured - before), np.sqrt(gain) * sd)
    draws = after.ppf((np.arange(200_000) + 0.5) / 200_000)
    expected = (measured - before) / np.hypot(doubt, sd)
    assert distance(measured, sd, draws, used=True) == pytest.approx(expected, rel=1e-3)
    unseen = stats.norm(before, doubt).ppf((np.arange(200_000) + 0.5) / 200_000)
    assert distance(measured, sd, unseen, used=False) == pytest.approx(expected, rel=1e-3)


def test_agreement_passes_and_a_conflict_is_a_warning_with_numbers(tmp_path: Path) -> None:
    (experiment,) = _experiments(tmp_path, lift_row())
    assert all(result.passed for result in _checks((_agreeing(experiment),)).values())
    result = _checks((_agreeing(experiment, 9.0),))["experiment_conflict"]
    assert not result.passed
    assert not result.blocks
    assert "lift (channel_0) measured" in result.message
    assert "the fit says" in result.message
    assert result.value is not None
    assert result.value > 2
    assert result.table[0]["experiment"] == "lift"


def test_tests_of_a_channel_that_disagree_are_told(tmp_path: Path) -> None:
    rows = lift_row(), lift_row(id="later", start=day(DATA, 30), end=day(DATA, 33, 6))
    one, other = _experiments(tmp_path, *rows)
    assert _checks((_agreeing(one), _agreeing(other)))["experiments_agree"].passed
    result = _checks((_agreeing(one), _agreeing(other, 3.0)))["experiments_agree"]
    assert not result.passed
    assert "later and lift" in result.message
    elsewhere = dataclasses.replace(other, channels=("channel_1",))
    assert _checks((_agreeing(one), _agreeing(elsewhere, 3.0)))["experiments_agree"].passed


def test_without_experiments_nothing_is_checked() -> None:
    table = experiment_table(_POSTERIOR, (), _SETTINGS)
    assert table.empty
    assert check_experiments(table, (), _POSTERIOR, _SETTINGS) == []


def test_severities_can_be_configured() -> None:
    assert set(EXPERIMENT_CHECKS) <= OTHER_TRUST_CHECKS
