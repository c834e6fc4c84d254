"""Small data and made-up posteriors that many tests need (no sampling involved)."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ChannelKind, ControlRole, ModelData
from mmm_core.model.posterior import FitInfo, Posterior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec


@dataclass(frozen=True)
class Extras:
    """What real panels have beyond complete weeks of paid media and controls."""

    n_reach: int = 0
    """Paid channels `reach_m` with reach and frequency, after the paid `channel_m`."""
    n_organic: int = 0
    """Organic channels `organic_m`, the last ones."""
    n_treatments: int = 0
    """Non-media treatments `treatment_k` after the controls."""
    n_holidays: int = 0
    """Holidays `holiday_k` (0 or 1) after the treatments."""
    n_seasons: int = 0
    """Seasonality terms `season_k`, the last ones."""
    n_lead: int = 0
    """Weeks of media before the first week."""
    n_missing: int = 0
    """Cells without KPI."""
    per_capita: bool = False
    """The first control is divided by population before it is scaled."""
    ragged: bool = False
    """Geo 1 begins a quarter of the weeks later, the last geo ends a fifth of the weeks earlier."""


EVERYTHING = Extras(
    n_reach=1,
    n_organic=1,
    n_treatments=1,
    n_holidays=1,
    n_seasons=2,
    n_lead=4,
    n_missing=5,
    per_capita=True,
    ragged=True,
)


def tiny_model_data(
    n_geos: int = 3,
    n_weeks: int = 30,
    n_channels: int = 2,
    n_controls: int = 1,
    seed: int = 7,
    extras: Extras = Extras(),
) -> ModelData:
    """Random but plausible data, with population and revenue per KPI."""
    rng = np.random.default_rng(seed)
    shape = (n_geos, n_weeks)
    population = rng.uniform(1e5, 1e6, n_geos)
    media = rng.gamma(2.0, 1.0, (*shape, n_channels)) * population[:, None, None]
    media *= rng.random((*shape, n_channels)) > 0.15
    controls = rng.normal(size=(*shape, n_controls))
    kpi = population[:, None] * rng.gamma(20.0, 0.1, shape) + 0.3 * media.sum(axis=2)
    roles: list[ControlRole] = ["control"] * n_controls
    data = ModelData(
        geos=tuple(f"Geo{g}" for g in range(n_geos)) if n_geos > 1 else ("national",),
        dates=np.datetime64("2023-01-02") + 7 * np.arange(n_weeks),
        channels=tuple(f"channel_{m}" for m in range(n_channels)),
        controls=tuple(f"control_{k}" for k in range(n_controls)),
        control_roles=tuple(roles),
        kpi=kpi,
        kpi_type="non_revenue",
        revenue_per_kpi=rng.uniform(0.9, 1.1, shape),
        population=population,
        media=media,
        spend=media * rng.uniform(0.01, 0.02, n_channels),
        control_values=controls,
        currency="USD",
        data_version="tiny",
    )
    return data if extras == Extras() else _with_extras(data, extras, np.random.default_rng(seed + 1))


def _with_extras(data: ModelData, extras: Extras, rng: np.random.Generator) -> ModelData:
    data = _with_gaps(_with_linear_terms(_with_channels(data, extras, rng), extras, rng), extras, rng)
    if not extras.n_lead:
        return data
    lead = (len(data.geos), extras.n_lead, len(data.channels))
    typical = data.media.mean(axis=1, keepdims=True)
    return dataclasses.replace(
        data,
        lead_media=typical * rng.gamma(2.0, 0.5, lead) * data.present[:, :1, None],
        lead_frequency=None if data.frequency is None else np.where(_is_reach(data), rng.uniform(1, 4, lead), 1.0),
    )


def _with_channels(data: ModelData, extras: Extras, rng: np.random.Generator) -> ModelData:
    kinds: list[ChannelKind] = ["reach_frequency"] * extras.n_reach
    kinds += ["organic_media"] * extras.n_organic
    media = rng.gamma(2.0, 0.2, (*data.kpi.shape, len(kinds))) * data.population[:, None, None]
    spend = media * [0.015 * (kind == "reach_frequency") for kind in kinds]
    names = [f"reach_{m}" for m in range(extras.n_reach)] + [f"organic_{m}" for m in range(extras.n_organic)]
    data = dataclasses.replace(
        data,
        channels=(*data.channels, *names),
        channel_kinds=(*data.channel_kinds, *kinds),
        media=np.concatenate([data.media, media], axis=2),
        spend=np.concatenate([data.spend, spend], axis=2),
        lead_media=np.zeros((len(data.geos), 0, len(data.channels) + len(kinds))),
        kpi=data.kpi + 0.2 * media.sum(axis=2),
    )
    frequency = np.where(_is_reach(data), rng.uniform(1.0, 4.0, data.media.shape), 1.0)
    return dataclasses.replace(data, frequency=frequency) if extras.n_reach else data


def _is_reach(data: ModelData) -> np.ndarray:
    return np.array([kind == "reach_frequency" for kind in data.channel_kinds])


def _with_linear_terms(data: ModelData, extras: Extras, rng: np.random.Generator) -> ModelData:
    roles: list[ControlRole] = ["non_media_treatment"] * extras.n_treatments
    roles += ["holiday"] * extras.n_holidays
    roles += ["seasonality"] * extras.n_seasons
    names = [f"treatment_{k}" for k in range(extras.n_treatments)]
    names += [f"holiday_{k}" for k in range(extras.n_holidays)] + [f"season_{k}" for k in range(extras.n_seasons)]
    shape = data.kpi.shape
    treatments = rng.uniform(2.0, 5.0, (*shape, extras.n_treatments))
    holidays = (np.arange(shape[1])[:, None] % (7 + np.arange(extras.n_holidays)) == 3).astype(float)
    season = np.sin(2 * np.pi * np.arange(shape[1])[:, None] / 26 + np.arange(extras.n_seasons))
    shared = np.concatenate([holidays, season], axis=1)
    new = np.concatenate([treatments, np.broadcast_to(shared, (shape[0], *shared.shape))], axis=2)
    values = data.control_values.copy()
    if extras.per_capita:
        values[:, :, 0] *= data.population[:, None]
    return dataclasses.replace(
        data,
        controls=(*data.controls, *names),
        control_roles=(*data.control_roles, *roles),
        control_values=np.concatenate([values, new], axis=2),
        control_per_capita=tuple(extras.per_capita and k == 0 for k in range(len(data.controls) + len(roles))),
    )


def _with_gaps(data: ModelData, extras: Extras, rng: np.random.Generator) -> ModelData:
    present, n_weeks = np.ones(data.kpi.shape, dtype=bool), data.kpi.shape[1]
    if extras.ragged and len(data.geos) > 1:
        present[1, : n_weeks // 4] = False
        present[-1, n_weeks - n_weeks // 5 :] = False
    kpi = np.where(present, data.kpi, np.nan)
    there = np.argwhere(present)
    kpi[tuple(there[rng.choice(len(there), extras.n_missing, replace=False)].T)] = np.nan
    average = data.control_values[present].mean(axis=0)
    return dataclasses.replace(
        data,
        kpi=kpi,
        present=present,
        media=data.media * present[:, :, None],
        spend=data.spend * present[:, :, None],
        control_values=np.where(present[:, :, None], data.control_values, average),
    )


def robust(data: ModelData) -> ModelSpec:
    """The default specification in the robust family."""
    return dataclasses.replace(build_spec(Config(), data), family="robust_log")


def made_up_posterior(
    data: ModelData, n_chains: int = 2, n_draws: int = 50, seed: int = 11, spec: ModelSpec | None = None
) -> Posterior:
    """Plausible draws that no sampler made.  `roi_m` is NOT consistent with `beta_gm`.

    Slopes are 1 unless their prior is not `deterministic`; so are lag shapes 0.
    """
    rng = np.random.default_rng(seed)
    spec = spec or build_spec(Config(), data)
    sizes = {
        "geo": len(data.geos),
        "channel": len(data.channels),
        "paid_channel": len(data.paid_channels),
        "control": len(data.controls),
        "knot": len(spec.knots),
    }

    def draws(dims: tuple[str, ...], low: float, high: float) -> tuple[tuple[str, ...], np.ndarray]:
        shape = (n_chains, n_draws, *(sizes[dim] for dim in dims))
        return ("chain", "draw", *dims), rng.uniform(low, high, shape)

    samples = xr.Dataset(
        {
            "alpha_m": draws(("channel",), 0.1, 0.8),
            "ec_m": draws(("channel",), 0.5, 2.0),
            "slope_m": draws(("channel",), 0.999999, 1.0),
            "roi_m": draws(("paid_channel",), 0.5, 3.0),
            "theta_m": draws(("channel",), 0.0, 0.0),
            "beta_m": draws(("channel",), -1.0, 0.0),
            "eta_m": draws(("channel",), 0.1, 0.5),
            "beta_gm": draws(("geo", "channel"), 0.2, 1.0),
            "tau_g": draws(("geo",), -0.5, 0.5),
            "knot_values": draws(("knot",), -0.5, 0.5),
            "gamma_c": draws(("control",), -0.2, 0.2),
            "xi_c": draws(("control",), 0.0, 0.1),
            "gamma_gc": draws(("geo", "control"), -0.2, 0.2),
            "sigma": draws(("geo",), 0.2, 0.3),
        },
        coords={
            "chain": np.arange(n_chains),
            "draw": np.arange(n_draws),
            "geo": np.array(data.geos, dtype=object),
            "channel": np.array(data.channels, dtype=object),
            "paid_channel": np.array(data.paid_channels, dtype=object),
            "control": np.array(data.controls, dtype=object),
            "knot": np.arange(len(spec.knots)),
        },
    )
    samples["slope_m"][:] = 1.0
    _set_free_shapes(samples, spec, rng)
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros((n_chains, n_draws), dtype=bool)),
            "energy": (("chain", "draw"), rng.normal(size=(n_chains, n_draws))),
            "tree_depth": (("chain", "draw"), np.full((n_chains, n_draws), 5)),
        }
    )
    return Posterior(
        samples=samples,
        sample_stats=stats,
        data=data,
        spec=spec,
        scaling=fit_scaling(data, spec.media_scaling, spec.family),
        info=FitInfo("pymc", "0", 1.0, 0.5, n_chains, n_draws, 100, 1, 10),
    )


def _set_free_shapes(samples: xr.Dataset, spec: ModelSpec, rng: np.random.Generator) -> None:
    """Draws of what only some specifications have."""
    shape = samples["beta_m"].shape[:2]
    for m in range(len(spec.channels)):
        if spec.slope[m].family != "deterministic":
            samples["slope_m"][:, :, m] = rng.uniform(0.6, 2.5, shape)
        if spec.adstock[m] in ("delayed", "weibull"):
            samples["theta_m"][:, :, m] = rng.uniform(0.3, 3.0, shape)
    if spec.family == "robust_log":
        samples["nu"] = (("chain", "draw"), rng.uniform(3.0, 20.0, shape))
        samples["sigma_beta"] = (("chain", "draw"), rng.uniform(0.2, 0.6, shape))
