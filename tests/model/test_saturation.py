"""Saturation against its formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.model.saturation import Saturation
from tests.model.forward_oracle import saturate

_FAMILIES = ("hill", "logistic", "michaelis_menten", "none")


@given(
    st.sampled_from(_FAMILIES),
    st.floats(0, 1e3),
    st.floats(0.05, 10),
    st.floats(0.3, 4),
    st.sampled_from([0.0, -0.0, 0.2, 1.0, 3.0]),
)
def test_multiples_equal_the_formula(family: str, media: float, half: float, slope: float, factor: float) -> None:
    saturation = Saturation.of(family, np.array([half]), np.array([slope]))
    prepared = saturation.prepared(np.array([[media]]) / saturation.half)
    found = saturation.at(prepared, saturation.multiple(factor), np.empty((1, 1)))
    assert found[0, 0] == pytest.approx(saturate(factor * media, family, half, slope), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("family", _FAMILIES[:3])
def test_half_is_reached_at_the_half_saturation(family: str) -> None:
    half = np.array([0.3, 2.0])
    saturation = Saturation.of(family, half, np.array([1.7, 0.8]))
    np.testing.assert_allclose(saturation(half[None] / saturation.half), 0.5)


def test_the_prepared_media_can_be_used_again() -> None:
    saturation = Saturation.of("hill", np.ones(2), np.array([2.0, 3.0]))
    prepared = saturation.prepared(np.array([[0.5, 2.0]]))
    first = saturation.at(prepared, saturation.multiple(2.0), np.empty((1, 2))).copy()
    saturation.at(prepared, saturation.multiple(5.0), np.empty((1, 2)))
    np.testing.assert_array_equal(saturation.at(prepared, saturation.multiple(2.0), np.empty((1, 2))), first)


def test_where_nothing_saturates_the_half_saturation_has_no_meaning() -> None:
    saturation = Saturation.of("none", np.array([7.0]), np.array([2.0]))
    np.testing.assert_array_equal(saturation(np.array([[3.0]]) / saturation.half), [[3.0]])
