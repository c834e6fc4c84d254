import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.data.patterns import matching_columns
from mmm_core.errors import DataError

NAMES = st.lists(st.text("abx1_", min_size=1, max_size=4), unique=True, max_size=8)
PATTERNS = st.lists(st.text("abx1_*?", min_size=1, max_size=3), unique=True, max_size=4)


def match(items: list[str], columns: list[str]) -> tuple[str, ...]:
    return matching_columns(items, columns, "data.controls", "orders.csv")


def test_columns_come_in_the_order_of_the_items_and_then_of_the_file() -> None:
    assert match(["c1", "b*", "*1"], ["b2", "a1", "b1", "c1"]) == ("c1", "b2", "b1", "a1")


def test_exclusion_counts_wherever_it_stands_and_may_find_nothing() -> None:
    assert match(["!*_effect", "c*"], ["c1", "c1_effect", "c2"]) == ("c1", "c2")
    assert match(["c*", "!*_effect"], ["c1", "c2"]) == ("c1", "c2")
    assert match(["c*", "!c2"], ["c1", "c2"]) == ("c1",)


def test_name_of_a_column_is_no_pattern_whatever_it_looks_like() -> None:
    columns = ["spend [EUR]", "!important", "a*", "ab"]
    assert match(["spend [EUR]", "!important", "a*"], columns) == ("spend [EUR]", "!important", "a*")


def test_name_that_is_no_column_is_kept_for_the_check_that_names_the_nearest() -> None:
    assert match(["weather"], ["wether"]) == ("weather",)


def test_upper_and_lower_case_differ() -> None:
    with pytest.raises(DataError, match=r"data\.controls: no column of orders\.csv matches 'C\*'.*Columns: c1, x"):
        match(["C*"], ["c1", "x"])


@settings(max_examples=100, deadline=None)
@given(NAMES, PATTERNS, PATTERNS)
def test_result_is_what_a_loop_over_columns_gives(
    columns: list[str], wanted: list[str], unwanted: list[str]
) -> None:
    items = [*wanted, *(f"!{pattern}" for pattern in unwanted if set(pattern) & set("*?"))]
    try:
        found = match(items, columns)
    except DataError:
        assert any(
            not any(fnmatch.fnmatchcase(c, pattern) for c in columns)
            for pattern in wanted
            if set(pattern) & set("*?")
        )
        return
    known = [name for name in found if name in columns]
    expected = {
        column
        for column in columns
        if any(fnmatch.fnmatchcase(column, item) for item in wanted)
        and not any(fnmatch.fnmatchcase(column, item[1:]) for item in items if item.startswith("!"))
    }
    assert set(known) == expected
    assert len(set(found)) == len(found)
