"""Planted effects of an event, a price and a lagged term are found again, and all contributions add up."""

import numpy as np
import pandas as pd
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.fitted import fit_table
from mmm_core.config.mapping import ChannelColumns
from mmm_core.config.schema import Config
from mmm_core.data.columns import ColumnMapping
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.model.backend import SamplerSettings, get_backend
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from mmm_core.reporting.model_words import model_in_words

pytestmark = pytest.mark.slow
SETTINGS = SamplerSettings(chains=2, tune=250, draws=150, target_accept=0.85, max_tree_depth=8, seed=3)
N_WEEKS, N_LEAD = 78, 6
POPULATION = {"north": 2000.0, "south": 3000.0, "west": 1000.0}
EFFECTS = {"sale": 0.8, "price": -1.5, "rain two weeks ago": 0.4}
"""KPI per person and unit of the term."""
MAPPING = ColumnMapping(
    keys=("region",),
    date="day",
    kpi="orders",
    kpi_type="revenue",
    revenue_per_kpi=None,
    population="people",
    channels=("tv",),
    channel_columns=(ChannelColumns(spend="tv_cost"),),
    controls=(),
)
CONFIG = Config.model_validate(
    {
        "data": {"revenue_col": "orders"},
        "features": {
            "seasonality": {"calendar_effects": ["month_end"]},
            "events": {
                "sale": {
                    "dates": ["2023-03-06/2023-03-19", "2023-09-07", "2024-02-05/2024-02-12"],
                    "geos": ["north", "south"],
                },
                "never": {"dates": ["2030-01-01"]},
            },
            "baseline": {"price_cols": ["price"]},
            "custom_terms": {"rain two weeks ago": "lag(rain, 2)"},
        },
        "model": {"knots": 2},
    }
)


def clean_panel_of(geo: str, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    weeks = pd.date_range("2022-11-21", periods=N_LEAD + N_WEEKS, freq="7D")
    price = np.exp(rng.normal(2.0, 0.2, len(weeks)))
    rain = rng.normal(size=len(weeks))
    spend = rng.gamma(2.0, 0.1, len(weeks)) * POPULATION[geo]
    frame = pd.DataFrame(
        {
            "geo": geo,
            "date": weeks,
            "kpi": np.nan,
            "population": POPULATION[geo],
            "spend__tv": spend,
            "extra__price": price,
            "extra__rain": rain,
        }
    )
    terms = planted_terms(frame)
    per_person = 6 + 0.5 * spend / POPULATION[geo] + rng.normal(0, 0.1, len(weeks))
    kpi = POPULATION[geo] * (per_person + sum(EFFECTS[name] * values for name, values in terms.items()))
    return frame.assign(kpi=np.where(np.arange(len(weeks)) < N_LEAD, np.nan, kpi))


def planted_terms(clean: pd.DataFrame) -> dict[str, np.ndarray]:
    """The definitions, written once more."""
    days = [[day + pd.Timedelta(days=k) for k in range(7)] for day in clean["date"]]
    periods = [("2023-03-06", "2023-03-19"), ("2023-09-07", "2023-09-07"), ("2024-02-05", "2024-02-12")]
    on = [
        sum(any(pd.Timestamp(a) <= day <= pd.Timestamp(b) for a, b in periods) for day in week) / 7
        for week in days
    ]
    concerned = clean["geo"].iloc[0] in ("north", "south")
    rain = clean["extra__rain"].to_numpy()
    return {
        "sale": np.array(on) * concerned,
        "price": np.log(clean["extra__price"] / clean["extra__price"].mean()).to_numpy(),
        "rain two weeks ago": np.concatenate([rain[:1], rain[:1], rain[:-2]]),
    }


@pytest.fixture(scope="module")
def panels() -> dict[str, pd.DataFrame]:
    return {geo: clean_panel_of(geo, seed) for seed, geo in enumerate(POPULATION)}


@pytest.fixture(scope="module")
def posterior(panels: dict[str, pd.DataFrame]) -> Posterior:
    features = {geo: build_features(panel, CONFIG) for geo, panel in panels.items()}
    data = assemble_model_data(features, MAPPING, CONFIG, "v1")
    return get_backend("pymc").sample(data, build_spec(CONFIG, data), SETTINGS)


@pytest.fixture(scope="module")
def contributions(posterior: Posterior) -> pd.DataFrame:
    return contribution_table(posterior)


def test_each_term_has_its_component(contributions: pd.DataFrame) -> None:
    kinds = dict(zip(contributions["component"], contributions["kind"], strict=True))
    assert kinds == {
        "tv": "media",
        "rain two weeks ago": "control",
        "price": "control",
        "sale": "non_media_treatment",
        "seasonality": "seasonality",
        "baseline": "baseline",
    }


@pytest.mark.parametrize("name", list(EFFECTS))
def test_planted_effects_are_found(
    name: str, contributions: pd.DataFrame, panels: dict[str, pd.DataFrame]
) -> None:
    """Slope of the contribution over the planted one, geo by geo in the fitted weeks."""
    found, planted = [], []
    for geo, panel in panels.items():
        own = contributions[(contributions["geo"] == geo) & (contributions["component"] == name)]
        truth = EFFECTS[name] * POPULATION[geo] * planted_terms(panel)[name][N_LEAD:]
        found += list(own["mean"] - own["mean"].mean())
        planted += list(truth - truth.mean())
    slope = float(np.dot(found, planted) / np.dot(planted, planted))
    assert slope == pytest.approx(1, abs=0.2)


def test_event_counts_from_the_weeks_without_it(
    contributions: pd.DataFrame, panels: dict[str, pd.DataFrame]
) -> None:
    sale = contributions[contributions["component"] == "sale"]
    without = np.concatenate([planted_terms(panel)["sale"][N_LEAD:] == 0 for panel in panels.values()])
    np.testing.assert_allclose(sale["mean"].to_numpy()[without], 0, atol=1e-9)
    assert not sale.loc[sale["geo"] == "west", "mean"].any()


def test_contributions_add_up_to_the_fitted_kpi(posterior: Posterior, contributions: pd.DataFrame) -> None:
    total = contributions.groupby(["geo", "date"], sort=False)["mean"].sum()
    fitted = fit_table(posterior).set_index(["geo", "date"])["predicted_mean"]
    np.testing.assert_allclose(total.loc[fitted.index], fitted, rtol=1e-9)


def test_words_say_where_an_event_counts_from(posterior: Posterior) -> None:
    assert "The contribution of sale counts from the smallest value observed." in model_in_words(posterior)
