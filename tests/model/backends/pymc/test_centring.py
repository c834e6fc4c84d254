"""The coordinates of the geo effects: exact volume, and close to standard normal where it matters."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    jax.config.update("jax_enable_x64", True)


def case(n_geos: int = 4, n_channels: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    information = rng.gamma(0.5, 40.0, (n_geos, n_channels))
    information[0, 0] = 0.0  # a channel that this geo never uses
    information[:, 2] = 0.0  # a channel without any information
    return rng.normal(size=(n_geos, n_channels)), rng.uniform(0.1, 2.0, n_channels), information


def test_jacobian_is_that_of_the_map() -> None:
    from mmm_core.model.backends.pymc.centring import place

    x, eta, information = case()
    matrix = jax.jacfwd(lambda flat: place(flat.reshape(x.shape), eta, information).z.ravel())(x.ravel())
    assert float(place(x, eta, information).log_jacobian) == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-10)


def test_coordinates_are_standard_normal_under_the_guessed_posterior() -> None:
    from mmm_core.model.backends.pymc.centring import place

    x, eta, information = case()
    for m in range(2):
        precision = np.eye(len(x)) + eta[m] ** 2 * (
            np.diag(information[:, m]) - np.outer(information[:, m], information[:, m]) / information[:, m].sum()
        )
        matrix = np.asarray(
            jax.jacfwd(lambda v, m=m: place(v[:, None], eta[m : m + 1], information[:, m : m + 1]).z[:, 0])(
                x[:, m]
            )
        )
        np.testing.assert_allclose(matrix @ matrix.T, np.linalg.inv(precision), atol=1e-9)


def test_without_spread_or_information_nothing_moves() -> None:
    from mmm_core.model.backends.pymc.centring import place

    x, eta, information = case()
    np.testing.assert_allclose(place(x, 0 * eta, information).z, x)
    np.testing.assert_allclose(place(x, eta, 0 * information).z, x, rtol=1e-9)


def test_a_common_shift_keeps_its_prior_scale_however_much_the_data_say() -> None:
    from mmm_core.model.backends.pymc.centring import place

    information = np.full((3, 1), 1e6)
    shift = np.full((3, 1), 1.3)
    np.testing.assert_allclose(place(shift, np.ones(1), information).z, shift, rtol=1e-6)
