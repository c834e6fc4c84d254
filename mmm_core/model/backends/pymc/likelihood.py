"""The collapsed log likelihood: media parameters, sigma and xi in, one number out."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.pymc.centring import place
from mmm_core.model.backends.pymc.linear import LinearDraw, LinearPart, linear_part
from mmm_core.model.backends.pymc.media import Array, MediaEffect, MediaParameters, MediaTransform, media_transform
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec


class Parameters(NamedTuple):
    """One draw of everything that is not integrated out."""

    media: MediaParameters
    sigma: Array
    """(G,) noise on the model's scale."""
    xi: Array
    """(K,) spread of control effects over geos."""


class Terms(NamedTuple):
    """What the PyMC model adds to its priors."""

    log_likelihood: Array
    log_prior_z: Array
    """Log density of the coordinates that stand for z: standard normal z, times the Jacobian."""


@dataclass(frozen=True)
class CollapsedLikelihood:
    """Likelihood of the KPI given `Parameters`, everything linear integrated out."""

    media: MediaTransform
    linear: LinearPart

    def log_density(self, parameters: Parameters) -> Array:
        """Scalar log density of the scaled KPI."""
        return self._log_density(parameters, self._saturated(parameters.media))

    def complete(self, key: Array, parameters: Parameters) -> tuple[MediaEffect, LinearDraw]:
        """The media effect of a draw, and linear coefficients drawn given it."""
        effect = self.media.effect(parameters.media, self._saturated(parameters.media))
        return effect, self.linear.draw(key, effect.total, parameters.sigma, parameters.xi)

    def terms(self, coordinates: Parameters) -> Terms:
        """Likelihood and prior of z at the coordinates of NUTS (see `centring`), which stand in z's place."""
        saturated = self._saturated(coordinates.media)
        parameters, log_jacobian = self._place(coordinates, saturated)
        z = parameters.media.z
        log_prior = -0.5 * ((z**2).sum() + z.size * np.log(2 * np.pi)) + log_jacobian
        return Terms(self._log_density(parameters, saturated), log_prior)

    def from_coordinates(self, coordinates: Parameters) -> Parameters:
        """The parameters that the coordinates of NUTS stand for."""
        return self._place(coordinates, self._saturated(coordinates.media))[0]

    def _saturated(self, media: MediaParameters) -> Array:
        return self.media.saturation(media.alpha, media.ec, media.slope)

    def _log_density(self, parameters: Parameters, saturated: Array) -> Array:
        effect = self.media.effect(parameters.media, saturated)
        return self.linear.log_marginal(effect.total, parameters.sigma, parameters.xi)

    def _place(self, coordinates: Parameters, saturated: Array) -> tuple[Parameters, Array]:
        media = coordinates.media
        information = self.media.information(media.roi, coordinates.sigma, saturated)
        placed = place(media.z, media.eta, information)
        return coordinates._replace(media=media._replace(z=placed.z)), placed.log_jacobian


def collapsed_likelihood(data: ModelData, spec: ModelSpec, scaling: Scaling) -> CollapsedLikelihood:
    """Precompute every constant of the likelihood.

    Raises:
        SpecificationError: a channel without spend, or a linear coefficient without a normal prior.
    """
    return CollapsedLikelihood(media_transform(data, spec, scaling), linear_part(data, spec, scaling))
