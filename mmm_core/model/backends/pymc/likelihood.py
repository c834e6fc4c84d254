"""The collapsed log likelihood: media parameters, sigma and xi in, one number out."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Protocol, Self

import jax
import jax.numpy as jnp
import numpy as np

from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.pymc.blocks import media_transform
from mmm_core.model.backends.pymc.centring import place
from mmm_core.model.backends.pymc.lift import LiftPart, lift_part
from mmm_core.model.backends.pymc.linear import LinearPart, linear_part
from mmm_core.model.backends.pymc.media import Array, MediaParameters, MediaTransform, Transformed
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec


class Likelihood(Protocol):
    """What the sampler needs to know of a model besides its PyMC priors.

    A JAX pytree: what depends on the data are leaves, so that a program compiled for one data set serves
    another of the same shape.  `coordinates` are `Graph.coordinates`, in that order.
    """

    @property
    def values_per_draw(self) -> int:
        """Floats that one draw needs while it is completed."""
        ...

    def in_single_precision(self) -> Self:
        """The same with the media part in float32."""
        ...

    def log_density(self, coordinates: tuple[Array, ...]) -> Array:
        """Scalar log likelihood, plus the log prior of coordinates that the PyMC model declares flat."""
        ...

    def complete(self, key: Array, coordinates: tuple[Array, ...]) -> dict[str, Array]:
        """Every parameter of `parameter_dims(spec)` for one draw, without the dims chain and draw."""
        ...


class Parameters(NamedTuple):
    """One draw of everything that is not integrated out."""

    media: MediaParameters
    sigma: Array
    """(G,) noise on the model's scale."""
    xi: Array
    """(K,) spread of control effects over geos."""


@partial(jax.tree_util.register_dataclass, data_fields=["media", "linear", "lift"], meta_fields=[])
@dataclass(frozen=True)
class CollapsedLikelihood:
    """Likelihood of the KPI given `Parameters`, everything linear integrated out.

    Its coordinates are alpha, ec, slope, theta, effect, eta, x, sigma, xi, in the shapes of `Parameters`; x
    stands in z's place (see `centring`).
    """

    media: MediaTransform
    linear: LinearPart
    lift: LiftPart | None = None
    """Terms of lift tests, if there are any."""

    @property
    def values_per_draw(self) -> int:
        """Floats that one draw needs while it is completed."""
        return self.media.values_per_draw

    def in_single_precision(self) -> "CollapsedLikelihood":
        """The same with the media part in float32."""
        return replace(self, media=self.media.in_single_precision())

    def log_density(self, coordinates: tuple[Array, ...]) -> Array:
        """Scalar log density of the scaled KPI and of what lift tests measured, plus that of x."""
        placed = as_parameters(coordinates)
        transformed = self.media.transform(placed.media)
        parameters, log_prior = self._place(placed, transformed)
        return self._log_likelihood(parameters, transformed) + log_prior

    def complete(self, key: Array, coordinates: tuple[Array, ...]) -> dict[str, Array]:
        """See `Likelihood.complete`; the linear coefficients are drawn from their exact conditional."""
        placed = as_parameters(coordinates)
        transformed = self.media.transform(placed.media)
        return self._complete(key, self._place(placed, transformed)[0], transformed)

    def log_likelihood(self, parameters: Parameters) -> Array:
        """The same given the parameters themselves, without that of x."""
        return self._log_likelihood(parameters, self.media.transform(parameters.media))

    def completed(self, key: Array, parameters: Parameters) -> dict[str, Array]:
        """`complete` from the parameters themselves."""
        return self._complete(key, parameters, self.media.transform(parameters.media))

    def from_coordinates(self, coordinates: tuple[Array, ...]) -> Parameters:
        """The parameters that the coordinates of NUTS stand for."""
        placed = as_parameters(coordinates)
        return self._place(placed, self.media.transform(placed.media))[0]

    def _log_likelihood(self, parameters: Parameters, transformed: Transformed) -> Array:
        effect = self.media.effect(parameters.media, transformed)
        log_marginal = self.linear.log_marginal(effect.total, parameters.sigma, parameters.xi)
        if self.lift is None:
            return log_marginal
        return log_marginal + self.lift.log_density(parameters.media, effect.beta_gm)

    def _complete(self, key: Array, parameters: Parameters, transformed: Transformed) -> dict[str, Array]:
        media = parameters.media
        effect = self.media.effect(media, transformed)
        linear = self.linear.draw(key, effect.total, parameters.sigma, parameters.xi)
        return {
            "alpha_m": media.alpha,
            "ec_m": media.ec,
            "slope_m": media.slope,
            "theta_m": media.theta,
            "roi_m": self.media.roi(effect.beta_gm, transformed),
            "beta_m": effect.beta_m,
            "eta_m": media.eta,
            "beta_gm": effect.beta_gm,
            **linear._asdict(),
            "xi_c": parameters.xi,
            "sigma": parameters.sigma,
        }

    def _place(self, placed: Parameters, transformed: Transformed) -> tuple[Parameters, Array]:
        """x -> z, and the log density of x; in a national model z is 0 and no variable."""
        media = placed.media
        if media.z.shape[0] == 1:
            return placed, jnp.zeros(())
        information = self.media.information(media, placed.sigma, transformed)
        z, log_jacobian = place(media.z, media.eta, information)
        log_prior = -0.5 * ((z**2).sum() + z.size * np.log(2 * np.pi)) + log_jacobian
        return placed._replace(media=media._replace(z=z)), log_prior


def as_parameters(values: tuple[Array, ...]) -> Parameters:
    """alpha, ec, slope, theta, effect, eta, z (or x), sigma, xi -> `Parameters`."""
    *media, sigma, xi = values
    return Parameters(MediaParameters(*media), sigma, xi)


def collapsed_likelihood(data: ModelData, spec: ModelSpec, scaling: Scaling) -> CollapsedLikelihood:
    """Precompute every constant of the likelihood.

    Raises:
        SpecificationError: a paid channel without spend, a linear coefficient without a normal prior, or a lift
            test with cells that the data lack.
    """
    media = media_transform(data, spec, scaling)
    return CollapsedLikelihood(media, linear_part(data, spec, scaling), lift_part(data, spec, scaling, media))
