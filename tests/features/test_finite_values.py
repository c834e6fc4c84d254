"""Nothing missing or infinite reaches a sampler."""

import dataclasses

import numpy as np
import pytest

from mmm_core.features.finite_values import check_finite_values
from tests.factories import EVERYTHING, tiny_model_data

DATA = tiny_model_data(n_geos=3, n_weeks=40, extras=EVERYTHING)


def test_weeks_without_kpi_are_no_holes() -> None:
    assert np.isnan(DATA.kpi).any()
    assert check_finite_values(DATA).passed


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("media", "channel_1"),
        ("spend", "channel_1"),
        ("frequency", "channel_1"),
        ("lead_media", "channel_1"),
        ("lead_frequency", "channel_1"),
        ("control_values", "treatment_0"),
        ("revenue_per_kpi", ""),
        ("population", ""),
    ],
)
@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_a_hole_is_found_wherever_it_is(name: str, column: str, hole: float) -> None:
    values = getattr(DATA, name).copy()
    values[(1, 2, 1)[: values.ndim]] = hole
    result = check_finite_values(dataclasses.replace(DATA, **{name: values}))
    assert result.blocks
    (row,) = result.table
    assert (row["what"], row["column"], row["geo"]) == (name.removesuffix("_values"), column, "Geo1")
    expected = {1: "", 2: "2023-01-16", 3: "2023-01-16"}[values.ndim]
    assert row["week"] == ("before the window" if name.startswith("lead_") else expected)
    assert row["value"] == str(hole)


def test_infinite_kpi_and_zero_population_are_holes() -> None:
    kpi = DATA.kpi.copy()
    kpi[2, 3] = np.inf
    population = np.where(np.arange(3) == 1, 0.0, DATA.population)
    result = check_finite_values(dataclasses.replace(DATA, kpi=kpi, population=population))
    assert [(row["what"], row["geo"]) for row in result.table] == [("population", "Geo1"), ("kpi", "Geo2")]
    assert "and 1 more" in result.message
