"""YAML that means what it looks like, and bad YAML refused with its line."""

import math
from typing import Any

import pytest

from mmm_core.config.yaml_source import parse_value, parse_yaml
from mmm_core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("010", "010"),
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        (".5", 0.5),
        ("true", True),
        ("on", "on"),
        ("no", "no"),
        ("2023-01-02", "2023-01-02"),
        ("12:30", "12:30"),
        ("null", None),
        ("~", None),
        ("", None),
        ("-.inf", -math.inf),
        ("[1, a]", [1, "a"]),
        ("'1'", "1"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    assert parse_yaml(f"key: {text}", "x").values == {"key": value}
    assert parse_value(text, "x") == value


def test_every_key_and_item_has_its_line() -> None:
    document = parse_yaml("a:\n  b: 1\n  c:\n    - x\n    - y\n", "x.yaml")
    assert document.lines == {("a",): 1, ("a", "b"): 2, ("a", "c"): 3, ("a", "c", 0): 4, ("a", "c", 1): 5}


def test_merge_keys_keep_the_line_where_they_are_written() -> None:
    document = parse_yaml("base: &base\n  a: 1\n  b: 1\nmore:\n  <<: *base\n  b: 2\n", "x.yaml")
    assert document.values["more"] == {"a": 1, "b": 2}
    assert document.lines["more", "a"] == 2
    assert document.lines["more", "b"] == 6


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a: 1\nb: 2\na: 3\n", ["line 3", "a is already given in line 1"]),
        ("s:\n  x: 1\n  x: 2\n", ["line 3", "s.x is already given in line 2"]),
        ("a: [1\nb: 2", ["x.yaml, line 2", "not valid YAML"]),
        ("a: 1\n\tb: 2\n", ["line 2", "not valid YAML"]),
        ("- a\n- b\n", ["top level", "must be sections"]),
        ("s: {5: x}\n", ["line 1", "key '5' below s is not text", "quotes"]),
        ("a: !!python/object:os.system x\n", ["line 1", "not valid YAML"]),
        ("a: 1\n---\na: 2\n", ["not valid YAML"]),
        ("a: &a [*a]\n", ["contains itself"]),
        ("a: \x00", ["not valid YAML"]),
    ],
)
def test_bad_yaml_is_refused_with_its_place(text: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "x.yaml")
    assert [part for part in parts if part not in str(caught.value)] == []


def test_all_duplicates_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml("a: 1\na: 2\nb: 1\nb: 2\n", "x.yaml")
    assert len(str(caught.value).splitlines()) == 2
