"""Adstock and saturation in JAX against plain loops, and their gradients where naive ones break."""

import numpy as np
import pytest

from mmm_core.model.model_spec import AdstockFamily, SaturationFamily
from tests.model.backends.pymc.dense import adstock_weight, saturated

jax = pytest.importorskip("jax")

ADSTOCKS: tuple[AdstockFamily, ...] = ("geometric", "binomial", "delayed", "weibull")
SATURATIONS: tuple[SaturationFamily, ...] = ("hill", "logistic", "michaelis_menten", "none")


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    jax.config.update("jax_enable_x64", True)


@pytest.mark.parametrize("family", ADSTOCKS)
@pytest.mark.parametrize("window", [1, 2, 9])
def test_adstock_weights_equal_loops(family: AdstockFamily, window: int) -> None:
    from mmm_core.model.backends.pymc.curves import adstock_weights

    alpha, theta = np.array([0.05, 0.4, 0.97]), np.array([0.3, 1.0, 2.6])
    weights = np.asarray(adstock_weights((family,) * 3, alpha, theta, window))
    for m in range(3):
        raw = [adstock_weight(family, lag, window, alpha[m], theta[m]) for lag in range(window)]
        np.testing.assert_allclose(weights[m], np.array(raw) / sum(raw), rtol=1e-12)


def test_channels_of_several_families_keep_their_order() -> None:
    from mmm_core.model.backends.pymc.curves import adstock_weights

    families = ("weibull", "geometric", "delayed", "geometric", "binomial")
    alpha, theta = np.linspace(0.2, 0.8, 5), np.linspace(0.5, 2.5, 5)
    together = np.asarray(adstock_weights(families, alpha, theta, 6))
    for m, family in enumerate(families):
        alone = adstock_weights((family,), alpha[m : m + 1], theta[m : m + 1], 6)
        np.testing.assert_allclose(together[m], alone[0], rtol=1e-14)


def test_weibull_of_shape_1_is_geometric() -> None:
    from mmm_core.model.backends.pymc.curves import adstock_weights

    alpha = np.array([0.3, 0.9])
    np.testing.assert_allclose(
        adstock_weights(("weibull",) * 2, alpha, np.ones(2), 9),
        adstock_weights(("geometric",) * 2, alpha, np.zeros(2), 9),
        rtol=1e-12,
    )


@pytest.mark.parametrize("family", ADSTOCKS)
@pytest.mark.parametrize("alpha", [0.0, 1e-15, 0.5, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("theta", [1e-9, 1.0, 500.0])
def test_adstock_and_its_gradient_are_finite_at_the_edges(
    family: AdstockFamily, alpha: float, theta: float
) -> None:
    from mmm_core.model.backends.pymc.curves import adstock_weights

    def spread(values: jax.Array) -> jax.Array:
        return (adstock_weights((family,), values[:1], values[1:], 9) * np.arange(9.0)).sum()

    value, gradient = jax.value_and_grad(spread)(np.array([alpha, theta]))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("family", SATURATIONS)
@pytest.mark.parametrize("slope", [0.6, 1.0, 2.3])
def test_saturation_equals_its_formula(family: SaturationFamily, slope: float) -> None:
    from mmm_core.model.backends.pymc.curves import saturate

    media = np.array([0.0, 1e-9, 0.3, 1.7, 40.0])
    expected = [saturated(family, x, 1.7, slope) for x in media]
    np.testing.assert_allclose(saturate(family, media, 1.7, slope), expected, rtol=1e-12, atol=1e-15)
    if family != "none":
        assert float(saturate(family, np.array(1.7), 1.7, slope)) == pytest.approx(0.5)
    if slope == 1.0:
        np.testing.assert_allclose(saturate(family, media, 1.7, None), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("family", SATURATIONS)
@pytest.mark.parametrize("slope", [0.4, 1.0, 3.0])
def test_saturation_has_a_finite_gradient_without_media(family: SaturationFamily, slope: float) -> None:
    from mmm_core.model.backends.pymc.curves import saturate

    gradient = jax.grad(lambda p: saturate(family, p[0], p[1], p[2]))(np.array([0.0, 0.8, slope]))
    assert np.isfinite(gradient).all()
