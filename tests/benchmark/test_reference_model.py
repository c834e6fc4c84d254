"""The reference model against loops over geos, weeks and lags."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mmm_core.benchmark.reference_model import build_reference_model
from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data

MEDIA_VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "free slope, geo_max": {"slope": (Prior("log_normal", (0.3, 0.4)),) * 2, "media_scaling": "geo_max"},
    "binomial, hill first": {"adstock": ("binomial", "geometric"), "hill_before_adstock": True},
    "delayed and weibull": {
        "adstock": ("delayed", "weibull"),
        "lag_shape": (Prior("uniform", (0.0, 4.0)), Prior("gamma", (2.0, 2.0))),
    },
    "logistic and none": {"saturation": ("logistic", "none")},
    "normal effects, coefficient and contribution": {
        "media_effects": "normal",
        "prior_types": ("coefficient", "contribution"),
        "effect": (Prior("normal", (0.3, 0.1)), Prior("beta", (2.0, 8.0))),
    },
    "mroi": {"prior_types": ("mroi", "roi")},
}


def _spec(data: ModelData, changes: dict[str, Any]) -> ModelSpec:
    return dataclasses.replace(build_spec(Config(), data), **changes)


def _gaps(data: ModelData) -> ModelData:
    """Weeks without KPI, and media before the window."""
    kpi = data.kpi.copy()
    kpi[0, 3:5] = np.nan
    rng = np.random.default_rng(3)
    lead = rng.gamma(2.0, 1.0, (len(data.geos), 4, len(data.channels))) * data.population[:, None, None]
    return dataclasses.replace(data, kpi=kpi, lead_media=lead)


def _evaluated(data: ModelData, spec: ModelSpec) -> tuple[dict[str, np.ndarray], float]:
    """Deterministics and effect at a random point, and the log density of the KPI there."""
    model = build_reference_model(data, spec, fit_scaling(data, spec.media_scaling))
    point = model.initial_point(random_seed=1)
    rng = np.random.default_rng(2)
    point = {name: value + rng.normal(0, 0.3, np.shape(value)) for name, value in point.items()}
    names = [variable.name for variable in model.deterministics]
    with model:
        outputs = model.replace_rvs_by_values([*model.deterministics, model.logp(vars=[model["kpi"]])])
        function = model.compile_fn(
            outputs, inputs=model.value_vars, mode="FAST_COMPILE", on_unused_input="ignore"
        )
    *values, log_density = function(point)
    return dict(zip(names, values, strict=True)), float(log_density)


def _weights(kind: str, alpha: float, theta: float, last: int) -> list[float]:
    powers = {
        "geometric": lambda lag: alpha**lag,
        "binomial": lambda lag: (1 - lag / (last + 1)) ** (1 / alpha - 1),
        "delayed": lambda lag: alpha ** ((lag - theta) ** 2),
        "weibull": lambda lag: alpha ** (lag**theta),
    }
    raw = [powers[kind](lag) for lag in range(last + 1)]
    return [value / sum(raw) for value in raw]


def _saturated(kind: str, x: float, ec: float, slope: float) -> float:
    if kind == "none":
        return x
    if kind == "logistic":
        return float((1 - np.exp(-np.log(3) / ec * x)) / (1 + np.exp(-np.log(3) / ec * x)))
    return float(x**slope / (x**slope + ec**slope))


def _response(data: ModelData, spec: ModelSpec, values: dict[str, np.ndarray], factor: float = 1.0) -> np.ndarray:
    """(G, T, M) by loops."""
    scale = fit_scaling(data, spec.media_scaling).media_scale
    n_lead = data.lead_media.shape[1]
    last = min(spec.max_lag_weeks, len(data.dates) + n_lead - 1)
    out = np.zeros(data.media.shape)
    for g, t, m in np.ndindex(*data.media.shape):
        curve = (values["ec_m"][m], values["slope_m"][m])
        weights = _weights(spec.adstock[m], values["alpha_m"][m], values["theta_m"][m], last)
        past = []
        for lag in range(last + 1):
            week = t - lag
            raw = data.media[g, week, m] if week >= 0 else data.lead_media[g, week, m] if -week <= n_lead else 0.0
            past.append(factor * raw / scale[g, m])
        if spec.hill_before_adstock:
            out[g, t, m] = sum(
                w * _saturated(spec.saturation[m], x, *curve) for w, x in zip(weights, past, strict=True)
            )
        else:
            stock = sum(w * x for w, x in zip(weights, past, strict=True))
            out[g, t, m] = _saturated(spec.saturation[m], stock, *curve)
    return out


@pytest.mark.parametrize("variant", MEDIA_VARIANTS)
def test_density_of_the_kpi_equals_loops(variant: str) -> None:
    data = _gaps(tiny_model_data(n_weeks=12))
    spec = _spec(data, MEDIA_VARIANTS[variant])
    values, log_density = _evaluated(data, spec)
    scaling = fit_scaling(data, spec.media_scaling)
    response, controls = _response(data, spec, values), scaling.scale_controls(data.control_values)
    kpi, expected_density = scaling.scale_kpi(data.kpi), 0.0
    for g, t in np.ndindex(*kpi.shape):
        if np.isnan(kpi[g, t]):
            continue
        mean = values["tau_g"][g] + np.interp(t, spec.knots, values["knot_values"])
        mean += sum(values["beta_gm"][g, m] * response[g, t, m] for m in range(2))
        mean += sum(values["gamma_gc"][g, k] * controls[g, t, k] for k in range(len(data.controls)))
        expected_density += stats.norm(mean, values["sigma"][g]).logpdf(kpi[g, t])
    assert log_density == pytest.approx(expected_density, rel=1e-9)


@pytest.mark.parametrize("variant", MEDIA_VARIANTS)
def test_effects_are_what_their_priors_speak_of(variant: str) -> None:
    data = tiny_model_data(n_weeks=12)
    spec = _spec(data, MEDIA_VARIANTS[variant])
    values, _ = _evaluated(data, spec)
    scaling = fit_scaling(data, spec.media_scaling)
    worth = scaling.kpi_sd * data.population[:, None] * data.outcome_per_kpi
    response = _response(data, spec, values)
    spend = data.spend.sum(axis=(0, 1))
    outcome = np.einsum("gm,gtm,gt->m", values["beta_gm"], response, worth)
    assert values["roi_m"] == pytest.approx(outcome / spend)
    for m, kind in enumerate(spec.prior_types):
        if kind == "roi":
            assert values["effect"][m] == pytest.approx(outcome[m] / spend[m])
        elif kind == "mroi":
            more = np.einsum(
                "g,gt,gt->", values["beta_gm"][:, m], _response(data, spec, values, 1.01)[:, :, m], worth
            )
            assert values["effect"][m] == pytest.approx((more - outcome[m]) / (0.01 * spend[m]))
        elif kind == "contribution":
            assert values["effect"][m] == pytest.approx(outcome[m] / (data.kpi * data.outcome_per_kpi).sum())
        else:
            assert values["effect"][m] == pytest.approx(values["beta_m"][m])


def test_a_national_model_has_no_geo_effects() -> None:
    data = tiny_model_data(n_geos=1, n_weeks=14)
    values, _ = _evaluated(data, build_spec(Config(), data))
    assert values["eta_m"].tolist() == [0, 0]
    assert values["xi_c"].tolist() == [0]
    assert values["tau_g"].tolist() == [0]
    assert values["gamma_gc"][0] == pytest.approx(values["gamma_c"])


def test_the_largest_geo_is_the_baseline() -> None:
    data = tiny_model_data(n_weeks=12)
    values, _ = _evaluated(data, build_spec(Config(), data))
    assert (values["tau_g"] == 0).tolist() == (data.population == data.population.max()).tolist()


def test_another_family_is_refused() -> None:
    data = tiny_model_data(n_weeks=12)
    spec = dataclasses.replace(build_spec(Config(), data), family="robust_log")
    with pytest.raises(SpecificationError, match=r"model\.family"):
        build_reference_model(data, spec, fit_scaling(data, "pooled_median"))
