"""Coordinates for the geo effects in which NUTS walks well, however much the data say of them.

The effect of geo g in a channel deviates by theta_g = eta * z_g with z_g standard normal (in logs, where
effects are log-normal).  Where the data say
little of theta, z is the coordinate to walk in (non-centred); where they say much, theta is (centred);
between the two, both give funnels and divergences.  So we walk in x, with z = A(eta) x and A such that
x is about standard normal given eta whatever eta is: the posterior precision of z given eta is about

    P = 1 + eta^2 (diag(I) - I I' / sum(I)),

with I_g the information of the data on theta_g.  The rank-one term is there because a common shift of
theta is absorbed by the channel's ROI.  P is diagonal plus rank one, so A = P^(-1/2) (up to a rotation) and
its determinant are cheap.  I may be a rough guess: it changes the speed, not the posterior.
"""

from typing import NamedTuple

import jax.numpy as jnp

from mmm_core.model.backends.pymc.media import Array

_LEAST_INFORMATION = 1e-12
"""Keeps 0/0 away where a channel tells nothing of any geo."""


class Placed(NamedTuple):
    """Geo positions and how volume changed on the way."""

    z: Array
    """(G, M) position of each geo, standard normal a priori."""
    log_jacobian: Array
    """Scalar log |dz/dx|."""


def place(x: Array, eta: Array, information: Array) -> Placed:
    """x (G, M), eta (M,) and information (G, M) on the deviations -> z."""
    information = information + _LEAST_INFORMATION
    diagonal = 1 + eta**2 * information
    total = information.sum(axis=0)
    direction = eta * information / jnp.sqrt(total * diagonal)
    # 1 - |direction|^2, without cancellation
    rest = (information / diagonal).sum(axis=0) / total
    root = jnp.sqrt(rest)
    along = (direction * x).sum(axis=0) / (root * (1 + root))
    z = (x + along * direction) / jnp.sqrt(diagonal)
    return Placed(z, -0.5 * (jnp.log(diagonal).sum() + jnp.log(rest).sum()))
