"""Normal scores: a variable with its prior becomes a standard normal one."""

import numpy as np
import pytest
from scipy import stats


def scores() -> dict[str, tuple[object, object]]:
    from mmm_core.model.backends.pymc.transforms import ExponentialScore, TruncatedNormalScore, UniformScore

    def one(*values: float) -> list[np.ndarray]:
        return [np.array([value]) for value in values]

    return {
        "uniform": (UniformScore(*one(0.2, 0.9)), stats.uniform(0.2, 0.7)),
        "truncated": (TruncatedNormalScore(*one(0.8, 0.8, 0.1, 10)), stats.truncnorm(-0.875, 11.5, 0.8, 0.8)),
        "exponential": (ExponentialScore(*one(0.1)), stats.expon(scale=10)),
        "half": (TruncatedNormalScore(*one(0, 2, 0, np.inf)), stats.halfnorm(0, 2)),
    }


@pytest.mark.parametrize("name", ["uniform", "truncated", "half", "exponential"])
def test_score_is_standard_normal_and_reversible(name: str) -> None:
    import pytensor
    import pytensor.tensor as pt

    transform, distribution = scores()[name]
    x = np.linspace(-4, 4, 41)
    with pytensor.config.change_flags(cxx=""):
        symbol = pt.vector("x")
        value = transform.backward(symbol)
        outputs = [value, transform.forward(value), transform.log_jac_det(symbol)]
        values, back, log_jacobian = pytensor.function([symbol], outputs)(x)
    np.testing.assert_allclose(values, distribution.ppf(stats.norm.cdf(x)), rtol=1e-7)
    np.testing.assert_allclose(back, x, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(distribution.logpdf(values) + log_jacobian, stats.norm.logpdf(x), rtol=1e-7)
