"""Priors as they are written in the configuration."""

from typing import Any

import pytest

from mmm_core.config.modeling import PriorConfig
from mmm_core.config.prior_families import PRIOR_PARAMETERS
from mmm_core.errors import SpecificationError
from mmm_core.model.prior_config import (
    ANY,
    POSITIVE,
    SHARE,
    Range,
    configured_prior,
    effect_range,
    lag_shape_range,
)
from mmm_core.model.priors import Prior

KEY = "model.priors.channels.tv.alpha"


def compiled(allowed: Range = ANY, **written: Any) -> Prior:
    return configured_prior(PriorConfig.model_validate(written), KEY, allowed)


@pytest.mark.parametrize("family", PRIOR_PARAMETERS)
def test_every_family_can_be_written(family: str) -> None:
    values = {name: 0.5 + 0.1 * position for position, name in enumerate(PRIOR_PARAMETERS[family])}
    if family == "truncated_normal":
        values["mean"] = 0.75
    prior = compiled(family=family, **values)
    assert prior.family == family
    assert prior.named == values


@pytest.mark.parametrize(
    ("allowed", "written", "words"),
    [
        (ANY, {"family": "beta", "a": 1}, "family beta takes a, b; b is missing"),
        (ANY, {"family": "half_normal", "sd": 1, "mean": 0}, "takes sd; mean does not belong to it"),
        (ANY, {"family": "normal", "mean": 0, "sigma": 1}, "sd is missing and sigma does not belong to it"),
        (ANY, {"family": "uniform", "low": 1, "high": 0}, "low 1.0 is not below high 0.0; swap them"),
        (ANY, {"family": "normal", "mean": 0, "sd": -1}, "sd is -1.0; it must be finite and > 0"),
        (ANY, {"family": "truncated_normal", "mean": 2, "sd": 1, "low": 0, "high": 1}, "mean 2 is outside [0, 1]"),
        (SHARE, {"family": "uniform", "low": 0, "high": 1.1}, "from 0 to 1.1, but it must be between 0 and 1"),
        (SHARE, {"family": "log_normal", "mu": 0, "sigma": 1}, "but it must be between 0 and 1"),
        (SHARE, {"family": "deterministic", "value": 1.5}, "can be 1.5"),
        (POSITIVE, {"family": "normal", "mean": 5, "sd": 1}, "use truncated_normal"),
        (POSITIVE, {"family": "deterministic", "value": 0}, "it must be greater than 0"),
    ],
)
def test_a_wrong_prior_is_refused_in_one_sentence_with_its_key(
    allowed: Range, written: dict[str, Any], words: str
) -> None:
    with pytest.raises(SpecificationError) as caught:
        compiled(allowed, **written)
    assert str(caught.value).startswith(f"{KEY}: ")
    assert words in str(caught.value)


def test_a_density_may_touch_a_bound_that_a_constant_may_not_take() -> None:
    assert POSITIVE.holds(Prior("half_normal", (1.0,)))
    assert not POSITIVE.holds(Prior("deterministic", (0.0,)))
    assert SHARE.holds(Prior("deterministic", (0.0,)))


def test_only_normal_effects_and_coefficients_may_be_negative() -> None:
    negative = Prior("normal", (0.0, 1.0))
    for prior_type in ("roi", "mroi", "contribution"):
        assert not effect_range(prior_type, "log_normal").holds(negative)
        assert effect_range(prior_type, "normal").holds(negative)
    assert effect_range("coefficient", "log_normal").holds(negative)


def test_a_peak_lies_within_the_lags() -> None:
    assert lag_shape_range("delayed", 4).holds(Prior("uniform", (0.0, 4.0)))
    assert not lag_shape_range("delayed", 4).holds(Prior("uniform", (0.0, 5.0)))
    assert lag_shape_range("weibull", 4).holds(Prior("uniform", (0.0, 5.0)))
