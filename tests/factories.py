"""Small data and made-up posteriors that many tests need (no sampling involved)."""

import numpy as np
import xarray as xr

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import FitInfo, Posterior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec


def tiny_model_data(
    n_geos: int = 3, n_weeks: int = 30, n_channels: int = 2, n_controls: int = 1, seed: int = 7
) -> ModelData:
    """Random but plausible data, with population and revenue per KPI."""
    rng = np.random.default_rng(seed)
    shape = (n_geos, n_weeks)
    population = rng.uniform(1e5, 1e6, n_geos)
    media = rng.gamma(2.0, 1.0, (*shape, n_channels)) * population[:, None, None]
    media *= rng.random((*shape, n_channels)) > 0.15
    controls = rng.normal(size=(*shape, n_controls))
    kpi = population[:, None] * rng.gamma(20.0, 0.1, shape) + 0.3 * media.sum(axis=2)
    return ModelData(
        geos=tuple(f"Geo{g}" for g in range(n_geos)) if n_geos > 1 else ("national",),
        dates=np.datetime64("2023-01-02") + 7 * np.arange(n_weeks),
        channels=tuple(f"channel_{m}" for m in range(n_channels)),
        controls=tuple(f"control_{k}" for k in range(n_controls)),
        control_roles=("control",) * n_controls,
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


def made_up_posterior(
    data: ModelData, n_chains: int = 2, n_draws: int = 50, seed: int = 11, spec: ModelSpec | None = None
) -> Posterior:
    """Plausible draws that no sampler made.  `roi_m` is NOT consistent with `beta_gm`."""
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
        scaling=fit_scaling(data, spec.media_scaling),
        info=FitInfo("pymc", "0", 1.0, 0.5, n_chains, n_draws, 100, 1, 10),
    )
