"""The page about trust says what the code does."""

import re
from pathlib import Path

import pandas as pd
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.fitted import fit_table
from mmm_core.backtesting.scores import SCORES
from mmm_core.backtesting.summary import BACKTEST_CHECKS, BacktestSummary, check_backtest
from mmm_core.config.keys import options_at
from mmm_core.config.modeling import ConvergenceLimitsConfig
from mmm_core.config.outputs import EvaluationConfig
from mmm_core.config.schema import Config
from mmm_core.config.trust_checks import PROTECTED_TRUST_CHECKS, TRUST_CHECKS
from mmm_core.evaluation.convergence import CONVERGENCE_CHECKS, check_convergence, diagnose
from mmm_core.evaluation.fit import FIT_CHECKS, check_fit, fit_metrics
from mmm_core.evaluation.genuineness import GENUINENESS_CHECKS, check_genuineness
from mmm_core.evaluation.plausibility import PLAUSIBILITY_CHECKS, check_plausibility
from mmm_core.evaluation.posterior_predictive import POSTERIOR_PREDICTIVE_CHECKS, check_posterior_predictive
from mmm_core.evaluation.prior_predictive import (
    PRIOR_PREDICTIVE_CHECKS,
    check_prior_predictive,
    prior_predictive,
)
from mmm_core.experiments.comparison import EXPERIMENT_CHECKS
from mmm_core.quality.check import CheckResult
from mmm_core.stability.checks import STABILITY_CHECKS
from mmm_core.stability.digital import DIGITAL_CHECKS
from tests.factories import made_up_posterior, tiny_model_data

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "trust.md").read_text(encoding="utf-8")
SECTIONS = {
    "Convergence": CONVERGENCE_CHECKS,
    "Priors": PRIOR_PREDICTIVE_CHECKS,
    "Fit": {**FIT_CHECKS, **GENUINENESS_CHECKS, **POSTERIOR_PREDICTIVE_CHECKS, **PLAUSIBILITY_CHECKS},
    "Backtest": BACKTEST_CHECKS,
    "Geos left out": {"excluded_geos": "Whether every geo of the source is in the fit"},
    "Stability": STABILITY_CHECKS,
    "Platforms' own numbers": DIGITAL_CHECKS,
    "Experiments": EXPERIMENT_CHECKS,
}
COLUMNS = 5


def rows_of(section: str) -> list[list[str]]:
    """Cells of the tables of checks of one section, headers left out."""
    text = PAGE.split(f"\n## {section} (`")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [row for row in rows if len(row) == COLUMNS and re.fullmatch(r"`\w+`", row[0])]


def all_rows() -> dict[str, list[str]]:
    return {row[0].strip("`"): row[1:] for section in SECTIONS for row in rows_of(section)}


def backtest() -> list[CheckResult]:
    scores = dict.fromkeys(SCORES, 0.1)
    predictors = ("model", "seasonal_naive", "no_media")
    table = pd.DataFrame([{"strategy": "temporal", "predictor": name, **scores} for name in predictors])
    splits = pd.DataFrame([{"split": "temporal_1", "max_rhat": 1.0}])
    roi = pd.DataFrame([{"channel": "tv", "mean": 1.0, "sd": 0.1, "spread": 0.1, "own_sd": 0.2}])
    platforms = pd.DataFrame([{"channel": "tv", "crps_with": 0.1, "crps_without": 0.2, "change": 1.0}])
    return check_backtest(
        BacktestSummary(table, splits, roi, platforms), ["temporal_1"], EvaluationConfig().metrics
    )


@pytest.fixture(scope="module")
def results() -> list[CheckResult]:
    posterior, settings = made_up_posterior(tiny_model_data()), EvaluationConfig()
    fitted = fit_table(posterior)
    return [
        *check_convergence(diagnose(posterior), ConvergenceLimitsConfig()),
        *check_prior_predictive(prior_predictive(posterior.data, posterior.spec, 1), settings.prior_predictive),
        *check_fit(fit_metrics(fitted), settings),
        *check_genuineness(posterior),
        *check_posterior_predictive(posterior),
        *check_plausibility(posterior, contribution_table(posterior), fitted),
        *backtest(),
    ]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_check_is_on_the_page_in_its_order_and_words(section: str) -> None:
    assert [(row[0].strip("`"), row[1]) for row in rows_of(section)] == list(SECTIONS[section].items())


def test_the_page_has_every_name_that_severities_may_use() -> None:
    assert set(all_rows()) == TRUST_CHECKS


def test_checks_that_cannot_be_lowered_are_marked() -> None:
    marked = {name for name, row in all_rows().items() if row[1].endswith("always")}
    assert marked == PROTECTED_TRUST_CHECKS


def test_default_severities_on_the_page_are_those_of_the_code(results: list[CheckResult]) -> None:
    words, rows = {"error": "blocks", "warn": "informs"}, all_rows()
    for result in results:
        assert words[result.severity] in rows[result.name][1], result.name
    assert {result.name for result in results} == {
        name for section in ("Convergence", "Priors", "Fit", "Backtest") for name in SECTIONS[section]
    }


def test_every_limit_on_the_page_is_a_key_with_its_default() -> None:
    found = [
        (key, default)
        for row in all_rows().values()
        for key, default in re.findall(r"`([a-z_.]+)` \(([\d.]+ ?%?)\)", row[2])
    ]
    assert len(found) > 15
    for key, default in found:
        path = tuple(key.split("."))
        assert options_at(path), key
        value = default_at(path)
        stated = float(default.rstrip(" %")) / (100 if default.endswith("%") else 1)
        assert value is None or value == pytest.approx(stated), key


def default_at(path: tuple[str, ...]) -> object:
    """The default of a key; None where its section is off by default."""
    value: object = Config()
    for name in path:
        if value is None:
            return None
        value = getattr(value, name)
    return value
