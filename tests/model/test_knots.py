"""Where the knots of the baseline are."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.knot_count import default_knot_count
from mmm_core.features.model_data import ModelData
from mmm_core.model.knot_weights import knot_weights
from mmm_core.model.knots import equally_spaced, knot_ladder
from mmm_core.model.specification import build_spec
from tests.factories import tiny_model_data

GEO = tiny_model_data(n_geos=3, n_weeks=104)
NATIONAL = tiny_model_data(n_geos=1, n_weeks=104)


def knots(wanted: Any, data: ModelData = GEO) -> tuple[int, ...]:
    return build_spec(Config.model_validate({"model": {"knots": wanted}}), data).knots


@pytest.mark.parametrize(("data", "weeks_per_knot"), [(GEO, 13), (NATIONAL, 26)])
def test_default_is_a_knot_per_quarter_or_half_year(data: ModelData, weeks_per_knot: int) -> None:
    assert len(knots(None, data)) == 104 / weeks_per_knot == default_knot_count(104, data.is_national)
    assert default_knot_count(10, data.is_national) == 2


def test_counted_knots_reach_from_the_first_to_the_last_week() -> None:
    assert knots(3) == (0, 51, 103)
    assert knots(1) == (0,)
    assert knots(104) == tuple(range(104))


@pytest.mark.parametrize(("count", "data"), [(0, GEO), (-1, GEO), (105, GEO), (104, NATIONAL)])
def test_impossible_number_of_knots_is_refused(count: int, data: ModelData) -> None:
    with pytest.raises(
        SpecificationError, match=f"model.knots is {count}, but there are 104 weeks; use 1 to 10[34]"
    ):
        knots(count, data)


def test_dates_mean_the_weeks_that_contain_them() -> None:
    assert knots(["2024-01-03", "2023-01-02", "2024-12-29"]) == (0, 52, 103)


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (
            ["2023-01-02", "2025-01-06"],
            "2025-01-06 is outside the fitted weeks, which begin 2023-01-02 to 2024-12-23",
        ),
        (["2023-01-01"], "2023-01-01 is outside"),
        (["2023-01-02", "2023-01-08"], "2023-01-02 and 2023-01-08 are in the same week"),
        (["soon"], "'soon' is no date; write YYYY-MM-DD"),
    ],
)
def test_impossible_dates_are_refused_by_name(dates: list[str], words: str) -> None:
    with pytest.raises(SpecificationError, match=words):
        knots(dates)


def test_ladder_ends_at_a_knot_every_four_weeks() -> None:
    ladder = knot_ladder(GEO)
    assert ladder[0] == 2
    assert ladder[-1] == 26
    assert ladder == sorted(set(ladder))
    assert knot_ladder(dataclasses.replace(GEO, dates=GEO.dates[:5])) == [2]


def test_trend_is_linear_between_knots_and_flat_outside() -> None:
    weights = knot_weights((2, 6), 9)
    assert weights.sum(axis=1) == pytest.approx(np.ones(9))
    assert weights @ [1.0, 5.0] == pytest.approx([1, 1, 1, 2, 3, 4, 5, 5, 5])


def test_equal_spacing_never_repeats_a_week() -> None:
    assert equally_spaced(5, 5) == (0, 1, 2, 3, 4)
    assert equally_spaced(10, 5) == (0, 1, 2, 3, 4)
