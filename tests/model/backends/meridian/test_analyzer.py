"""Meridian's own analysis of a posterior says what the forward model says."""

from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.meridian.groups import channel_groups
from mmm_core.model.backends.meridian.inputs import build_model
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored
from mmm_core.model.forward import expected_kpi, incremental_outcome, scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.factories import Extras, made_up_posterior, tiny_model_data
from tests.model.backends.meridian.panels import as_meridian_gives_it, everything, trend

pytestmark = pytest.mark.slow

MULTIPLIERS = (0.5, 1.0, 1.7)
CASES: dict[str, tuple[ModelData, dict[str, Any], dict[str, Any]]] = {
    "paid media": (
        tiny_model_data(3, 40),
        {"media_scaling": "geo_max", "unique_sigma_for_each_geo": True},
        {"adstock": {"type": "binomial", "max_lag": 4}, "saturation": {"slope": "free"}},
    ),
    "everything": (everything(), {}, {"adstock": {"max_lag": 4}}),
    "everything, hill before adstock": (
        everything(),
        {"hill_before_adstock": True, "media_effects_dist": "normal", "media_scaling": "geo_max"},
        {"saturation": {"channel_overrides": {"channel_1": {"type": "none"}}}},
    ),
    "national": (
        tiny_model_data(1, 40, extras=Extras(n_reach=1, n_lead=3, n_treatments=1, n_missing=3)),
        {"media_prior_type": "contribution"},
        {},
    ),
}


@dataclass(frozen=True)
class Case:
    """Canonical draws and Meridian's analyzer of the same draws."""

    posterior: Posterior
    analyzer: Any
    order: list[int]
    """Indices of the channels as Meridian orders them."""

    @property
    def paid(self) -> list[int]:
        """Those that cost money, as Meridian orders them."""
        return [m for m in self.order if self.posterior.data.channel_kinds[m] != "organic_media"]

    def outcome(self, channel: int, multipliers: tuple[float, ...]) -> np.ndarray:
        """(J, S) incremental outcome of scaled media."""
        outcome: np.ndarray = scaled_channel_outcome(self.posterior, channel, multipliers).sum(axis=2)
        return outcome


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    data, model, features = CASES[request.param]
    spec = build_spec(Config.model_validate({"model": {"knots": 3, **model}, "features": features}), data)
    posterior = made_up_posterior(data, n_draws=4, spec=spec)
    meridian = build_model(data, spec, posterior.scaling)
    from meridian.analysis.analyzer import Analyzer

    theirs = as_meridian_gives_it(posterior)
    theirs["mu_t"] = trend(posterior, np.asarray(meridian.knot_info.weights))
    with expected_warnings_ignored():
        analyzer = Analyzer(
            model_context=meridian.model_context, inference_data=az.InferenceData(posterior=theirs)
        )
    return Case(posterior, analyzer, [m for group in channel_groups(data) for m in group.channels])


def stacked(values: Any) -> np.ndarray:
    """(chain, draw, ...) -> (S, ...)."""
    array = np.asarray(values)
    return array.reshape(-1, *array.shape[2:])


def test_expected_kpi(case: Case) -> None:
    data, ours = case.posterior.data, expected_kpi(case.posterior)
    with expected_warnings_ignored():
        theirs = case.analyzer.expected_outcome(
            use_kpi=True, aggregate_geos=data.is_national, aggregate_times=False
        )
    theirs = np.asarray(theirs).reshape(ours.shape)
    np.testing.assert_allclose(ours[:, data.present], theirs[:, data.present], rtol=1e-9)


def test_incremental_outcome(case: Case) -> None:
    data, ours = case.posterior.data, incremental_outcome(case.posterior)[:, :, case.order]
    with expected_warnings_ignored():
        theirs = case.analyzer.incremental_outcome(aggregate_geos=data.is_national, aggregate_times=True)
    np.testing.assert_allclose(ours, np.asarray(theirs).reshape(ours.shape), rtol=1e-8)


def test_roi(case: Case) -> None:
    with expected_warnings_ignored():
        theirs = stacked(case.analyzer.roi())
    spend = case.posterior.data.spend.sum(axis=(0, 1))
    ours = (incremental_outcome(case.posterior).sum(axis=1) / spend.clip(1e-9))[:, case.paid]
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)


def test_marginal_roi(case: Case) -> None:
    with expected_warnings_ignored():
        theirs = stacked(case.analyzer.marginal_roi(incremental_increase=0.01, by_reach=True))
    spend = case.posterior.data.spend.sum(axis=(0, 1))
    ours = [np.diff(case.outcome(m, (1.0, 1.01)), axis=0)[0] / (0.01 * spend[m]) for m in case.paid]
    np.testing.assert_allclose(np.stack(ours, axis=1), theirs, rtol=1e-6)


def test_response_curves(case: Case) -> None:
    with expected_warnings_ignored():
        theirs = case.analyzer.response_curves(spend_multipliers=list(MULTIPLIERS), by_reach=True)
    ours = np.stack([case.outcome(m, MULTIPLIERS).mean(axis=1) for m in case.paid], axis=1)
    named = theirs.sel(metric="mean", channel=[case.posterior.data.channels[m] for m in case.paid])
    np.testing.assert_allclose(ours, named["incremental_outcome"], rtol=1e-8)
