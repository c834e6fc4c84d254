"""Every sampled quantity of a posterior with a label, as one array."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import incremental_kpi
from mmm_core.model.posterior import Posterior, parameter_dims
from mmm_core.model.priors import Prior

INTERPRETED = frozenset(
    {
        "alpha_m",
        "ec_m",
        "slope_m",
        "theta_m",
        "roi_m",
        "beta_m",
        "eta_m",
        "sigma",
        "nu",
        "sigma_beta",
        "contribution_m",
    }
)
"""What is read off a fit; the rest (single knots, geo effects, intercepts, control effects) is nuisance."""
_CHANNEL_PRIORS = {"alpha_m": "alpha", "ec_m": "ec", "slope_m": "slope", "theta_m": "lag_shape"}
_COMMON_PRIORS = {
    "eta_m": "eta",
    "xi_c": "xi",
    "knot_values": "knot_values",
    "tau_g": "tau",
    "gamma_c": "gamma",
    "sigma": "sigma",
    "nu": "nu",
    "sigma_beta": "sigma_beta",
}
_ROUND_OFF = 1e-9
"""Relative spread below which an effect that its prior fixes counts as constant."""


def labelled_draws(posterior: Posterior) -> tuple[list[str], list[bool], FloatArray]:
    """Labels, whether each is interpreted, and (chain, draw, quantity) draws.

    Left out is what the specification fixes: deterministic priors and effects that follow from them, the
    intercept of the baseline geo, the geo spread of a model whose effects do not differ by geo; a pooled
    sigma is there once.
    """
    labels, interpreted, columns = [], [], []
    for name, index, draws in _quantities(posterior):
        labels.append(f"{name}[{', '.join(index)}]" if index else name)
        interpreted.append(name in INTERPRETED)
        columns.append(draws)
    return labels, interpreted, np.stack(columns, axis=-1)


def _quantities(posterior: Posterior) -> Iterator[tuple[str, tuple[str, ...], FloatArray]]:
    """Name, labels of the index, and (chain, draw) draws of each quantity."""
    for name, dims in parameter_dims(posterior.spec).items():
        if name == "sigma" and not posterior.spec.unique_sigma_for_each_geo:
            if posterior.spec.sigma.family != "deterministic":
                yield name, (), posterior.samples[name].transpose("chain", "draw", "geo").values[:, :, 0]
            continue
        array = posterior.samples[name].transpose("chain", "draw", *dims)
        labels = [tuple(str(label) for label in array[dim].values) for dim in dims]
        fixed = _fixed(posterior, name, array.values)
        for position in np.ndindex(*array.shape[2:]):
            if not fixed[position]:
                index = tuple(labels[axis][i] for axis, i in enumerate(position))
                yield name, index, array.values[(slice(None), slice(None), *position)]
    shape = (posterior.samples.sizes["chain"], posterior.samples.sizes["draw"])
    totals = incremental_kpi(posterior).sum(axis=1).reshape(*shape, -1)
    fixed = _fixed_effects(posterior, totals)
    for m, channel in enumerate(posterior.data.channels):
        if not fixed[m]:
            yield "contribution_m", (channel,), totals[:, :, m]


def _fixed(posterior: Posterior, name: str, draws: FloatArray) -> NDArray[np.bool_]:
    """Which elements of a parameter the specification fixes to one value, given its (chain, draw, ...) draws."""
    data, spec = posterior.data, posterior.spec
    fixed = np.zeros(draws.shape[2:], dtype=bool)
    if name in _CHANNEL_PRIORS:
        priors: tuple[Prior, ...] = getattr(spec, _CHANNEL_PRIORS[name])
        fixed[:] = [prior.family == "deterministic" for prior in priors]
    elif name in {"roi_m", "beta_m"}:
        fixed = _fixed_effects(posterior, draws)
    elif name in _COMMON_PRIORS:
        common: Prior = getattr(spec, _COMMON_PRIORS[name])
        same_everywhere = data.is_national or spec.family == "robust_log"
        fixed[...] = common.family == "deterministic" or (name in {"eta_m", "xi_c"} and same_everywhere)
        if name == "tau_g":
            fixed[:] |= data.is_national
            fixed[np.argmax(data.population)] = True
    return fixed


def _fixed_effects(posterior: Posterior, draws: FloatArray) -> NDArray[np.bool_]:
    """Which of the (chain, draw, channel) effects a deterministic prior fixes, directly or by what follows."""
    spec = posterior.spec
    given = np.array([prior.family == "deterministic" for prior in spec.effect[: draws.shape[2]]], dtype=bool)
    if spec.family == "robust_log":
        given[:] = False
    constant = np.ptp(draws, axis=(0, 1)) <= _ROUND_OFF * np.abs(draws).max(axis=(0, 1))
    return np.asarray(given & constant)
