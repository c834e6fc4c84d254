"""How many annual terms a model has."""

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.data.annual_terms import annual_pairs, most_annual_pairs
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.features.checks import check_model_data
from tests.panels import MAPPING, SECTION


@pytest.mark.parametrize(
    ("weeks", "knots", "pairs"),
    [(77, None, 0), (78, None, 2), (156, "auto", 2), (104, 13, 2), (104, 14, 0), (104, 104, 0)],
)
def test_annual_terms_need_a_year_and_a_half_and_a_slow_trend(
    weeks: int, knots: int | str | None, pairs: int
) -> None:
    config = Config.model_validate({"model": {"knots": knots}})
    assert annual_pairs(config, weeks) == pairs
    assert most_annual_pairs(config) == 2


@pytest.mark.parametrize("order", [0, 1, 5])
def test_a_number_is_taken_as_it_is(order: int) -> None:
    config = Config.model_validate({"features": {"seasonality": {"annual_fourier_order": order}}})
    assert annual_pairs(config, 30) == most_annual_pairs(config) == order


def _panel(weeks: int) -> pd.DataFrame:
    rng = np.random.default_rng(weeks)
    dates = pd.date_range("2021-01-04", periods=weeks, freq="7D")
    columns = ("kpi", "population", "spend__tv", "media__tv", "spend__search", "control__weather")
    values = {name: rng.uniform(1, 2, weeks) for name in (*columns, "revenue_per_kpi", "media__search")}
    return pd.DataFrame({"geo": "a", "date": dates, **values})


@pytest.mark.parametrize(("weeks", "terms"), [(60, 0), (110, 4)])
def test_the_cube_has_them_where_they_can_be_known(weeks: int, terms: int) -> None:
    config = Config.model_validate({"data": SECTION})
    frame = build_features(_panel(weeks), config)
    assert sum(column.startswith("season__") for column in frame) == 4
    data = assemble_model_data({"a": frame}, MAPPING, config, "v1")
    assert data.control_roles.count("seasonality") == terms
    judged = {result.name: result for result in check_model_data(data, config)}
    assert judged["control_variation"].passed
