"""What the PyMC backend refuses."""

import dataclasses

from mmm_core.config.schema import Config
from mmm_core.model.backends.pymc.support import unsupported_reasons
from mmm_core.model.priors import Prior
from mmm_core.model.specification import build_spec
from tests.factories import tiny_model_data


def test_default_model_is_supported_in_both_families() -> None:
    data = tiny_model_data()
    spec = build_spec(Config(), data)
    assert unsupported_reasons(data, spec) == ()
    assert unsupported_reasons(data, dataclasses.replace(spec, family="robust_log")) == ()


def test_linear_coefficients_need_normal_priors() -> None:
    data = tiny_model_data()
    uniform = Prior("uniform", (-1.0, 1.0))
    spec = dataclasses.replace(build_spec(Config(), data), tau=uniform, gamma=uniform)
    reasons = unsupported_reasons(data, spec)
    assert len(reasons) == 2
    assert all("normal prior" in reason and "meridian" in reason for reason in reasons)
    assert "model.priors.tau" in reasons[0]
    assert "model.priors.gamma" in reasons[1]


def test_priors_of_what_the_model_lacks_do_not_matter() -> None:
    data = tiny_model_data(n_geos=1, n_controls=0)
    uniform = Prior("uniform", (-1.0, 1.0))
    spec = dataclasses.replace(build_spec(Config(), data), tau=uniform, gamma=uniform)
    assert unsupported_reasons(data, spec) == ()
