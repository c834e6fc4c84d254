"""Channels that cannot be told apart."""

import numpy as np
import pytest

from mmm_core.features.collinearity import check_collinear_channels, exact_combinations

MEDIA = np.random.default_rng(3).gamma(2.0, size=(200, 4))
NAMES = ("tv", "radio", "search", "social")


def found(**columns: np.ndarray) -> list[list[int]]:
    media = MEDIA.copy()
    for name, values in columns.items():
        media[:, NAMES.index(name)] = values
    return exact_combinations(media)


def test_independent_channels_are_no_combination() -> None:
    assert found() == []


@pytest.mark.parametrize("factor", [1.0, 1e-6, 1e9])
@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_copies_are_found_whatever_their_unit(factor: float, shift: float) -> None:
    assert found(search=factor * (MEDIA[:, 0] + shift)) == [[0, 2]]


def test_sum_of_others_is_found_with_its_parts() -> None:
    assert found(social=MEDIA[:, 0] + 2 * MEDIA[:, 1]) == [[0, 1, 3]]


def test_more_channels_than_weeks_cannot_be_told_apart() -> None:
    assert exact_combinations(MEDIA[:4])


def test_almost_a_copy_is_no_copy() -> None:
    noise = np.random.default_rng(4).normal(size=200)
    assert found(search=MEDIA[:, 0] + 1e-3 * noise) == []


def test_channel_that_never_varies_is_left_to_other_checks() -> None:
    assert found(search=np.full(200, 0.1), social=np.zeros(200)) == []


def test_message_names_channels_and_remedy() -> None:
    media = MEDIA.copy()
    media[:, 3] = media[:, 1]
    result = check_collinear_channels(media.reshape(2, 100, 4), NAMES)
    assert result.blocks
    assert result.message.startswith("Media of radio and social are the same but for their size")
    assert "remove social from the mapping" in result.message
    assert result.table == ({"channels": "radio, social"},)
    assert check_collinear_channels(MEDIA.reshape(2, 100, 4), NAMES).passed
