"""Every sampled quantity of a posterior with a label, as one array."""

from collections.abc import Iterator

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import incremental_kpi
from mmm_core.model.posterior import PARAMETER_DIMS, Posterior
from mmm_core.model.priors import Prior

INTERPRETED = frozenset({"alpha_m", "ec_m", "slope_m", "roi_m", "beta_m", "eta_m", "sigma", "contribution_m"})
"""What is read off a fit; the rest (single knots, geo effects, intercepts, control effects) is nuisance."""
_CHANNEL_PRIORS = {"alpha_m": "alpha", "ec_m": "ec", "slope_m": "slope", "roi_m": "roi"}


def labelled_draws(posterior: Posterior) -> tuple[list[str], list[bool], FloatArray]:
    """Labels, whether each is interpreted, and (chain, draw, quantity) draws.

    Left out is what the specification fixes: deterministic priors, the intercept of the baseline geo,
    the geo spread of a national model; a pooled sigma is there once.
    """
    labels, interpreted, columns = [], [], []
    for name, index, draws in _quantities(posterior):
        labels.append(f"{name}[{', '.join(index)}]" if index else name)
        interpreted.append(name in INTERPRETED)
        columns.append(draws)
    return labels, interpreted, np.stack(columns, axis=-1)


def _quantities(posterior: Posterior) -> Iterator[tuple[str, tuple[str, ...], FloatArray]]:
    """Name, labels of the index, and (chain, draw) draws of each quantity."""
    for name, dims in PARAMETER_DIMS.items():
        if name == "sigma" and not posterior.spec.unique_sigma_for_each_geo:
            yield name, (), posterior.samples[name].transpose("chain", "draw", "geo").values[:, :, 0]
            continue
        array = posterior.samples[name].transpose("chain", "draw", *dims)
        labels = [tuple(str(label) for label in array[dim].values) for dim in dims]
        fixed = _fixed(posterior, name, array.shape[2:])
        for position in np.ndindex(*array.shape[2:]):
            if not fixed[position]:
                index = tuple(labels[axis][i] for axis, i in enumerate(position))
                yield name, index, array.values[(slice(None), slice(None), *position)]
    shape = (posterior.samples.sizes["chain"], posterior.samples.sizes["draw"])
    totals = incremental_kpi(posterior).sum(axis=1).reshape(*shape, -1)
    for m, channel in enumerate(posterior.data.channels):
        yield "contribution_m", (channel,), totals[:, :, m]


def _fixed(posterior: Posterior, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Which elements of a parameter the specification fixes to one value."""
    data, spec = posterior.data, posterior.spec
    fixed = np.zeros(shape, dtype=bool)
    if name in _CHANNEL_PRIORS:
        priors: tuple[Prior, ...] = getattr(spec, _CHANNEL_PRIORS[name])
        fixed[:] = [prior.family == "deterministic" for prior in priors]
    elif name in {"eta_m", "xi_c"}:
        fixed[:] = data.is_national
    elif name == "tau_g":
        fixed[:] = data.is_national
        fixed[np.argmax(data.population)] = True
    return fixed
