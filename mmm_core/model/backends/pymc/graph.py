"""The PyMC model: priors as PyMC variables, the collapsed likelihood as a potential."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import Transform
from pytensor import wrap_jax

from mmm_core.config.prior_families import Family
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.likelihood import Likelihood, collapsed_likelihood
from mmm_core.model.backends.pymc.robust import robust_likelihood
from mmm_core.model.backends.pymc.transforms import ExponentialScore, TruncatedNormalScore, UniformScore
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec, PriorType

_ZERO = Prior("deterministic", (0.0,))
_START_OF_SPREADS = 0.3
"""Where noise and spreads over geos start at most; their priors reach far above 1 sd of the KPI."""
_DISTRIBUTIONS: dict[Family, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "uniform": (pm.Uniform, ("lower", "upper")),
    "beta": (pm.Beta, ("alpha", "beta")),
    "normal": (pm.Normal, ("mu", "sigma")),
    "half_normal": (pm.HalfNormal, ("sigma",)),
    "log_normal": (pm.LogNormal, ("mu", "sigma")),
    "truncated_normal": (pm.TruncatedNormal, ("mu", "sigma", "lower", "upper")),
    "exponential": (pm.Exponential, ("lam",)),
    "gamma": (pm.Gamma, ("alpha", "beta")),
}
"""PyMC's distribution and its names of our parameters, in our order."""


_EFFECT_NAMES: dict[PriorType, str] = {
    "roi": "roi_m",
    "mroi": "mroi_m",
    "contribution": "contribution_m",
    "coefficient": "beta_m",
}


@dataclass(frozen=True)
class Graph:
    """A PyMC model and the pieces of it that sampling needs."""

    model: pm.Model
    """Free variables `alpha_m`, `ec_m`, `slope_m`, `theta_m`, `roi_m` (or `mroi_m`, `contribution_m`, `beta_m`, as
    the prior types say), `eta_m`, `sigma`, `xi_c`, those that are not constant, `x_gm` (coordinates of z, see
    `centring`), and the potential `likelihood`.  A channel parameter whose priors are of several
    families is one variable per family, such as `alpha_m_beta`.  For `robust_log` see `robust`."""
    likelihood: Likelihood
    coordinates: tuple[Any, ...]
    """Symbolic arguments of the likelihood; see `CollapsedLikelihood`."""


def build_graph(data: ModelData, spec: ModelSpec, scaling: Scaling) -> Graph:
    """Declare the model.

    Raises:
        SpecificationError: a paid channel without spend, or a linear coefficient without a normal prior.
    """
    with pm.Model() as model:
        if spec.family == "robust_log":
            likelihood, coordinates = _robust(data, spec, scaling)
        else:
            likelihood, coordinates = _collapsed(data, spec, scaling)

        def log_density(*values: Any) -> Any:
            return likelihood.log_density(values)

        pm.Potential("likelihood", wrap_jax(log_density)(*coordinates))
    return Graph(model, likelihood, coordinates)


def _collapsed(data: ModelData, spec: ModelSpec, scaling: Scaling) -> tuple[Likelihood, tuple[Any, ...]]:
    """Likelihood and its coordinates, as variables of the model in context."""
    n_geos, n_channels, n_controls = len(data.geos), len(data.channels), len(data.controls)
    eta, xi = (_ZERO, _ZERO) if data.is_national else (spec.eta, spec.xi)
    # Sigma is known far better than its prior tells, so its logarithm is the better scale.
    sigma = variable("sigma", spec.sigma, (n_geos,) if spec.unique_sigma_for_each_geo else (), normal_score=False)
    coordinates = (
        *curve_variables(spec),
        _effect_variable(spec),
        variable("eta_m", eta, (n_channels,)),
        pt.zeros((1, n_channels)) if data.is_national else pm.Flat("x_gm", shape=(n_geos, n_channels)),
        pt.broadcast_to(sigma, (n_geos,)),
        variable("xi_c", xi, (n_controls,)),
    )
    return collapsed_likelihood(data, spec, scaling), coordinates


def _robust(data: ModelData, spec: ModelSpec, scaling: Scaling) -> tuple[Likelihood, tuple[Any, ...]]:
    """The same for `robust_log`."""
    likelihood = robust_likelihood(data, spec, scaling)
    n_geos = len(data.geos)
    sigma_shape = (n_geos,) if spec.unique_sigma_for_each_geo else ()
    sigma = variable("sigma", spec.sigma, sigma_shape, normal_score=False)
    coordinates = (
        *curve_variables(spec),
        variable("sigma_beta", spec.sigma_beta, ()),
        variable("relative_beta_m", Prior("half_normal", (1.0,)), (len(data.channels),)),
        pm.Flat("x_linear", shape=(likelihood.linear.n_coefficients,)),
        pt.broadcast_to(sigma, (n_geos,)),
        variable("nu", spec.nu, ()),
    )
    return likelihood, coordinates


def curve_variables(spec: ModelSpec) -> tuple[Any, Any, Any, Any]:
    """alpha, ec, slope, theta."""
    return (
        _channel_variable("alpha_m", spec.alpha),
        _channel_variable("ec_m", spec.ec),
        _channel_variable("slope_m", spec.slope),
        _channel_variable("theta_m", spec.lag_shape),
    )


def _effect_variable(spec: ModelSpec) -> Any:
    """(M,) what the priors of the channels are on; channels of one prior type share a variable."""
    positions = defaultdict(list)
    for position, prior_type in enumerate(spec.prior_types):
        positions[prior_type].append(position)
    assembled = pt.zeros(len(spec.effect))
    for prior_type, where in positions.items():
        part = _channel_variable(_EFFECT_NAMES[prior_type], [spec.effect[position] for position in where])
        assembled = part if len(positions) == 1 else assembled[where].set(part)
    return assembled


def variable(name: str, prior: Prior, shape: tuple[int, ...], normal_score: bool = True) -> Any:
    """A random variable of independent entries with one prior, or a constant."""
    values = np.broadcast_to(prior.parameters, (*shape, len(prior.parameters)))
    return _declare(name, prior.family, values, normal_score)


def _channel_variable(name: str, priors: Sequence[Prior]) -> Any:
    """(M,) variable with a prior per channel; channels of one prior family share a random variable."""
    positions = defaultdict(list)
    for position, prior in enumerate(priors):
        positions[prior.family].append(position)
    alone = len(positions) == 1
    assembled = pt.zeros(len(priors))
    for family, where in positions.items():
        values = np.array([priors[position].parameters for position in where])
        part = _declare(name if alone else f"{name}_{family}", family, values)
        assembled = part if alone else assembled[where].set(part)
    return assembled


def _declare(name: str, family: Family, values: FloatArray, normal_score: bool = True) -> Any:
    """Entries of one prior family; `values` is (..., number of the family's parameters)."""
    columns = np.moveaxis(np.asarray(values, dtype=np.float64), -1, 0)
    if family == "deterministic" or columns[0].size == 0:
        return pt.constant(columns[0])
    if family == "shifted_log_normal":
        above = _declare(f"{name}_above_shift", "log_normal", values[..., :2], normal_score)
        return pm.Deterministic(name, above + columns[2])
    distribution, names = _DISTRIBUTIONS[family]
    transform = _normal_score(family, columns) if normal_score else None
    named = dict(zip(names, columns, strict=True))
    extra = {} if transform is None else {"default_transform": transform}
    return distribution(name, **named, shape=columns[0].shape, initval=_start(family, columns), **extra)


def _normal_score(family: Family, columns: FloatArray) -> Transform | None:
    """The transform to a standard normal; None where PyMC's own does that or comes near."""
    if family == "uniform":
        return UniformScore(*columns)
    if family == "truncated_normal":
        return TruncatedNormalScore(*columns)
    if family == "exponential":
        return ExponentialScore(*columns)
    if family == "half_normal":
        (sd,) = columns
        return TruncatedNormalScore(np.zeros_like(sd), sd, np.zeros_like(sd), np.full_like(sd, np.inf))
    return None


def _start(family: Family, columns: FloatArray) -> FloatArray:
    """Prior medians, but small spreads; a start in reach of the data saves adaptation steps."""
    medians = np.array(
        [Prior(family, tuple(entry)).frozen_scipy().median() for entry in columns.reshape(len(columns), -1).T]
    )
    if family == "half_normal":
        medians = np.minimum(medians, _START_OF_SPREADS)
    return medians.reshape(columns.shape[1:])
