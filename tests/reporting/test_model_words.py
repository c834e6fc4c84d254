"""The model in words says what was assumed, and nothing that was not."""

import dataclasses
from typing import Any

import pytest

from mmm_core.model.posterior import Posterior
from mmm_core.reporting.model_words import model_in_words
from tests.factories import EVERYTHING, Extras, made_up_posterior, robust, tiny_model_data


def _text(posterior: Posterior, **changes: Any) -> str:
    spec = dataclasses.replace(posterior.spec, **changes)
    sentences = model_in_words(dataclasses.replace(posterior, spec=spec))
    assert len(sentences) == len(set(sentences))
    assert all(sentence.endswith(".") for sentence in sentences)
    return " ".join(sentences)


def test_a_plain_model_is_described_without_what_it_does_not_have() -> None:
    text = _text(made_up_posterior(tiny_model_data()))
    assert "return on investment (ROI)" in text
    assert "channel_0 and channel_1" in text
    for absent in ("Student-T", "organic", "frequency", "before the window", "not known", "part of the window"):
        assert absent not in text


def test_each_prior_type_names_its_channels() -> None:
    text = _text(made_up_posterior(tiny_model_data()), prior_types=("mroi", "contribution"))
    assert "about channel_0 is the return of its next 1% of spend" in text
    assert "about channel_1 is the share of the total outcome" in text
    assert "(ROI)" not in text


def test_everything_is_mentioned() -> None:
    text = _text(made_up_posterior(tiny_model_data(extras=EVERYTHING)))
    for found in (
        "For reach_0, frequency saturates",
        "organic_0 cost nothing",
        "treatment_0 counts from the smallest",
        "4 weeks before the window",
        "5 of 77 weekly KPI values are not known",
        "Geo1 and Geo2 cover only a part",
    ):
        assert found in text


def test_the_robust_family_is_explained() -> None:
    data = tiny_model_data()
    text = _text(made_up_posterior(data, spec=robust(data)))
    assert "logarithm of KPI + 1" in text
    assert "drawn towards zero" in text
    assert "(ROI)" not in text


@pytest.mark.parametrize(
    ("n_geos", "effects", "words"),
    [(1, "normal", "one geo"), (3, "normal", "may be negative"), (3, "log_normal", "are positive")],
)
def test_effects_over_geos_are_explained(n_geos: int, effects: str, words: str) -> None:
    posterior = made_up_posterior(tiny_model_data(n_geos=n_geos, extras=Extras(n_organic=1)))
    assert words in _text(posterior, media_effects=effects)
