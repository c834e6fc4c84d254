"""What the configuration compiles to."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.priors import Prior
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import EVERYTHING, tiny_model_data

DATA = tiny_model_data(n_geos=3, n_weeks=60, n_channels=2, extras=EVERYTHING)
NATIONAL = tiny_model_data(n_geos=1, n_weeks=60, n_channels=2)
PAID, REACH, ORGANIC = 0, 2, 3


def compiled(data: ModelData = DATA, **sections: Any) -> ModelSpec:
    return build_spec(Config.model_validate(sections), data)


def adstock(**override: Any) -> dict[str, Any]:
    return {"adstock": {"platform_overrides": {"channel_0": override}}}


def saturation(**override: Any) -> dict[str, Any]:
    return {"saturation": {"channel_overrides": {"channel_0": override}}}


def channel(name: str = "channel_0", **given: Any) -> dict[str, Any]:
    return {"priors": {"channels": {name: given}}}


def written(family: str, **parameters: float) -> dict[str, Any]:
    return {"family": family, **parameters}


def test_defaults_are_meridians() -> None:
    spec = compiled()
    assert spec.channels == ("channel_0", "channel_1", "reach_0", "organic_0")
    assert set(spec.alpha) == {Prior("uniform", (0.0, 1.0))}
    usual = Prior("truncated_normal", (0.8, 0.8, 0.1, 10.0))
    assert spec.ec == (usual, usual, Prior("shifted_log_normal", (0.7, 0.4, 0.1)), usual)
    one = Prior("deterministic", (1.0,))
    assert spec.slope == (one, one, Prior("log_normal", (0.7, 0.4)), one)
    roi = Prior("log_normal", (0.2, 0.9))
    assert spec.prior_types == ("roi", "roi", "roi", "contribution")
    assert spec.effect == (roi, roi, roi, Prior("beta", (1.0, 99.0)))
    assert set(spec.lag_shape) == {Prior("deterministic", (0.0,))}
    assert (spec.eta, spec.xi, spec.sigma) == tuple(Prior("half_normal", (sd,)) for sd in (1.0, 5.0, 5.0))
    assert spec.tau == spec.knot_values == spec.gamma == Prior("normal", (0.0, 5.0))
    assert spec.media_effects == "log_normal"


@pytest.mark.parametrize(
    ("prior_type", "paid", "organic_type", "organic"),
    [
        ("mroi", Prior("log_normal", (0.0, 0.5)), "contribution", Prior("beta", (1.0, 99.0))),
        ("contribution", Prior("beta", (1.0, 99.0)), "contribution", Prior("beta", (1.0, 99.0))),
        ("coefficient", Prior("half_normal", (5.0,)), "coefficient", Prior("half_normal", (5.0,))),
    ],
)
def test_each_prior_type_has_its_default(prior_type: str, paid: Prior, organic_type: str, organic: Prior) -> None:
    spec = compiled(model={"media_prior_type": prior_type})
    assert spec.prior_types == (prior_type, prior_type, prior_type, organic_type)
    assert spec.effect == (paid, paid, paid, organic)


def test_prior_type_may_differ_by_channel() -> None:
    spec = compiled(model=channel("channel_1", type="coefficient"))
    assert spec.prior_types == ("roi", "coefficient", "roi", "contribution")
    assert spec.effect[1] == Prior("half_normal", (5.0,))


def test_decay_is_the_mean_of_a_beta_worth_ten_observations_or_fixed() -> None:
    free = compiled(features=adstock(decay=0.3)).alpha[0]
    assert free.frozen_scipy().mean() == pytest.approx(0.3)
    assert sum(free.parameters) == pytest.approx(10.0)
    assert compiled(features=adstock(decay=0.3, fixed=True)).alpha[0] == Prior("deterministic", (0.3,))
    assert compiled(features=adstock(type="binomial")).alpha[0] == Prior("uniform", (0.0, 1.0))


def test_adstock_family_is_per_channel_with_its_own_lag_shape() -> None:
    features = {
        "adstock": {
            "type": "binomial",
            "max_lag": 5,
            "platform_overrides": {"channel_0": {"type": "delayed"}, "organic_0": {"type": "weibull"}},
        }
    }
    spec = compiled(features=features)
    assert spec.adstock == ("delayed", "binomial", "binomial", "weibull")
    zero = Prior("deterministic", (0.0,))
    delayed, weibull = Prior("truncated_normal", (1.0, 1.0, 0.0, 5.0)), Prior("log_normal", (0.0, 0.5))
    assert spec.lag_shape == (delayed, zero, zero, weibull)


def test_half_saturation_override_is_centre_or_constant() -> None:
    assert compiled(features=saturation(k=2.0)).ec[0] == Prior("truncated_normal", (2.0, 0.8, 0.1, 10.0))
    assert compiled(features=saturation(k=2.0, fixed=True)).ec[0] == Prior("deterministic", (2.0,))
    reach = {"saturation": {"channel_overrides": {"reach_0": {"k": 3.0}}}}
    assert compiled(features=reach).ec[REACH].median() == pytest.approx(3.0)


def test_slope_is_free_where_asked_for() -> None:
    free = Prior("log_normal", (0.3, 0.4))
    spec = compiled(
        features={"saturation": {"slope": "free", "channel_overrides": {"channel_1": {"slope": "fixed"}}}}
    )
    assert spec.slope == (free, Prior("deterministic", (1.0,)), Prior("log_normal", (0.7, 0.4)), free)
    fixed = {"saturation": {"channel_overrides": {"reach_0": {"slope": "fixed"}}}}
    assert compiled(features=fixed).slope[REACH] == Prior("deterministic", (1.0,))


@pytest.mark.parametrize("family", ["logistic", "michaelis_menten", "none"])
def test_other_saturations_have_no_slope_and_none_no_half_point(family: str) -> None:
    spec = compiled(features={"saturation": {"type": family, "slope": "free"}})
    assert set(spec.saturation) == {family}
    assert set(spec.slope) == {Prior("deterministic", (1.0,))}
    assert (spec.ec[0] == Prior("deterministic", (1.0,))) == (family == "none")


def test_every_prior_of_a_channel_can_be_written() -> None:
    given = {
        "effect": written("gamma", a=2, rate=1),
        "alpha": written("beta", a=2, b=2),
        "ec": written("log_normal", mu=0, sigma=1),
        "slope": written("uniform", low=0.5, high=3),
        "theta": written("uniform", low=0, high=3),
    }
    spec = compiled(features=adstock(type="delayed"), model=channel(**given))
    assert spec.effect[0] == Prior("gamma", (2.0, 1.0))
    assert spec.alpha[0] == Prior("beta", (2.0, 2.0))
    assert spec.ec[0] == Prior("log_normal", (0.0, 1.0))
    assert spec.slope[0] == Prior("uniform", (0.5, 3.0))
    assert spec.lag_shape[0] == Prior("uniform", (0.0, 3.0))


def test_common_priors_can_be_written() -> None:
    priors = {
        "eta": written("half_normal", sd=0.2),
        "knot_values": written("normal", mean=0, sd=1),
        "tau": written("normal", mean=0, sd=2),
        "gamma": written("normal", mean=0, sd=3),
        "xi": written("exponential", rate=1),
        "sigma": written("half_normal", sd=1),
    }
    spec = compiled(model={"priors": priors})
    found = {name: getattr(spec, name) for name in priors}
    assert found == {
        "eta": Prior("half_normal", (0.2,)),
        "knot_values": Prior("normal", (0.0, 1.0)),
        "tau": Prior("normal", (0.0, 2.0)),
        "gamma": Prior("normal", (0.0, 3.0)),
        "xi": Prior("exponential", (1.0,)),
        "sigma": Prior("half_normal", (1.0,)),
    }


def test_roi_bounds_are_a_central_ninety_percent() -> None:
    spec = compiled(model={"priors": {"roi_bounds": {"channel_1": [0.5, 2.0]}}})
    assert spec.effect[1].frozen_scipy().ppf([0.05, 0.95]) == pytest.approx([0.5, 2.0])


def test_spend_share_scaling_makes_the_mean_channel_one() -> None:
    priors = {"spend_share_scaled": True}
    normal = compiled(model={"media_effects_dist": "normal", "priors": priors})
    assert normal.prior_types == ("coefficient",) * 3 + ("contribution",)
    scales = [prior.named["sd"] for prior in normal.effect[:3]]
    totals = DATA.spend.sum(axis=(0, 1))[:3]
    assert np.mean(scales) == pytest.approx(1.0)
    assert scales == pytest.approx(list(3 * totals / totals.sum()))
    log_normal = compiled(model={"priors": priors})
    for prior, scale in zip(log_normal.effect[:3], scales, strict=True):
        assert prior.family == "normal"
        assert prior.parameters == pytest.approx((np.log(scale), 1.0))


def test_channels_own_prior_comes_before_its_spend_share() -> None:
    spec = compiled(model={"priors": {"spend_share_scaled": True, "channels": {"channel_0": {"type": "roi"}}}})
    assert spec.prior_types[:2] == ("roi", "coefficient")
    assert spec.effect[0] == Prior("log_normal", (0.2, 0.9))


def test_national_model_has_no_spread_over_geos() -> None:
    spec = compiled(NATIONAL, model={"unique_sigma_for_each_geo": True})
    assert spec.media_effects == "normal"
    assert spec.eta == spec.xi == Prior("deterministic", (0.0,))
    assert not spec.unique_sigma_for_each_geo


def test_robust_family_shares_one_effect_prior_and_has_no_spread_over_geos() -> None:
    spec = compiled(model={"family": "robust_log"})
    assert spec.family == "robust_log"
    assert set(spec.prior_types) == {"coefficient"}
    assert (spec.tau, spec.gamma) == (Prior("normal", (0.0, 2.0)), Prior("normal", (0.0, 0.5)))
    assert spec.sigma == Prior("half_normal", (1.0,))
    assert spec.eta == spec.xi == Prior("deterministic", (0.0,))
    assert spec.media_effects == "normal"


def test_order_of_adstock_and_saturation_is_compiled() -> None:
    assert compiled(model={"hill_before_adstock": True}).hill_before_adstock
    assert not compiled().hill_before_adstock


def test_specification_survives_json() -> None:
    spec = compiled(features={"adstock": {"type": "weibull"}}, model={"knots": "auto", "family": "robust_log"})
    assert ModelSpec.from_json(spec.to_json()) == spec


ROI = written("log_normal", mu=0, sigma=1)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "alpha beyond a share": (
        {"model": channel(alpha=written("uniform", low=0, high=2))},
        "model.priors.channels.channel_0.alpha: uniform(low 0, high 2) can be anything from 0 to 2",
    ),
    "negative half-saturation": (
        {"model": channel(ec=written("normal", mean=1, sd=1))},
        "channels.channel_0.ec: normal(mean 1, sd 1) can be anything from -inf to inf, but it must be greater",
    ),
    "slope of zero": (
        {"model": channel(slope=written("deterministic", value=0))},
        "channels.channel_0.slope: deterministic(value 0) can be 0",
    ),
    "negative ROI": (
        {"model": channel(effect=written("normal", mean=1, sd=1))},
        "because log_normal media effects are positive",
    ),
    "contribution of more than everything": (
        {"model": channel(type="contribution", effect=written("log_normal", mu=1, sigma=0.1))},
        "it is a share of the total outcome",
    ),
    "theta of geometric adstock": (
        {"model": channel(theta=ROI)},
        "channels.channel_0.theta: geometric adstock has no theta",
    ),
    "slope of logistic saturation": (
        {"features": saturation(type="logistic"), "model": channel(slope=ROI)},
        "channel_0.slope: saturation logistic has no slope; remove it",
    ),
    "free slope of logistic saturation": (
        {"features": saturation(type="logistic", slope="free")},
        "features.saturation.channel_overrides.channel_0.slope: saturation logistic has no slope",
    ),
    "half-saturation without saturation": (
        {"features": saturation(type="none", k=1)},
        "features.saturation.channel_overrides.channel_0.k: a channel without saturation",
    ),
    "decay given twice": (
        {"features": adstock(decay=0.5), "model": channel(alpha=written("beta", a=1, b=1))},
        "features.adstock.platform_overrides.channel_0.decay is another prior of the same parameter",
    ),
    "half-saturation given twice": (
        {"features": saturation(k=0.5), "model": channel(ec=ROI)},
        "features.saturation.channel_overrides.channel_0.k is another prior of the same parameter",
    ),
    "ROI given twice": (
        {"model": {"priors": {"roi_bounds": {"channel_0": [1, 2]}, "channels": {"channel_0": {"effect": ROI}}}}},
        "model.priors.roi_bounds.channel_0: model.priors.channels.channel_0.effect is another prior",
    ),
    "ROI bounds of an mROI": (
        {"model": {"media_prior_type": "mroi", "priors": {"roi_bounds": {"channel_0": [1, 2]}}}},
        "the prior type of channel_0 is mroi; set model.priors.channels.channel_0.type to roi",
    ),
    "ROI bounds reversed": (
        {"model": {"priors": {"roi_bounds": {"channel_0": [2, 1]}}}},
        "model.priors.roi_bounds.channel_0: roi_bounds are [2.0, 1.0]",
    ),
    "ROI bounds of organic media": (
        {"model": {"priors": {"roi_bounds": {"organic_0": [1, 2]}}}},
        "model.priors.roi_bounds.organic_0: organic media has no spend",
    ),
    "ROI of organic media": (
        {"model": channel("organic_0", type="roi")},
        "model.priors.channels.organic_0.type is roi, but organic media has no spend",
    ),
    "intercepts that are not normal": (
        {"model": {"priors": {"tau": written("uniform", low=-1, high=1)}}},
        "model.priors.tau is uniform, but it must be normal",
    ),
    "noise that is negative": (
        {"model": {"priors": {"sigma": written("normal", mean=0, sd=1)}}},
        "model.priors.sigma: normal(mean 0, sd 1) can be anything",
    ),
    "peak without lags": (
        {"features": {"adstock": {"type": "delayed", "max_lag": 0}}},
        "features.adstock.max_lag is 0, but adstock of channel_0 is delayed",
    ),
    "effect in the robust family": (
        {"model": {"family": "robust_log", **channel(effect=ROI)}},
        "model.priors.channels.channel_0.effect: in the family robust_log all media effects share one prior",
    ),
    "spread over geos in the robust family": (
        {"model": {"family": "robust_log", "priors": {"eta": written("half_normal", sd=1)}}},
        "model.priors.eta: effects do not differ by geo in the family robust_log",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_specification_names_key_and_remedy(case: str) -> None:
    sections, words = REFUSED[case]
    with pytest.raises(SpecificationError) as caught:
        compiled(**sections)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_spend_share_needs_spend() -> None:
    spend = DATA.spend.copy()
    spend[:, :, 1] = 0
    with pytest.raises(SpecificationError, match="channel_1 has no spend"):
        compiled(dataclasses.replace(DATA, spend=spend), model={"priors": {"spend_share_scaled": True}})


def test_normal_effects_may_have_negative_returns() -> None:
    model = {"media_effects_dist": "normal", **channel(effect=written("normal", mean=0, sd=1))}
    assert compiled(model=model).effect[0] == Prior("normal", (0.0, 1.0))
