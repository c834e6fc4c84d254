"""Choice of the knots by the evidence of a linear model that is as close to the real one as a linear one can be.

    y[g, t] = tau_g + trend[t] + Σ_k gamma_k z[g, t, k] + Σ_m b_m x[g, t, m] + Normal(0, sigma)

over the observed cells, with the specification's own priors of `tau`, the knots and `gamma`; `x` is media
after carry-over and saturation at the medians of their priors, and `b_m ~ Normal(0, 1)`.  Everything but
sigma is integrated out exactly; sigma takes its best value on a grid.  G geos, T weeks, F columns of controls
and media, J knots.

Only sums over weeks and geos enter: the Gram matrix of the trend, controls and media is dense, that of the
intercepts diagonal, so a large panel costs little more than a small one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.knot_weights import knot_weights
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.prior_media import media_at_prior_medians
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling, fit_scaling

_SIGMA_GRID = np.geomspace(0.02, 2.0, 32)
"""Noise in sd of the scaled KPI over observed cells."""
_MEDIA_VARIANCE = 1.0


@dataclass(frozen=True)
class FixedPart:
    """Everything but the trend."""

    design: FloatArray
    """(G, T, F) controls and media; 0 where the KPI is not observed."""
    prior_mean: FloatArray
    """(F,)"""
    prior_variance: FloatArray
    """(F,)"""
    intercept_mean: FloatArray
    """(G,) of the geo's intercept; 0 for the baseline geo."""
    intercept_variance: FloatArray
    """(G,) likewise."""
    residual: FloatArray
    """(G, T) scaled KPI; 0 where it is not observed."""
    observed: FloatArray
    """(G, T) 1 where the KPI is observed, else 0."""


@dataclass(frozen=True)
class _Sums:
    """Sums of products over the N observed cells; columns are J knots, then F others."""

    gram: FloatArray
    """(J + F, J + F) columns' columns."""
    score: FloatArray
    """(J + F,) columns' target."""
    by_geo: FloatArray
    """(G, J + F) columns summed per geo."""
    target_by_geo: FloatArray
    """(G,)"""
    n_by_geo: FloatArray
    """(G,)"""
    total: float
    """target' target"""


def best_knots(data: ModelData, spec: ModelSpec, candidates: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The candidate with the largest evidence; of equal ones the first.

    Args:
        data: what is fitted to.
        spec: the model, whose own knots do not matter.
        candidates: week indices of each candidate.

    Raises:
        SpecificationError: data that cannot be scaled.
    """
    fixed = fixed_part(data, spec, fit_scaling(data, spec.media_scaling, spec.family))
    evidences = log_evidences(fixed, spec.knot_values, candidates)
    return candidates[int(np.argmax(evidences))]


def fixed_part(data: ModelData, spec: ModelSpec, scaling: Scaling) -> FixedPart:
    """Design, priors and target of the linear model."""
    seen = data.observed & data.present
    observed = seen.astype(np.float64)
    scaled = np.where(seen, scaling.scale_kpi(np.where(seen, data.kpi, 0.0)), 0.0)
    controls = scaling.scale_controls(data.control_values)
    media = media_at_prior_medians(data, spec, scaling)
    (tau_mean, tau_sd), (gamma_mean, gamma_sd) = spec.tau.parameters, spec.gamma.parameters
    varies = np.arange(len(data.geos)) != np.argmax(data.population)
    sizes = [len(data.controls), len(data.channels)]
    return FixedPart(
        design=np.concatenate([controls, media], axis=2) * observed[:, :, None],
        prior_mean=np.repeat([gamma_mean, 0.0], sizes),
        prior_variance=np.repeat([gamma_sd**2, _MEDIA_VARIANCE], sizes),
        intercept_mean=varies * tau_mean,
        intercept_variance=varies * tau_sd**2,
        residual=scaled,
        observed=observed,
    )


def log_evidences(
    fixed: FixedPart,
    knot_prior: Prior,
    candidates: Sequence[tuple[int, ...]],
    sigmas: FloatArray | None = None,
) -> FloatArray:
    """Log evidence of each candidate at the best sigma.

    Args:
        fixed: everything but the trend.
        knot_prior: normal prior of the value at each knot.
        candidates: week indices of each candidate.
        sigmas: values of sigma to try; None: a grid in units of the target's root mean square.
    """
    mean, sd = knot_prior.parameters
    expected = mean + fixed.intercept_mean[:, None] + fixed.design @ fixed.prior_mean
    target = fixed.residual - fixed.observed * expected
    if sigmas is None:
        size = float(np.sqrt((target**2).sum() / fixed.observed.sum()))
        sigmas = _SIGMA_GRID * max(size, np.finfo(float).tiny)
    columns = fixed.design.reshape(-1, fixed.design.shape[2])
    others = columns.T @ columns
    evidences = []
    for knots in candidates:
        sums = _sums(fixed, target, others, knot_weights(knots, target.shape[1]))
        variance = np.concatenate([np.full(len(knots), sd**2), fixed.prior_variance])
        evidences.append(max(_log_evidence(sums, variance, fixed.intercept_variance, sigma) for sigma in sigmas))
    return np.array(evidences)


def _sums(fixed: FixedPart, target: FloatArray, others: FloatArray, trend: FloatArray) -> _Sums:
    """Sums of a (T, J) trend's weights and everything else; `others` is the (F, F) Gram matrix of the rest."""
    by_week = fixed.design.sum(axis=0)
    trend_gram = (trend * fixed.observed.sum(axis=0)[:, None]).T @ trend
    return _Sums(
        gram=np.block([[trend_gram, trend.T @ by_week], [by_week.T @ trend, others]]),
        score=np.concatenate([trend.T @ target.sum(axis=0), np.einsum("gtf,gt->f", fixed.design, target)]),
        by_geo=np.concatenate([fixed.observed @ trend, fixed.design.sum(axis=1)], axis=1),
        target_by_geo=target.sum(axis=1),
        n_by_geo=fixed.observed.sum(axis=1),
        total=float((target**2).sum()),
    )


def _log_evidence(sums: _Sums, variance: FloatArray, intercept_variance: FloatArray, sigma: float) -> float:
    """Log density of the target: noise of sd sigma, columns and intercepts with independent normal effects.

    Effects are counted in units of their prior sd; intercepts are eliminated first, geo by geo.

    Args:
        sums: of the columns and the target.
        variance: (J + F,) of the columns' effects.
        intercept_variance: (G,)
        sigma: sd of the noise.
    """
    root, intercept_root = np.sqrt(variance), np.sqrt(intercept_variance)
    precision = 1 + intercept_variance * sums.n_by_geo / sigma**2
    cross = intercept_root[:, None] * sums.by_geo * root / sigma**2
    pull = intercept_root * sums.target_by_geo / sigma**2
    inner = np.eye(len(root)) + root[:, None] * sums.gram * root / sigma**2 - (cross.T / precision) @ cross
    factor = np.linalg.cholesky(inner)
    projected = np.linalg.solve(factor, root * sums.score / sigma**2 - cross.T @ (pull / precision))
    log_determinant = np.log(precision).sum() + 2 * np.log(np.diag(factor)).sum()
    log_determinant += sums.n_by_geo.sum() * np.log(2 * np.pi * sigma**2)
    explained = projected @ projected + (pull**2 / precision).sum()
    return float(-0.5 * (log_determinant + sums.total / sigma**2 - explained))
