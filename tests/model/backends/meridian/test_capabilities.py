"""What Meridian cannot fit is refused before anything heavy is imported, with the key and the remedy."""

import dataclasses
import re
from typing import Any

import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.backends.meridian.backend import MeridianBackend
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data
from tests.model.backends.meridian.panels import everything

SETTINGS = SamplerSettings(chains=2, tune=60, draws=40, target_accept=0.8, max_tree_depth=5, seed=4)


def spec_of(data: ModelData, **sections: dict[str, Any]) -> ModelSpec:
    model = {"knots": 3, **sections.pop("model", {})}
    return build_spec(Config.model_validate({"model": model, **sections}), data)


def channel(name: str, **settings: Any) -> dict[str, Any]:
    return {"priors": {"channels": {name: settings}}}


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"model": {"media_prior_type": "mroi"}},
        {"model": {"media_prior_type": "contribution", "media_effects_dist": "normal"}},
        {"model": {"hill_before_adstock": True, "media_scaling": "geo_max"}},
        {"model": channel("organic_0", type="coefficient")},
        {"model": channel("reach_0", type="coefficient")},
        {"model": channel("reach_0", type="mroi")},
        {"features": {"saturation": {"type": "michaelis_menten"}}},
        {"features": {"saturation": {"channel_overrides": {"channel_0": {"type": "none"}}}}},
        {
            "model": channel("channel_0", type="mroi"),
            "features": {"saturation": {"channel_overrides": {"channel_0": {"type": "none"}}}},
        },
        {"features": {"adstock": {"platform_overrides": {"channel_0": {"type": "binomial"}}}}},
        {"features": {"adstock": {"platform_overrides": {"reach_0": {"decay": 0.4, "fixed": True}}}}},
    ],
)
def test_what_meridian_has_is_not_refused(sections: dict[str, Any]) -> None:
    data = everything()
    assert MeridianBackend().unsupported(data, spec_of(data, **sections)) == ()


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"model": {"family": "robust_log"}}, r"model\.family is robust_log"),
        ({"features": {"adstock": {"type": "delayed"}}}, r"features\.adstock\.type .* delayed for channel_0"),
        (
            {"features": {"adstock": {"platform_overrides": {"reach_0": {"type": "weibull"}}}}},
            r"features\.adstock\.type .* weibull for reach_0,",
        ),
        (
            {"features": {"saturation": {"channel_overrides": {"channel_1": {"type": "logistic"}}}}},
            r"features\.saturation\.type .* logistic for channel_1,",
        ),
        (
            {"model": channel("channel_1", type="contribution")},
            r"model\.priors\.channels\.<channel>\.type .*channel_0: roi, channel_1: contribution",
        ),
        ({"model": channel("channel_1", type="mroi")}, r"type differs between media channels .*channel_1: mroi"),
        (
            {"features": {"adstock": {"platform_overrides": {"channel_1": {"decay": 0.4, "fixed": True}}}}},
            r"platform_overrides\.<channel>\.fixed: alpha is fixed for channel_1 and free for other media",
        ),
        (
            {"features": {"saturation": {"channel_overrides": {"channel_1": {"slope": "free"}}}}},
            r"channel_overrides\.<channel>\.slope: slope is fixed for channel_0",
        ),
    ],
)
def test_what_meridian_lacks_is_refused_by_key(sections: dict[str, Any], said: str) -> None:
    data = everything()
    spec = spec_of(data, **sections)
    reasons = MeridianBackend().unsupported(data, spec)
    assert len(reasons) == 1
    assert re.search(said, reasons[0])
    assert "set model.backend to pymc" in reasons[0]
    with pytest.raises(SpecificationError, match=said):
        MeridianBackend().sample(data, spec, SETTINGS)


def test_every_reason_is_given_at_once() -> None:
    data = everything()
    features = {"adstock": {"type": "weibull"}, "saturation": {"type": "logistic"}}
    assert len(MeridianBackend().unsupported(data, spec_of(data, features=features))) == 2


def test_a_panel_without_paid_channels_is_refused() -> None:
    data = tiny_model_data()
    data = dataclasses.replace(data, channel_kinds=("organic_media",) * 2, spend=data.spend * 0)
    (reason,) = MeridianBackend().unsupported(data, spec_of(data))
    assert "no paid channel" in reason
