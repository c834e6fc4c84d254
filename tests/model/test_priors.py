"""Prior distributions as data."""

import numpy as np
import pytest

from mmm_core.config.prior_families import Family
from mmm_core.errors import SpecificationError
from mmm_core.model.priors import Prior, log_normal_from_bounds

PRIORS = [
    Prior("deterministic", (0.3,)),
    Prior("uniform", (-1.0, 2.0)),
    Prior("beta", (2.0, 5.0)),
    Prior("normal", (1.0, 2.0)),
    Prior("half_normal", (3.0,)),
    Prior("log_normal", (0.2, 0.9)),
    Prior("shifted_log_normal", (0.7, 0.4, 0.1)),
    Prior("truncated_normal", (0.8, 0.8, 0.1, 10.0)),
    Prior("exponential", (0.1,)),
    Prior("gamma", (2.0, 4.0)),
]


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.family)
def test_median_and_support_agree_with_draws(prior: Prior) -> None:
    draws = prior.sample(np.random.default_rng(1), 4001)
    low, high = prior.support
    assert low <= draws.min()
    assert draws.max() <= high
    below = (draws <= prior.median()).mean()
    assert prior.family == "deterministic" or below == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.family)
def test_json_gives_the_same_prior_back(prior: Prior) -> None:
    assert Prior.from_json(prior.to_json()) == prior


@pytest.mark.parametrize(
    ("family", "parameters", "words"),
    [
        ("beta", (1.0,), "takes"),
        ("uniform", (2.0, 1.0), "low 2.0 is not below high 1.0"),
        ("normal", (0.0, 0.0), "sd is 0.0; it must be finite and > 0"),
        ("normal", (np.nan, 1.0), "mean is nan"),
        ("gamma", (1.0, -1.0), "rate is -1.0"),
    ],
)
def test_impossible_parameters_are_refused(family: Family, parameters: tuple[float, ...], words: str) -> None:
    with pytest.raises(SpecificationError, match=words):
        Prior(family, parameters)


def test_bounds_are_the_central_ninety_percent() -> None:
    prior = log_normal_from_bounds(0.5, 4.0)
    assert prior.frozen_scipy().ppf([0.05, 0.95]) == pytest.approx([0.5, 4.0])
