"""Every parameter drawn from its prior, in the form of a posterior: what is believed before the KPI is seen."""

import dataclasses

import numpy as np
import xarray as xr

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import incremental_outcome, scaled_channel_outcome
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import FitInfo, Posterior, parameter_dims
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling


def prior_draws(template: ModelData, spec: ModelSpec, scaling: Scaling, n: int, seed: int) -> Posterior:
    """Every parameter drawn from the prior, as a "posterior" of one chain with n draws.

    Args:
        template: gives media, spend, controls and what else is not simulated; of its KPI only the total counts,
            where a prior is on the share of it.
        spec: the model.
        scaling: of the template.
        n: draws.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    geos, channels, controls = len(template.geos), len(template.channels), len(template.controls)
    robust = spec.family == "robust_log"
    spread = 0.0 if template.is_national or robust else 1.0

    def by_channel(priors: tuple[Prior, ...]) -> FloatArray:
        return np.stack([prior.sample(rng, n) for prior in priors], axis=1)

    alpha, theta, ec, slope = (by_channel(p) for p in (spec.alpha, spec.lag_shape, spec.ec, spec.slope))
    eta = spread * spec.eta.sample(rng, (n, channels))
    xi = spread * spec.xi.sample(rng, (n, controls))
    gamma = spec.gamma.sample(rng, (n, controls))
    varies = (np.arange(geos) != np.argmax(template.population)) * (0.0 if template.is_national else 1.0)
    sigma = spec.sigma.sample(rng, (n, geos if spec.unique_sigma_for_each_geo else 1))
    values = {
        "alpha_m": alpha,
        "theta_m": theta,
        "ec_m": ec,
        "slope_m": slope,
        "eta_m": eta,
        "tau_g": varies * spec.tau.sample(rng, (n, geos)),
        "knot_values": spec.knot_values.sample(rng, (n, len(spec.knots))),
        "gamma_c": gamma,
        "xi_c": xi,
        "gamma_gc": gamma[:, None, :] + xi[:, None, :] * rng.standard_normal((n, geos, controls)),
        "sigma": np.broadcast_to(sigma, (n, geos)),
        "beta_m": np.zeros((n, channels)),
        "beta_gm": np.ones((n, geos, channels)),
        "roi_m": np.zeros((n, len(template.paid_channels))),
    }
    if robust:
        return _with_robust_effects(values, template, spec, scaling, rng, n)
    unit = _as_posterior(values, template, spec, scaling)
    shift = eta[:, None, :] * rng.standard_normal((n, geos, channels))
    effects = _effects(unit, by_channel(spec.effect), shift)
    return _as_posterior(values | effects, template, spec, scaling)


def _effects(unit: Posterior, effect: FloatArray, shift: FloatArray) -> dict[str, FloatArray]:
    """beta_m, beta_gm and roi_m that give what the priors are on.

    Args:
        unit: the prior draws with every `beta_gm` 1.
        effect: (n, M) ROI, mROI, share of the outcome or `beta_m`.
        shift: (n, G, M) deviation of each geo.
    """
    data, spec = unit.data, unit.spec
    log_scale = spec.media_effects == "log_normal"
    spend = data.spend.sum(axis=(0, 1))
    total = float(np.nansum(data.kpi * data.outcome_per_kpi))
    beta_m, beta_gm, roi = effect.copy(), np.empty_like(shift), []
    for m, prior_type in enumerate(spec.prior_types):
        usual, more = scaled_channel_outcome(unit, m, (1.0, 1.01))
        outcome = more - usual if prior_type == "mroi" else usual
        money = {"roi": spend[m], "mroi": 0.01 * spend[m], "contribution": total, "coefficient": 1.0}[prior_type]
        target = effect[:, m] * money
        if prior_type != "coefficient" and log_scale:
            beta_m[:, m] = np.log(target / (np.exp(shift[:, :, m]) * outcome).sum(axis=1))
        elif prior_type != "coefficient":
            beta_m[:, m] = (target - (shift[:, :, m] * outcome).sum(axis=1)) / outcome.sum(axis=1)
        beta_gm[:, :, m] = beta_m[:, m, None] + shift[:, :, m]
        if log_scale:
            beta_gm[:, :, m] = np.exp(beta_gm[:, :, m])
        if m < len(data.paid_channels):
            roi.append((beta_gm[:, :, m] * usual).sum(axis=1) / spend[m])
    return {"beta_m": beta_m, "beta_gm": beta_gm, "roi_m": np.stack(roi, axis=1)}


def _with_robust_effects(
    values: dict[str, FloatArray],
    template: ModelData,
    spec: ModelSpec,
    scaling: Scaling,
    rng: np.random.Generator,
    n: int,
) -> Posterior:
    """The family `robust_log`: half-normal effects of a common scale, the same in every geo."""
    geos, channels = len(template.geos), len(template.channels)
    sigma_beta = spec.sigma_beta.sample(rng, n)
    beta = sigma_beta[:, None] * np.abs(rng.standard_normal((n, channels)))
    values = values | {
        "beta_m": beta,
        "beta_gm": np.repeat(beta[:, None, :], geos, axis=1),
        "sigma_beta": sigma_beta,
        "nu": spec.nu.sample(rng, n),
    }
    drawn = _as_posterior(values, template, spec, scaling)
    paid = len(template.paid_channels)
    roi = incremental_outcome(drawn).sum(axis=1)[:, :paid] / template.spend.sum(axis=(0, 1))[:paid]
    samples = drawn.samples.assign(roi_m=(("chain", "draw", "paid_channel"), roi[None]))
    return dataclasses.replace(drawn, samples=samples)


def _as_posterior(values: dict[str, FloatArray], data: ModelData, spec: ModelSpec, scaling: Scaling) -> Posterior:
    """(n, ...) values as one chain."""
    dims = parameter_dims(spec)
    samples = xr.Dataset(
        {name: (("chain", "draw", *dims[name]), value[None].copy()) for name, value in values.items()}
    )
    n = len(values["alpha_m"])
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((1, n), dtype=bool))})
    info = FitInfo("prior", "", 0.0, None, 1, n, 0, 0, 0)
    return Posterior(samples, stats, data, spec, scaling, info)
