"""Which quantities are diagnosed, and under which label."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.evaluation.parameters import labelled_draws
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data

_FIXED = Prior("deterministic", (1.0,))


def _labels(posterior: Posterior) -> set[str]:
    labels, interpreted, draws = labelled_draws(posterior)
    assert len(labels) == len(interpreted) == draws.shape[2] == len(set(labels))
    return set(labels)


def _with(posterior: Posterior, **changes: Any) -> Posterior:
    return dataclasses.replace(posterior, spec=dataclasses.replace(posterior.spec, **changes))


def test_returns_are_those_of_paid_channels_and_contributions_those_of_all() -> None:
    labels = _labels(made_up_posterior(tiny_model_data(extras=EVERYTHING)))
    assert {"roi_m[reach_0]", "contribution_m[organic_0]", "beta_m[organic_0]"} <= labels
    assert "roi_m[organic_0]" not in labels


def test_second_adstock_parameter_is_diagnosed_where_there_is_one() -> None:
    posterior = made_up_posterior(tiny_model_data())
    assert not any(label.startswith("theta_m") for label in _labels(posterior))
    free = (Prior("uniform", (0.0, 4.0)), posterior.spec.lag_shape[1])
    delayed = _with(posterior, adstock=("delayed", "geometric"), lag_shape=free)
    delayed = made_up_posterior(delayed.data, spec=delayed.spec)
    assert [label for label in _labels(delayed) if label.startswith("theta_m")] == ["theta_m[channel_0]"]


def test_robust_family_has_its_own_parameters() -> None:
    data = tiny_model_data()
    labels = _labels(made_up_posterior(data, spec=robust(data)))
    assert {"nu", "sigma_beta"} <= labels
    assert not any(label.startswith(("eta_m", "xi_c")) for label in labels)


@pytest.mark.parametrize(
    ("name", "label"), [("eta", "eta_m"), ("xi", "xi_c"), ("knot_values", "knot_values"), ("sigma", "sigma")]
)
def test_what_a_prior_fixes_is_left_out(name: str, label: str) -> None:
    posterior = made_up_posterior(tiny_model_data())
    assert any(found.startswith(label) for found in _labels(posterior))
    assert not any(found.startswith(label) for found in _labels(_with(posterior, **{name: _FIXED})))


def test_an_effect_fixed_by_its_prior_is_left_out_with_what_follows_from_it() -> None:
    posterior = made_up_posterior(tiny_model_data())
    posterior = _with(posterior, effect=(_FIXED, posterior.spec.effect[1]))
    posterior.samples["roi_m"].values[:, :, 0] = 1.0
    labels = _labels(posterior)
    assert "roi_m[channel_0]" not in labels
    assert {"roi_m[channel_1]", "beta_m[channel_0]"} <= labels


def test_a_chain_that_never_moved_is_not_mistaken_for_a_fixed_parameter() -> None:
    posterior = made_up_posterior(tiny_model_data())
    posterior.samples["roi_m"].values[:] = 1.0
    labels, _, draws = labelled_draws(posterior)
    assert np.ptp(draws[:, :, labels.index("roi_m[channel_0]")]) == 0
