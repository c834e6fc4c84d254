"""Formulas: their values against a loop in plain Python, and everything that must not be possible."""

import datetime
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.data.expressions import parse
from mmm_core.errors import ConfigError

COLUMNS = {"a": "a", "b": "b", "paid search": "`paid search`", "größe.2": "`größe.2`"}
VALUES = [None, -2.0, -1.0, 0.0, 0.5, 1.0, 3.0]
ROWS = [{name: VALUES[(3 * row + 5 * number) % 7] for number, name in enumerate(COLUMNS)} for row in range(49)]
LOOKUP = {name: np.array([np.nan if row[name] is None else row[name] for row in ROWS]) for name in COLUMNS}

# A tree is (kind, parts...); `written` is its text, `plain` its value for one row (None: missing).
TREES = st.recursive(
    st.one_of(
        st.tuples(st.just("column"), st.sampled_from(sorted(COLUMNS))),
        st.tuples(st.just("number"), st.sampled_from([0, 1, 2, 0.25])),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "<", "<=", ">", ">=", "==", "!=", "and", "or"]), inner, inner),
        st.tuples(st.sampled_from(["min", "max", "fill"]), inner, inner),
        st.tuples(st.sampled_from(["neg", "not", "abs"]), inner),
        st.tuples(st.sampled_from(["where", "clip"]), inner, inner, inner),
    ),
    max_leaves=8,
)


def written(tree: Any) -> str:
    kind, *parts = tree
    if kind == "column":
        return COLUMNS[parts[0]]
    if kind == "number":
        return str(parts[0])
    texts = [written(part) for part in parts]
    if kind in ("min", "max", "fill", "where", "clip", "abs"):
        return f"{kind}({', '.join(texts)})"
    if kind in ("neg", "not"):
        return f"({'-' if kind == 'neg' else 'not '}{texts[0]})"
    return f"({texts[0]} {kind} {texts[1]})"


def plain(tree: Any, row: dict[str, float | None]) -> float | None:
    kind, *parts = tree
    if kind == "column":
        return row[parts[0]]
    if kind == "number":
        return float(parts[0])
    values = [plain(part, row) for part in parts]
    if kind == "fill":
        return values[1] if values[0] is None else values[0]
    if kind == "where":
        return None if values[0] is None else values[1] if values[0] else values[2]
    if kind == "and" and any(value == 0 for value in values):
        return 0.0
    if kind == "or" and any(value not in (0, None) for value in values):
        return 1.0
    if None in values:
        return None
    return float(known(kind, values))


def known(kind: str, v: Any) -> float:
    table = {
        "+": lambda: v[0] + v[1],
        "-": lambda: v[0] - v[1],
        "*": lambda: v[0] * v[1],
        "<": lambda: v[0] < v[1],
        "<=": lambda: v[0] <= v[1],
        ">": lambda: v[0] > v[1],
        ">=": lambda: v[0] >= v[1],
        "==": lambda: v[0] == v[1],
        "!=": lambda: v[0] != v[1],
        "and": lambda: bool(v[0] and v[1]),
        "or": lambda: bool(v[0] or v[1]),
        "min": lambda: min(v),
        "max": lambda: max(v),
        "neg": lambda: -v[0],
        "not": lambda: not v[0],
        "abs": lambda: abs(v[0]),
        "clip": lambda: min(max(v[0], v[1]), v[2]),
    }
    return table[kind]()


def names_a_column(tree: Any) -> bool:
    return tree[0] == "column" or any(isinstance(part, tuple) and names_a_column(part) for part in tree[1:])


def value(text: str, **columns: Any) -> list[float]:
    dates = columns.pop("dates", None)
    lookup = {name: np.array(values, dtype=float) for name, values in columns.items()}
    return parse(text, "features.custom_terms.x").evaluate(lookup, dates).tolist()


@settings(max_examples=200, deadline=None)
@given(TREES.filter(names_a_column))
def test_value_of_any_formula_is_what_a_loop_over_rows_gives(tree: Any) -> None:
    result = parse(written(tree), "data.derived_columns.x", ordered=False).evaluate(LOOKUP)
    expected = [np.nan if number is None else number for number in (plain(tree, row) for row in ROWS)]
    np.testing.assert_array_equal(result, expected)


def test_operators_bind_as_in_arithmetic() -> None:
    assert value("-a ** 2 + 2 * a - 1 / 2", a=[3.0]) == [-9 + 6 - 0.5]
    assert value("2 ** a ** 2", a=[3.0]) == [512.0]
    assert value("10 - a - 2 - 1", a=[3.0]) == [4.0]
    assert value("1 < a <= 3 and not a == 2", a=[1, 2, 3, 4]) == [0, 0, 1, 0]
    assert value("+a", a=[1]) == [1]


def test_columns_are_listed_once_in_their_order() -> None:
    expression = parse("`b c` + a - `b c` * log(d)", "k")
    assert expression.columns == ("b c", "a", "d")
    assert not expression.uses_dates


def test_name_in_backticks_may_be_anything() -> None:
    for name in ["a#b", "and", "x.y", "Größe (€)", "一", "'", "a\nb", " x", "log(", "1"]:
        assert parse(f"2 * `{name}`", "k").evaluate({name: np.array([2.0])}).tolist() == [4.0]
    assert parse("一 + `b c`", "k").evaluate({"一": np.array([2.0]), "b c": np.array([3.0])}).tolist() == [5.0]


def test_lines_of_a_formula_are_joined() -> None:
    assert value("a\n+ a", a=[1]) == [2]


def test_what_has_no_result_is_not_a_number_and_never_a_warning() -> None:
    result = value("log(a - 1) / b", a=[1, 0, 2, 2], b=[1, 1, 0, 1])
    assert result[0] == -math.inf
    assert math.isnan(result[1])
    assert math.isnan(result[2])
    assert result[3] == 0
    assert value("9 ** 9 ** 9 * a", a=[1]) == [math.inf]
    assert math.isnan(value("a ** 0.5", a=[-1])[0])


def test_row_functions_hold_the_edges() -> None:
    a = [1.0, 2.0, 4.0, 8.0]
    assert value("lag(a, 1)", a=a) == [1, 1, 2, 4]
    assert value("lag(a, 9)", a=a) == [1, 1, 1, 1]
    assert value("lead(a, 2)", a=a) == [4, 8, 8, 8]
    assert value("diff(a)", a=a) == [0, 1, 2, 4]
    assert value("diff(a, 2)", a=a) == [0, 1, 3, 6]
    assert value("rolling_sum(a, 3)", a=a) == [1, 3, 7, 14]
    assert value("rolling_mean(a, 2)", a=a) == [1, 1.5, 3, 6]
    np.testing.assert_allclose(value("standardise(a)", a=a), (np.array(a) - np.mean(a)) / np.std(a))
    assert value("standardise(a)", a=[0.1] * 7) == [0.0] * 7


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-9, 9), max_size=12), st.integers(1, 15))
def test_row_functions_equal_a_loop(values: list[int], rows: int) -> None:
    n = range(len(values))
    assert value(f"lag(a, {rows})", a=values) == [values[max(i - rows, 0)] for i in n]
    assert value(f"lead(a, {rows})", a=values) == [values[min(i + rows, len(values) - 1)] for i in n]
    windows = [values[max(i - rows + 1, 0) : i + 1] for i in n]
    assert value(f"rolling_sum(a, {rows})", a=values) == [sum(window) for window in windows]
    np.testing.assert_allclose(
        value(f"rolling_mean(a, {rows})", a=values), [np.mean(window) for window in windows]
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dates(datetime.date(1900, 1, 1), datetime.date(2200, 1, 1)), min_size=1, max_size=9))
def test_date_functions_equal_the_calendar(days: list[datetime.date]) -> None:
    dates = np.array(days, dtype="datetime64[ns]")
    assert value("month()", dates=dates) == [day.month for day in days]
    assert value("year()", dates=dates) == [day.year for day in days]
    assert value("week_of_year()", dates=dates) == [day.isocalendar().week for day in days]


def test_missing_date_gives_a_missing_value() -> None:
    assert math.isnan(value("month()", dates=np.array(["NaT"], dtype="datetime64[ns]"))[0])


def test_unknown_column_is_named_with_its_position_and_the_nearest() -> None:
    message = r"data\.derived_columns\.x names the column 'sales' at position 5.*nearest: Sale$|nearest: Sale\."
    with pytest.raises(ConfigError, match=message):
        parse("2 * sales", "data.derived_columns.x").evaluate({"Sale": np.ones(2), "tv": np.ones(2)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.b", "backticks"),
        ("a.__class__.__mro__", "formulas do not know"),
        ("().__class__", "formulas do not know"),
        ("lambda x: x", "formulas do not know"),
        ("[x for x in a]", "formulas do not know"),
        ("a[0]", "formulas do not know"),
        ("{a}", "formulas do not know"),
        ("a if b else c", "formulas do not know"),
        ("(a := 3)", "formulas do not know"),
        ("f'{a}'", "formulas do not know"),
        ("await a", "formulas do not know"),
        ("a, b", "formulas do not know"),
        ("log(*a)", "formulas do not know"),
        ("a + 'text'", "no number"),
        ("a + True", "no number"),
        ("a + 1j", "no number"),
        ("a % 2", "operator"),
        ("a // 2", "operator"),
        ("a | b", "operator"),
        ("~a", "operator"),
        ("a is b", "comparison"),
        ("a in b", "comparison"),
        ("a + " + "9" * 400, "too large"),
        ("eval(a)", "function that does not exist"),
        ("__import__('os').system('x')", "function that does not exist"),
        ("lgo(a)", r"position 1 .*"),
        ("2 + lgo(a)", r"did you mean log\?, at position 5"),
        ("log(a, b)", r"other arguments than log\(x\)"),
        ("log(x=a)", "other arguments"),
        ("lag(a)", r"whole number from 1 to 520 as rows in lag\(x, rows\)"),
        ("lag(a, b)", "whole number"),
        ("lag(a, 0)", "whole number"),
        ("lag(a, 1.5)", "whole number"),
        ("lag(a, True)", "whole number"),
        ("lag(a, 999999999999)", "whole number"),
        ("lag()", "whole number"),
        ("month(a)", r"write month\(\)"),
        ("a +", "cannot be read, at"),
        ("a b", "cannot be read, at position"),
        ("a) + (b", "cannot be read"),
        ("a; b", "cannot be read"),
        ("a = b", "cannot be read"),
        ("1and a", "cannot be read"),
        ("import os", "cannot be read"),
        ("a # b", "`#`"),
        ("`a + 1", "backtick without a partner"),
        ("`` + 1", "empty name"),
        ("", "cannot be read"),
        ("a\0", "cannot be read"),
        ("1 + 2", "names no column"),
        ("a" * 2001, "2,001 characters"),
        ("-" * 100 + "a", "20 deep"),
        ("(" * 900 + "a" + ")" * 900, "."),
        ("a ** " * 30 + "a", "20 deep"),
        ("abs(" * 30 + "a" + ")" * 30, "20 deep"),
    ],
)
def test_everything_else_is_refused_at_once(text: str, message: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ConfigError, match=message) as refusal:
        parse(text, "features.custom_terms.x").evaluate({"a": np.ones(3), "b": np.ones(3), "x": np.ones(3)})
    assert str(refusal.value).startswith("features.custom_terms.x")
    assert time.perf_counter() - started < 30  # not for ever: deep nesting could take exponentially long


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab1. +-*/()<>=,`'\"#[]{}:lognotrw\n_~@é一"), max_size=40))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    try:
        result = parse(text, "key").evaluate({"a": np.ones(2), "b": np.zeros(2)}, np.array(["2024-01-01"] * 2))
    except ConfigError:
        return
    assert result.shape == (2,)


def test_many_columns_can_be_added_up() -> None:
    names = [f"c{number}" for number in range(250)]
    text = " + ".join(names)
    assert parse(text, "k").evaluate({name: np.ones(2) for name in names}).tolist() == [250, 250]


@pytest.mark.parametrize("name", ["lag(a, 1)", "lead(a, 1)", "diff(a)", "rolling_sum(a, 2)", "standardise(a)"])
def test_functions_that_need_an_order_are_refused_where_there_is_none(name: str) -> None:
    with pytest.raises(
        ConfigError, match=r"needs the rows of one geo in order; give it in features\.custom_terms"
    ):
        parse(name, "data.derived_columns.x", ordered=False)


def test_dates_must_be_there_where_they_are_used() -> None:
    with pytest.raises(ConfigError, match="uses dates"):
        parse("a * month()", "k").evaluate({"a": np.ones(1)})
