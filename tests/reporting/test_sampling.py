"""Pictures of the sampling: what they show is what the diagnostics say."""

import dataclasses

import numpy as np
import pytest

from mmm_core.evaluation.convergence import diagnose
from mmm_core.evaluation.genuineness import check_genuineness, distances_to_priors
from mmm_core.quality.check import CheckResult
from mmm_core.reporting.charts.dumbbell import Dumbbell, dumbbell_chart
from mmm_core.reporting.charts.strips import Strip, strip_chart
from mmm_core.reporting.formats import ratio
from mmm_core.reporting.html import render_report
from mmm_core.reporting.sampling import Sampling, rank_shares, sampling_of
from mmm_core.reporting.sections.sampling import sampling_charts
from tests.factories import made_up_posterior, tiny_model_data
from tests.reporting.frames import made_up_inputs
from tests.reporting.parsed import Report

POSTERIOR = made_up_posterior(tiny_model_data(2, 20, 2))
LIMITS = (
    ("posterior", CheckResult("rhat", True, "error", "", 1.0, 1.01)),
    ("posterior", CheckResult("nuisance_rhat", True, "error", "", 1.0, 1.05)),
    ("evaluation", CheckResult("learned_from_data", True, "error", "", 0.5, 0.25)),
)


@pytest.fixture(scope="module")
def sampling() -> Sampling:
    return sampling_of(POSTERIOR, diagnose(POSTERIOR))


def test_pictures_stand_in_the_diagnostics_with_words_for_those_who_cannot_see_them(sampling: Sampling) -> None:
    inputs = made_up_inputs(2, 12, checks=LIMITS)
    plain, text = render_report(inputs), render_report(dataclasses.replace(inputs, sampling=sampling))
    labels = [mark.attributes.get("aria-label") or "" for mark in Report(text).all("svg")]
    assert {"R-hat by kind of parameter", "Distance of parameters to their priors"} <= set(labels)
    assert sum(label.startswith("Ranks of the draws of ") for label in labels) == 3
    assert "Do the chains agree?" in text
    assert "Do the chains agree?" not in plain
    assert len(text) - len(plain) < 60_000


def test_every_kind_of_parameter_has_a_row_with_its_worst_and_its_limit(sampling: Sampling) -> None:
    first = str(sampling_charts(made_up_inputs(2, 12, checks=LIMITS, sampling=sampling))[0].chart)
    table = sampling.parameters
    for family, word, limit in (("roi_m", "ROI", "1.010"), ("knot_values", "trend", "1.050")):
        part = table[table["parameter"].str.startswith(f"{family}[")]
        worst = part.loc[part["rhat"].idxmax()]
        assert f"{word}, {len(part)} parameters: worst {worst['parameter']} {worst['rhat']:.3f}" in first
        assert f"limit {limit}" in first


def test_ranks_of_chains_that_agree_are_even_and_of_others_are_not() -> None:
    rng = np.random.default_rng(4)
    draws = rng.normal(size=(4, 2000))
    assert np.allclose(rank_shares(draws, 10), 0.1, atol=0.03)
    apart = rank_shares(draws + np.array([0, 0, 0, 5])[:, None], 10)
    assert apart[3, 0] == 0
    assert apart[3, -1] == pytest.approx(0.4, abs=0.01)
    assert np.allclose(apart.sum(axis=1), 1)


def test_the_median_distance_to_priors_is_that_of_the_check() -> None:
    distances = [value for values in distances_to_priors(POSTERIOR).values() for value in values]
    check = next(check for check in check_genuineness(POSTERIOR) if check.name == "learned_from_data")
    assert check.value == pytest.approx(np.median(distances))
    assert set(distances_to_priors(POSTERIOR)) == {"sigma", "knot_values", "tau_g"}


def test_values_beyond_their_limit_stand_out_and_endless_ones_stay_on_the_axis() -> None:
    rows = [Strip("<b>", (("a", np.inf), ("b", 1.2), ("c", 1.0)), 1.1), Strip("free", (("d", 1.05),), None)]
    text = str(strip_chart(rows, "R-hat", "strips", ratio, True, 1.0))
    assert text.count('fill="#b3261e"') == 2
    assert "<b>" not in text
    assert "nan" not in text
    assert "inf" not in text


def test_a_dumbbell_joins_what_was_with_what_became_of_it() -> None:
    rows = [Dumbbell("tv", 2.0, (("without A", 1.0), ("without B", np.nan))), Dumbbell("radio", np.nan, ())]
    text = str(dumbbell_chart(rows, "ROI", "moved", ratio))
    assert 'data-value="2.0"' in text
    assert 'data-value="1.0"' in text
    assert "tv: 2.00, without A 1.00" in text
    assert "nan" not in text
