import unicodedata

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.data.naming import geo_codes, look_alikes, natural_order


def test_numbers_in_names_are_sorted_as_numbers() -> None:
    names = ["Geo10", "geo2", "Geo1", "10", "9", "Ä", "A1b3", "A1b20"]
    assert sorted(names, key=natural_order) == ["9", "10", "A1b3", "A1b20", "Geo1", "geo2", "Geo10", "Ä"]


@given(st.lists(st.text()))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    assert sorted(sorted(names, key=natural_order)) == sorted(names)


def test_panel_without_keys_is_national() -> None:
    codes, labels = geo_codes(pd.DataFrame({"x": [1, 2]}), [])
    assert codes.tolist() == [0, 0]
    assert labels == ["national"]


def test_names_keep_everything_but_surrounding_blanks() -> None:
    frame = pd.DataFrame({"geo": ["São Paulo/SP", " 東京 ", "東京", "NA", "001", "São Paulo/SP"]})
    codes, labels = geo_codes(frame, ["geo"])
    assert labels == ["São Paulo/SP", "東京", "NA", "001"]
    assert codes.tolist() == [0, 1, 1, 2, 3, 0]


def test_several_keys_are_joined_and_an_empty_one_makes_the_row_nameless() -> None:
    frame = pd.DataFrame({"brand": ["a", "a", None, "b", " "], "region": [1.0, 2.0, 1.0, None, 3.0]})
    codes, labels = geo_codes(frame, ["brand", "region"])
    assert labels == ["a / 1", "a / 2"]
    assert codes.tolist() == [0, 1, -1, -1, -1]


@given(
    st.lists(
        st.tuples(st.sampled_from(["x", "y", "", None]), st.sampled_from(["1", "2", None])),
        min_size=1,
        max_size=30,
    )
)
def test_rows_share_a_code_exactly_if_they_share_a_name(keys: list[tuple[str | None, str | None]]) -> None:
    frame = pd.DataFrame(keys, columns=["a", "b"], dtype=object)
    codes, labels = geo_codes(frame, ["a", "b"])
    expected = [f"{a} / {b}" if a and b else None for a, b in keys]
    assert [labels[code] if code >= 0 else None for code in codes] == expected


@given(st.lists(st.text(st.sampled_from("aAÄä \u0308éE\u0301/%"), max_size=5), max_size=12))
def test_names_are_one_geo_exactly_if_their_composed_forms_are_equal(names: list[str]) -> None:
    codes, labels = geo_codes(pd.DataFrame({"geo": pd.Series(names, dtype=object)}), ["geo"])
    expected = [unicodedata.normalize("NFC", name).strip() for name in names]
    assert [labels[code] if code >= 0 else "" for code in codes] == expected


def test_names_that_differ_only_in_case_blanks_or_form_look_alike() -> None:
    assert look_alikes(["Süd", "SÜD", "Su\u0308d", "Nord", "New  York", "new york", "Ⅷ", "VIII"]) == [
        ["Süd", "SÜD", "Su\u0308d"],
        ["New  York", "new york"],
        ["Ⅷ", "VIII"],
    ]
