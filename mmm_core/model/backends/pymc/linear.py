"""Everything linear in the mean, integrated out exactly (geo intercepts, knots, control effects).

Given the residual r after media, sigma and xi, geo g has r_g = L_g u_g + S_g v + noise, with
u_g = (tau_g, gamma_gc - gamma_c) of its own and v = (knot_values, gamma_c) shared by all geos.  Both
have normal priors, so r is normal and v, u_g given r are normal.  In whitened coordinates
u_g = Lambda w_g and v = mean + scale * s (w_g, s standard normal),

    M_g = I + Lambda L_g'L_g Lambda / sigma_g^2                         (one small matrix per geo)
    H   = I + scale * sum_g [S_g'S_g / sigma_g^2 - X_g'X_g] * scale      (one matrix)

with X_g the local part that S_g shares.  A zero xi is no special case, and every Gram matrix is a
constant computed once.  Weeks without a known KPI are zero rows of every design, so they count nowhere.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.media import Array
from mmm_core.model.knot_weights import knot_weights
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec


class LinearDraw(NamedTuple):
    """One draw of the linear coefficients."""

    tau_g: Array
    """(G,) geo intercepts; 0 for the baseline geo."""
    knot_values: Array
    """(N,) baseline at the knots."""
    gamma_c: Array
    """(K,) mean effect of each control."""
    gamma_gc: Array
    """(G, K) effect of each control in each geo."""


class _Factors(NamedTuple):
    """Cholesky factors of M_g (G, P, P) and H (Q, Q), and X_g (G, P, Q)."""

    local: Array
    coupling: Array
    shared: Array


class _Solved(NamedTuple):
    """The factors, and the data solved against their lower triangles: (G, P) and (Q,)."""

    factors: _Factors
    local: Array
    shared: Array


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "kpi",
        "observed",
        "local",
        "shared",
        "local_gram",
        "cross_gram",
        "shared_gram",
        "shared_mean",
        "shared_sd",
        "tau_mean",
        "tau_sd",
    ],
    meta_fields=["n_knots"],
)
@dataclass(frozen=True)
class LinearPart:
    """Constants of the linear part.  P local and Q shared coefficients, N knots, K controls."""

    kpi: FloatArray
    """(G, T) scaled KPI less the prior mean of the linear part; 0 where it is not known."""
    observed: FloatArray
    """(G, T) 1 where the KPI is known, 0 elsewhere."""
    local: FloatArray
    """(G, P, T) intercept (zero for the baseline geo) and controls, 0 in weeks that are not observed; P = 0 in
    a national model."""
    shared: FloatArray
    """(Q, G, T) knot weights and controls, each times its prior sd; 0 in weeks that are not observed."""
    local_gram: FloatArray
    """(G, P, P)"""
    cross_gram: FloatArray
    """(G, P, Q)"""
    shared_gram: FloatArray
    """(G, Q, Q)"""
    shared_mean: FloatArray
    """(Q,) prior means."""
    shared_sd: FloatArray
    """(Q,) prior standard deviations."""
    tau_mean: FloatArray
    """(G,) prior mean of the intercept; 0 for the baseline geo."""
    tau_sd: FloatArray
    """(G,) prior standard deviation of the intercept; 0 for the baseline geo."""
    n_knots: int

    @property
    def is_national(self) -> bool:
        """Whether nothing varies over geos."""
        return bool(self.local.shape[1] == 0)

    def log_marginal(self, media: Array, sigma: Array, xi: Array) -> Array:
        """Log density of the KPI with the linear coefficients integrated out.

        Args:
            media: (G, T) media effect on the model's scale.
            sigma: (G,) noise.
            xi: (K,) spread of control effects over geos.
        """
        residual = self.kpi - media * self.observed
        solved = self._solve(residual, sigma, xi)
        weeks = self.observed.sum(axis=1)
        quadratic = (residual**2).sum(axis=1) @ sigma**-2 - (solved.local**2).sum() - (solved.shared**2).sum()
        log_determinant = (
            2 * weeks @ jnp.log(sigma)
            + _log_determinant(solved.factors.local)
            + _log_determinant(solved.factors.shared)
        )
        return -0.5 * (weeks.sum() * np.log(2 * np.pi) + log_determinant + quadratic)

    def draw(self, key: Array, media: Array, sigma: Array, xi: Array) -> LinearDraw:
        """Draw the linear coefficients from their exact conditional distribution."""
        solved = self._solve(self.kpi - media * self.observed, sigma, xi)
        local_key, shared_key = jax.random.split(key)
        noise = jax.random.normal(shared_key, solved.shared.shape)
        s = solve_triangular(solved.factors.shared, solved.shared + noise, lower=True, trans="T")
        v = self.shared_mean + self.shared_sd * s
        knot_values, gamma_c = v[: self.n_knots], v[self.n_knots :]
        if self.is_national:
            return LinearDraw(jnp.zeros(1), knot_values, gamma_c, gamma_c[None, :])
        noise = jax.random.normal(local_key, solved.local.shape)
        right = solved.local - solved.factors.coupling @ s + noise
        upper = jnp.swapaxes(solved.factors.local, 1, 2)
        w = solve_triangular(upper, right[..., None], lower=False)[..., 0]
        u = self._local_scale(xi) * w
        return LinearDraw(self.tau_mean + u[:, 0], knot_values, gamma_c, gamma_c + u[:, 1:])

    def _local_scale(self, xi: Array) -> Array:
        """(G, P) diagonal of Lambda."""
        controls = jnp.broadcast_to(xi, (self.tau_sd.shape[0], xi.shape[0]))
        return jnp.concatenate([jnp.asarray(self.tau_sd)[:, None], controls], axis=1)

    def _solve(self, residual: Array, sigma: Array, xi: Array) -> _Solved:
        """Factorise both systems and solve them for the residual."""
        precision = sigma**-2
        q = self.shared_sd.shape[0]
        h = self.shared.reshape(q, -1) @ (residual * precision[:, None]).ravel()
        H = jnp.eye(q) + jnp.einsum("gqr,g->qr", self.shared_gram, precision)
        if self.is_national:
            local, coupling, b = jnp.zeros((1, 0, 0)), jnp.zeros((1, 0, q)), jnp.zeros((1, 0))
        else:
            scale = self._local_scale(xi)
            weight = scale * precision[:, None]
            M = jnp.eye(scale.shape[1]) + weight[:, :, None] * self.local_gram * scale[:, None, :]
            local = jnp.linalg.cholesky(M)
            projected = weight * jnp.einsum("gpt,gt->gp", self.local, residual)
            right = jnp.concatenate([weight[:, :, None] * self.cross_gram, projected[:, :, None]], axis=2)
            right = solve_triangular(local, right, lower=True)
            coupling, b = right[:, :, :-1], right[:, :, -1]
            stacked = coupling.reshape(-1, q)
            H = H - stacked.T @ stacked
            h = h - stacked.T @ b.ravel()
        shared = jnp.linalg.cholesky(H)
        return _Solved(_Factors(local, coupling, shared), b, solve_triangular(shared, h, lower=True))


def _log_determinant(cholesky: Array) -> Array:
    """Of the product of the matrices whose lower factors these are."""
    return 2 * jnp.log(jnp.diagonal(cholesky, axis1=-2, axis2=-1)).sum()


def linear_part(data: ModelData, spec: ModelSpec, scaling: Scaling) -> LinearPart:
    """Precompute designs and Gram matrices.

    Raises:
        SpecificationError: a prior of the linear part is not normal.
    """
    controls = scaling.scale_controls(data.control_values).transpose(2, 0, 1)
    knots = knot_weights(spec.knots, len(data.dates)).T
    knots = np.broadcast_to(knots[:, None, :], (len(knots), *data.kpi.shape))
    design = np.concatenate([knots, controls])
    counts = [len(knots), len(controls)]
    priors = (normal_prior("knot_values", spec.knot_values), normal_prior("gamma", spec.gamma))
    mean, sd = (np.repeat([prior[i] for prior in priors], counts) for i in (0, 1))
    varies = (np.arange(len(data.geos)) != np.argmax(data.population)).astype(np.float64)
    tau_mean, tau_sd = (varies * value for value in normal_prior("tau", spec.tau))
    intercept = np.broadcast_to(varies[:, None, None], (len(data.geos), 1, len(data.dates)))
    local = np.concatenate([intercept, controls.transpose(1, 0, 2)], axis=1) * data.observed[:, None, :]
    if data.is_national:
        local = local[:, :0]
    shared = design * sd[:, None, None] * data.observed
    kpi = scaling.scale_kpi(data.kpi) - tau_mean[:, None] - np.einsum("qgt,q->gt", design, mean)
    return LinearPart(
        kpi=np.where(data.observed, kpi, 0.0),
        observed=data.observed.astype(np.float64),
        local=local,
        shared=shared,
        local_gram=np.einsum("gpt,grt->gpr", local, local),
        cross_gram=np.einsum("gpt,qgt->gpq", local, shared),
        shared_gram=np.einsum("qgt,rgt->gqr", shared, shared),
        shared_mean=mean,
        shared_sd=sd,
        tau_mean=tau_mean,
        tau_sd=tau_sd,
        n_knots=len(knots),
    )


def normal_prior(name: str, prior: Prior) -> tuple[float, float]:
    """Mean and sd of a normal prior."""
    if prior.family != "normal":
        raise SpecificationError(
            f"The prior of {name} is {prior.family}; the pymc backend integrates {name} out, which needs "
            "a normal prior. Use a normal prior or model.backend: meridian."
        )
    return prior.named["mean"], prior.named["sd"]
