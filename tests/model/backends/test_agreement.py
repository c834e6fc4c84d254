"""Two independent backends draw from the same posterior: PyMC against Google Meridian on real data.

The model keeps scaling constants and knots of an earlier fit, as every refresh does.
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.refresh import RefreshConfig
from mmm_core.config.schema import Config
from mmm_core.evaluation.parameters import INTERPRETED, labelled_draws
from mmm_core.features.held_out import truncate
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings, get_backend
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from mmm_core.refresh.constants import with_kept_constants
from tests.factories import made_up_posterior
from tests.shared_data import shared_data

pytestmark = pytest.mark.slow

CONFIG = Config.model_validate({"model": {"knots": 3}})
CHANNELS = ("Channel0", "Channel1", "Channel2")
QUANTILES = (0.1, 0.5, 0.9)
CONTROLS = ("competitor_activity_score_control", "sentiment_score_control")
SETTINGS = {
    "meridian": SamplerSettings(chains=4, tune=500, draws=500, target_accept=0.9, max_tree_depth=8, seed=1),
    "pymc": SamplerSettings(chains=4, tune=500, draws=500, target_accept=0.9, max_tree_depth=8, seed=2),
}


def slice_of_real_data(n_geos: int, n_weeks: int) -> ModelData:
    table = pd.read_csv(shared_data("meridian/geo_media.csv"), parse_dates=["time"])
    geos = [f"Geo{g}" for g in range(n_geos)]
    weeks = sorted(table["time"].unique())[:n_weeks]
    cube = table[table["geo"].isin(geos)].set_index(["time", "geo"]).to_xarray()
    cube = cube.sel(geo=geos, time=weeks).transpose("geo", "time")

    def array(names: list[str]) -> np.ndarray:
        return cube[names].to_array().transpose("geo", "time", "variable").values.astype(float)

    return ModelData(
        geos=tuple(geos),
        dates=cube["time"].values.astype("datetime64[D]"),
        channels=CHANNELS,
        controls=CONTROLS,
        control_roles=("control", "control"),
        kpi=cube["conversions"].values.astype(float),
        kpi_type="non_revenue",
        revenue_per_kpi=cube["revenue_per_conversion"].values,
        population=cube["population"].values[:, 0].astype(float),
        media=array([f"{channel}_impression" for channel in CHANNELS]),
        spend=array([f"{channel}_spend" for channel in CHANNELS]),
        control_values=array(list(CONTROLS)),
        currency="USD",
        data_version="slice",
    )


@pytest.fixture(scope="module")
def comparison() -> pd.DataFrame:
    """One row per quantity: whether it is interpreted, z of the two means, largest |z| of their quantiles."""
    data = slice_of_real_data(n_geos=4, n_weeks=70)
    spec = kept_from_an_earlier_fit(build_spec(CONFIG, data), data)
    summaries = [summary(get_backend(name).sample(data, spec, settings)) for name, settings in SETTINGS.items()]
    one, other = summaries
    assert list(one.index) == list(other.index)
    return pd.DataFrame(
        {
            "interpreted": [label.partition("[")[0] in INTERPRETED for label in one.index],
            "ess": one["ess"].clip(upper=other["ess"]),
            "mean_z": z(one, other, "mean"),
            "quantile_z": pd.concat([z(one, other, f"q{q}").abs() for q in QUANTILES], axis=1).max(axis=1),
            "sd_ratio": one["sd"] / other["sd"],
        },
        index=one.index,
    )


def kept_from_an_earlier_fit(spec: ModelSpec, data: ModelData) -> ModelSpec:
    """With constants and knots of fewer weeks, on another level: neither is what these data would give."""
    earlier = truncate(data, 58)
    earlier = dataclasses.replace(earlier, kpi=earlier.kpi * 1.15, media=earlier.media * 0.85)
    before = made_up_posterior(earlier, spec=build_spec(CONFIG, earlier))
    kept = with_kept_constants(spec, data, before, RefreshConfig(max_scale_change=1.0))
    assert kept.kept, kept.sentence
    assert (kept.spec.knots, spec.knots) == ((0, 28, 69), (0, 34, 69))
    return kept.spec


def z(one: pd.DataFrame, other: pd.DataFrame, statistic: str) -> pd.Series:
    """Difference in units of its Monte-Carlo error."""
    error = (one[f"mcse_{statistic}"] ** 2 + other[f"mcse_{statistic}"] ** 2) ** 0.5
    return (one[statistic] - other[statistic]) / error


def summary(posterior: Posterior) -> pd.DataFrame:
    """Mean and quantiles of every sampled quantity with their Monte-Carlo errors, and sd.

    No error of the sd: ROI has too heavy a tail for one.
    """
    import arviz as az
    import xarray as xr

    labels, _, draws = labelled_draws(posterior)
    dataset = xr.Dataset({"x": (("chain", "draw", "quantity"), draws)})
    return pd.DataFrame(
        {
            "mean": draws.mean(axis=(0, 1)),
            "sd": draws.std(axis=(0, 1), ddof=1),
            "ess": az.ess(dataset)["x"].values,
            "mcse_mean": az.mcse(dataset, method="mean")["x"].values,
        }
        | {f"q{q}": np.quantile(draws, q, axis=(0, 1)) for q in QUANTILES}
        | {f"mcse_q{q}": az.mcse(dataset, method="quantile", prob=q)["x"].values for q in QUANTILES},
        index=labels,
    )


@pytest.mark.parametrize("name", ["alpha_m", "ec_m", "roi_m", "eta_m", "sigma", "contribution_m"])
def test_what_is_interpreted_agrees_within_monte_carlo_error(name: str, comparison: pd.DataFrame) -> None:
    rows = comparison[comparison.index.str.startswith(name)]
    assert len(rows) == (1 if name == "sigma" else 3)
    assert rows["ess"].min() > 100
    assert rows["mean_z"].abs().max() < 4
    assert rows["quantile_z"].max() < 4
    assert rows["sd_ratio"].between(0.7, 1 / 0.7).all()


def test_the_means_of_everything_else_agree_too(comparison: pd.DataFrame) -> None:
    assert comparison[~comparison["interpreted"]]["mean_z"].abs().max() < 5
