"""Dotted keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.config.keys import all_keys, allowed_at, dotted, nearest_key, parse_dotted
from mmm_core.errors import ConfigError

NAMES = st.text(
    st.characters(exclude_characters='"', exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8
)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_a_written_key_reads_back(names: list[str]) -> None:
    assert parse_dotted(dotted(tuple(names))) == tuple(names)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", 'a."b', 'a"b"'])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a key"):
        parse_dotted(text)


@pytest.mark.parametrize("path", list(all_keys()), ids=dotted)
def test_what_is_allowed_can_be_said_of_every_key(path: tuple[str, ...]) -> None:
    words = allowed_at(path)
    assert words
    assert "None" not in words


def test_every_key_is_nearest_to_its_own_misspelling() -> None:
    for path in all_keys():
        assert nearest_key((*path[:-1], f"{path[-1]}x")) == dotted(path)
