"""The robust family: Student-T noise on log(KPI + 1), one non-negative effect per channel.

    log(kpi + 1) - kpi_mean ~ StudentT(nu, mu, sigma)
    mu[g, t] = tau_g + knots[t] + sum_m beta_m * saturated[g, t, m] + sum_k gamma_k * control[g, t, k]

with beta_m half-normal of a common scale `sigma_beta`, which shrinks weak channels to nothing.  The
coefficients of the linear part are walked in as v = center + root x, with root root' the inverse of the
posterior precision that a normal regression on the linear part alone would have: whatever the knots and controls
look like, x has about unit scale and little correlation.

The exponential of a Student-T variable has no mean (and for nu <= 1 its logarithm has none either), so
everything on the KPI's scale speaks of exp(mu) - 1, the median week.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.blocks import media_transform
from mmm_core.model.backends.pymc.linear import normal_prior
from mmm_core.model.backends.pymc.media import Array, MediaParameters, MediaTransform, Transformed
from mmm_core.model.knot_weights import knot_weights
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec, PriorType

_NOISE_ROUNDS = 3
"""Rounds of guessing the noise from the residuals of the regression."""


class RobustParameters(NamedTuple):
    """One draw."""

    media: MediaParameters
    """`effect` is `beta_m`; `eta` and `z` are 0."""
    sigma_beta: Array
    coefficients: Array
    """(Q,) tau of all geos but the largest, knot values, control effects."""
    sigma: Array
    """(G,) scale of the noise."""
    nu: Array
    """Degrees of freedom of the noise."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["design", "prior_mean", "prior_sd", "center", "root", "reference"],
    meta_fields=["baseline_geo", "n_knots", "n_controls"],
)
@dataclass(frozen=True)
class RobustLinear:
    """Constants of the linear part.  Q coefficients, N knots, K controls."""

    design: FloatArray
    """(Q, G, T)"""
    prior_mean: FloatArray
    """(Q,)"""
    prior_sd: FloatArray
    """(Q,)"""
    center: FloatArray
    """(Q,) coefficients at x = 0."""
    root: FloatArray
    """(Q, Q) coefficients per x, upper triangular."""
    reference: FloatArray
    """(K,) scaled value from which each control counts: a non-media treatment's smallest, else 0."""
    baseline_geo: int
    """The geo whose intercept is 0."""
    n_knots: int
    n_controls: int

    @property
    def n_coefficients(self) -> int:
        """Q."""
        return int(self.prior_mean.shape[0])

    def coefficients(self, x: Array) -> Array:
        """(Q,) from the coordinates."""
        return self.center + self.root @ x

    def log_prior(self, coefficients: Array) -> Array:
        """Scalar log density of x at these coefficients."""
        score = (coefficients - self.prior_mean) / self.prior_sd
        log_volume = jnp.log(jnp.diagonal(self.root) / self.prior_sd).sum()
        return log_volume - 0.5 * ((score**2).sum() + score.size * np.log(2 * np.pi))

    def split(self, coefficients: Array) -> tuple[Array, Array, Array]:
        """(G,) tau with a 0 for the baseline geo, (N,) knot values, (K,) control effects."""
        others = coefficients.shape[0] - self.n_knots - self.n_controls
        tau, knots, gamma = jnp.split(coefficients, [others, others + self.n_knots])
        tau = jnp.concatenate([tau[: self.baseline_geo], jnp.zeros(1), tau[self.baseline_geo :]])
        return tau, knots, gamma

    def mean(self, coefficients: Array) -> Array:
        """(G, T) linear part of mu."""
        return jnp.einsum("q,qgt->gt", coefficients, self.design)

    def baseline(self, coefficients: Array) -> Array:
        """(G, T) the same with every control where it counts from."""
        others = coefficients.shape[0] - self.n_controls
        trend = jnp.einsum("q,qgt->gt", coefficients[:others], self.design[:others])
        return trend + coefficients[others:] @ self.reference


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["media", "linear", "log_kpi", "kpi_mean", "outcome_per_kpi"],
    meta_fields=[],
)
@dataclass(frozen=True)
class RobustLikelihood:
    """Likelihood of `robust_log`; implements `Likelihood`.

    Its coordinates are alpha, ec, slope, theta, sigma_beta, beta_m / sigma_beta, x, sigma, nu.
    """

    media: MediaTransform
    linear: RobustLinear
    log_kpi: FloatArray
    """(G, T) log(KPI + 1) less `kpi_mean`; 0 where it is not known."""
    kpi_mean: FloatArray
    """Scalar mean of log(KPI + 1)."""
    outcome_per_kpi: FloatArray
    """(G, T) what one KPI unit is worth."""

    @property
    def values_per_draw(self) -> int:
        """Floats that one draw needs while it is completed."""
        return self.media.values_per_draw

    def in_single_precision(self) -> "RobustLikelihood":
        """The same with the media part in float32."""
        return dataclasses.replace(self, media=self.media.in_single_precision())

    def log_density(self, coordinates: tuple[Array, ...]) -> Array:
        """Scalar log density of log(KPI + 1), plus that of x."""
        parameters = self.from_coordinates(coordinates)
        return self.log_likelihood(parameters) + self.linear.log_prior(parameters.coefficients)

    def log_likelihood(self, parameters: RobustParameters) -> Array:
        """Scalar log density of log(KPI + 1)."""
        nu, sigma = parameters.nu, parameters.sigma[:, None]
        residual = (self.log_kpi - self._mean(parameters, self.media.transform(parameters.media))) / sigma
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * jnp.log(nu * np.pi)
        log_density = constant - jnp.log(sigma) - 0.5 * (nu + 1) * jnp.log1p(residual**2 / nu)
        return (self.media.observed * log_density).sum()

    def from_coordinates(self, coordinates: tuple[Array, ...]) -> RobustParameters:
        """The parameters that the coordinates of NUTS stand for."""
        alpha, ec, slope, theta, sigma_beta, relative_beta, x, sigma, nu = coordinates
        nothing = jnp.zeros_like(alpha)
        beta = sigma_beta * relative_beta
        media = MediaParameters(
            alpha, ec, slope, theta, beta, nothing, jnp.zeros((sigma.shape[0], alpha.shape[0]))
        )
        return RobustParameters(media, sigma_beta, self.linear.coefficients(x), sigma, nu)

    def complete(self, key: Array, coordinates: tuple[Array, ...]) -> dict[str, Array]:
        """See `Likelihood.complete`; nothing is left to draw here."""
        parameters = self.from_coordinates(coordinates)
        media = parameters.media
        tau, knots, gamma = self.linear.split(parameters.coefficients)
        return {
            "alpha_m": media.alpha,
            "ec_m": media.ec,
            "slope_m": media.slope,
            "theta_m": media.theta,
            "roi_m": self._roi(parameters),
            "beta_m": media.effect,
            "eta_m": media.eta,
            "beta_gm": media.effect + media.z,
            "tau_g": tau,
            "knot_values": knots,
            "gamma_c": gamma,
            "gamma_gc": jnp.broadcast_to(gamma, (tau.shape[0], gamma.shape[0])),
            "xi_c": jnp.zeros_like(gamma),
            "sigma": parameters.sigma,
            "nu": parameters.nu,
            "sigma_beta": parameters.sigma_beta,
        }

    def _mean(self, parameters: RobustParameters, transformed: Transformed) -> Array:
        """(G, T) mu."""
        beta_gm = parameters.media.effect + parameters.media.z
        return self.linear.mean(parameters.coefficients) + self.media.total(beta_gm, transformed)

    def _roi(self, parameters: RobustParameters) -> Array:
        """(N,) return of the paid channels.

        A channel's contribution is its term of mu times the logarithmic mean of exp(mu) and exp(mu without
        media and controls), so that contributions add up to the difference of the two.
        """
        transformed = self.media.transform(parameters.media)
        base = self.linear.baseline(parameters.coefficients)
        log_lift = self._mean(parameters, transformed) - base
        small = jnp.abs(log_lift) < 1e-6
        safe = jnp.where(small, 1.0, log_lift)
        relative = jnp.where(small, 1.0 + log_lift / 2, jnp.expm1(safe) / safe)
        weight = jnp.exp(base + self.kpi_mean) * relative * self.outcome_per_kpi
        outcome = self.media.weighted(transformed, weight)
        paid = slice(0, self.media.spend.shape[0])
        return (parameters.media.effect * outcome.sum(axis=0))[paid] / self.media.spend


def robust_likelihood(data: ModelData, spec: ModelSpec, scaling: Scaling) -> RobustLikelihood:
    """Precompute every constant of the likelihood.

    Raises:
        SpecificationError: a paid channel without spend, or a linear coefficient without a normal prior.
    """
    coefficient: PriorType = "coefficient"
    direct = dataclasses.replace(spec, prior_types=(coefficient,) * len(data.channels), media_effects="normal")
    log_kpi = np.where(data.observed, scaling.scale_kpi(data.kpi), 0.0)
    return RobustLikelihood(
        media=media_transform(data, direct, scaling),
        linear=_linear(data, spec, scaling, log_kpi),
        log_kpi=log_kpi,
        kpi_mean=np.asarray(scaling.kpi_mean),
        outcome_per_kpi=data.outcome_per_kpi,
    )


def _linear(data: ModelData, spec: ModelSpec, scaling: Scaling, log_kpi: FloatArray) -> RobustLinear:
    shape = data.kpi.shape
    baseline_geo = int(np.argmax(data.population))
    intercepts = np.delete(np.eye(len(data.geos)), baseline_geo, axis=0)
    knots = knot_weights(spec.knots, shape[1]).T
    controls = scaling.scale_controls(data.control_values).transpose(2, 0, 1)
    design = np.concatenate(
        [
            np.broadcast_to(intercepts[:, :, None], (len(intercepts), *shape)),
            np.broadcast_to(knots[:, None, :], (len(knots), *shape)),
            controls,
        ]
    )
    counts = [len(intercepts), len(knots), len(controls)]
    priors = [normal_prior(name, getattr(spec, name)) for name in ("tau", "knot_values", "gamma")]
    mean, sd = (np.repeat([prior[i] for prior in priors], counts) for i in (0, 1))
    center, root = _whitening(design[:, data.observed], log_kpi[data.observed], mean, sd)
    treatments = np.array([role == "non_media_treatment" for role in data.control_roles], dtype=bool)
    smallest = controls[:, data.present].min(axis=1)
    return RobustLinear(
        design=design,
        prior_mean=mean,
        prior_sd=sd,
        center=center,
        root=root,
        reference=np.where(treatments, smallest, 0.0),
        baseline_geo=baseline_geo,
        n_knots=len(knots),
        n_controls=len(controls),
    )


def _whitening(
    design: FloatArray, kpi: FloatArray, mean: FloatArray, sd: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean and root of the covariance of the coefficients in a normal regression, its noise guessed."""
    noise = kpi.std()
    for _ in range(_NOISE_ROUNDS):
        precision = design @ design.T / noise**2 + np.diag(sd**-2)
        center = np.linalg.solve(precision, design @ kpi / noise**2 + mean / sd**2)
        noise = (kpi - center @ design).std()
    return center, np.linalg.inv(np.linalg.cholesky(precision)).T
