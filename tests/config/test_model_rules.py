"""Rules about the keys that describe the model."""

from pathlib import Path

import pytest

from mmm_core.errors import ConfigError
from tests.config_files import load_text

DATA = "data: {kpi_col: k, channel_map: {tv: a, radio: b}, organic_media: {blog: posts}}\n"
ALONE = "backend: meridian, fallback: none"
CASES = {
    "decay fixed at nothing": (
        "features: {adstock: {platform_overrides: {tv: {fixed: true}}}}",
        "line 1: features.adstock.platform_overrides.tv.fixed: received true, but there is no `decay`",
    ),
    "half-saturation fixed at nothing": (
        "features: {saturation: {channel_overrides: {tv: {fixed: true}}}}",
        "features.saturation.channel_overrides.tv.fixed: received true, but there is no `k`",
    ),
    "no knots": ("model: {knots: 0}", "model.knots: received 0; allowed: 1 or more, `auto`, or a list of dates."),
    "empty knots": ("model: {knots: []}", "model.knots: received an empty list"),
    "knot that is no date": ("model: {knots: [2023-01-02, soon]}", "model.knots[1]: received 'soon'"),
    "knot twice": ("model: {knots: [2023-01-02, 2023-01-02]}", "model.knots[1]: 2023-01-02 is listed twice"),
    "candidate without knots": (
        "model: {selection: {candidates: {few: {knots: -1}}}}",
        "model.selection.candidates.few.knots: received -1",
    ),
    "ROI of organic media": (
        DATA + "model: {priors: {channels: {blog: {type: mroi}}}}",
        "line 2: model.priors.channels.blog.type: received 'mroi', but organic media has no spend",
    ),
    "ROI bounds of organic media": (
        DATA + "model: {priors: {roi_bounds: {blog: [1, 2]}}}",
        "model.priors.roi_bounds.blog: organic media has no spend",
    ),
    "ROI bounds of an mROI": (
        "model: {priors: {roi_bounds: {tv: [1, 2]}, channels: {tv: {type: mroi}}}}",
        "model.priors.roi_bounds.tv: is of the ROI, but model.priors.channels.tv.type is mroi; remove one",
    ),
    "two priors of an ROI": (
        "model: {priors: {roi_bounds: {tv: [1, 2]}, channels: {tv: {effect: {family: half_normal, sd: 1}}}}}",
        "model.priors.roi_bounds.tv: is a second prior beside model.priors.channels.tv.effect",
    ),
    "prior without its parameter": (
        "model: {priors: {eta: {family: beta, a: 1}}}",
        "line 1: model.priors.eta: family beta takes a, b; b is missing.",
    ),
    "prior with another's parameter": (
        "model: {priors: {channels: {tv: {alpha: {family: beta, a: 1, b: 1, sd: 1}}}}}",
        "model.priors.channels.tv.alpha: family beta takes a, b; sd does not belong to it.",
    ),
    "robust family": (
        f"model: {{{ALONE}, family: robust_log}}",
        "model.family: received 'robust_log', which only",
    ),
    "delayed adstock": (
        f"features: {{adstock: {{type: delayed}}}}\nmodel: {{{ALONE}}}",
        "line 1: features.adstock.type: received 'delayed', which only the pymc backend can fit; set model",
    ),
    "one channel's Weibull adstock": (
        f"features: {{adstock: {{platform_overrides: {{tv: {{type: weibull}}}}}}}}\nmodel: {{{ALONE}}}",
        "features.adstock.platform_overrides.tv.type: received 'weibull'",
    ),
    "logistic saturation": (
        f"features: {{saturation: {{type: logistic}}}}\nmodel: {{{ALONE}}}",
        "features.saturation.type: received 'logistic'",
    ),
    "one channel's logistic saturation": (
        f"features: {{saturation: {{channel_overrides: {{tv: {{type: logistic}}}}}}}}\nmodel: {{{ALONE}}}",
        "features.saturation.channel_overrides.tv.type: received 'logistic'",
    ),
    "mixed prior types": (
        DATA + f"model: {{{ALONE}, priors: {{channels: {{tv: {{type: mroi}}}}}}}}",
        "model.priors.channels.tv.type: received 'mroi', which only the pymc backend can fit",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_contradiction_is_refused_with_key_and_remedy(case: str, tmp_path: Path) -> None:
    text, expected = CASES[case]
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "model: {knots: auto}",
        "model: {knots: 1}",
        "model: {knots: [2023-01-02, 2023-06-05]}",
        "model: {family: robust_log}",
        "model: {backend: pymc, fallback: none, family: robust_log}",
        f"features: {{adstock: {{type: binomial}}, saturation: {{type: michaelis_menten}}}}\nmodel: {{{ALONE}}}",
        DATA + f"model: {{{ALONE}, priors: {{channels: {{tv: {{type: mroi}}, radio: {{type: mroi}}}}}}}}",
        DATA + f"model: {{{ALONE}, priors: {{channels: {{blog: {{type: coefficient}}}}}}}}",
        "features: {adstock: {platform_overrides: {tv: {fixed: true, decay: 0.5}}}}",
        "model: {priors: {roi_bounds: {tv: [1, 2]}, channels: {tv: {type: roi, theta: null}}}}",
    ],
)
def test_what_fits_together_is_accepted(text: str, tmp_path: Path) -> None:
    load_text(tmp_path, text)
