"""From the text of a formula to its parts.  Python's parser reads it; an allow-list decides what it may be."""

import ast
import math
import operator
import warnings
from collections.abc import Iterator
from difflib import get_close_matches

import numpy as np

from mmm_core.data.expressions.functions import (
    DATE_FUNCTIONS,
    FUNCTIONS,
    MAX_ROWS,
    Function,
    comparison,
    logical_and,
    logical_not,
    logical_or,
)
from mmm_core.data.expressions.nodes import Call, Chain, Column, Dates, Elementwise, Node, Number
from mmm_core.errors import ConfigError

MAX_LENGTH = 2000
MAX_DEPTH = 20
_SHOWN = 60
_OPERATORS: dict[type[ast.operator], Elementwise] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.float_power,
}
_COMPARISONS: dict[type[ast.cmpop], Elementwise] = {
    ast.Eq: comparison(operator.eq),
    ast.NotEq: comparison(operator.ne),
    ast.Lt: comparison(operator.lt),
    ast.LtE: comparison(operator.le),
    ast.Gt: comparison(operator.gt),
    ast.GtE: comparison(operator.ge),
}
_ALLOWED = "+ - * / **, comparisons, and, or, not, numbers, columns and functions"


def read(text: str, key: str, ordered: bool) -> Node:
    """Parts of a formula.

    Args:
        text: the formula.
        key: where it stands in the configuration, for messages.
        ordered: whether functions are allowed that need the rows of one geo in the order of dates.

    Raises:
        ConfigError: it is too long or too deep, no formula, or does something that is not allowed.
    """
    if len(text) > MAX_LENGTH:
        raise ConfigError(
            f"{key} has {len(text):,} characters; allowed are {MAX_LENGTH:,}. Split it into several columns."
        )
    return _Reader(text.strip(), key, ordered).read()


class _Reader:
    """One formula while it is read."""

    def __init__(self, text: str, key: str, ordered: bool) -> None:
        self.text, self.key, self.ordered = text, key, ordered
        self.python, self.quoted = self._without_backticks()

    def read(self) -> Node:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                tree = ast.parse(self.python, mode="eval")
        except SyntaxError as error:
            raise self.error("cannot be read", max((error.offset or 1) - 1, 0)) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise ConfigError(f"{self.key} cannot be read as a formula; simplify it.") from error
        return self.node(tree.body, 1)

    def _without_backticks(self) -> tuple[str, dict[str, str]]:
        """The text with a placeholder of the same length for each name in backticks; placeholder -> name."""
        pieces = self.text.split("`")
        if len(pieces) % 2 == 0:
            raise self.error("has a backtick without a partner", self.text.rindex("`"))
        placeholders = _unused_letters(self.text)
        quoted: dict[str, str] = {}
        for index, piece in enumerate(pieces):
            if index % 2:
                letter = next(placeholders)
                quoted[letter] = piece
                pieces[index] = letter.ljust(len(piece) + 2)
            elif "#" in piece:
                raise self.error("has a `#`, which formulas do not know", self.text.index("#"))
            else:
                pieces[index] = "".join(" " if character.isspace() else character for character in piece)
        return "".join(pieces), quoted

    def node(self, tree: ast.expr, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ConfigError(f"{self.key} is nested more than {MAX_DEPTH} deep; split it into several columns.")
        if isinstance(tree, ast.Constant):
            return self.number(tree)
        if isinstance(tree, ast.Name):
            return self.column(tree)
        if isinstance(tree, ast.BinOp):
            return self.chain(tree, depth)
        if isinstance(tree, ast.UnaryOp):
            return self.unary(tree, depth)
        if isinstance(tree, ast.BoolOp):
            both = logical_and if isinstance(tree.op, ast.And) else logical_or
            first, *others = (self.node(value, depth + 1) for value in tree.values)
            return Chain(first, tuple((both, other) for other in others))
        if isinstance(tree, ast.Compare):
            return self.compared(tree, depth)
        if isinstance(tree, ast.Call):
            return self.call(tree, depth)
        hint = " (put a column's name with dots in backticks)" if isinstance(tree, ast.Attribute) else ""
        raise self.error(f"has something that formulas do not know{hint}", self.start(tree))

    def number(self, tree: ast.Constant) -> Number:
        if isinstance(tree.value, bool) or not isinstance(tree.value, int | float):
            raise self.error("has a value that is no number", self.start(tree))
        try:
            value = float(tree.value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self.error("has a number that is too large", self.start(tree))
        return Number(value)

    def column(self, tree: ast.Name) -> Column:
        start = self.start(tree)
        written = self.python[start : self.start(tree, end=True)]
        name = self.quoted.get(written, written)
        if not name.strip():
            raise self.error("has an empty name in backticks", start)
        return Column(name, start + 1)

    def chain(self, tree: ast.BinOp, depth: int) -> Chain:
        """Operators that are worked off from the left; only what stands on their right is nested."""
        rest: list[tuple[Elementwise, Node]] = []
        left: ast.expr = tree
        while isinstance(left, ast.BinOp):
            apply = _OPERATORS.get(type(left.op))
            if apply is None:
                raise self.error("has an operator that formulas do not know", self.start(left.left, end=True))
            rest.append((apply, self.node(left.right, depth + 1)))
            left = left.left
        return Chain(self.node(left, depth + 1), tuple(reversed(rest)))

    def unary(self, tree: ast.UnaryOp, depth: int) -> Node:
        operand = self.node(tree.operand, depth + 1)
        if isinstance(tree.op, ast.UAdd):
            return operand
        if isinstance(tree.op, ast.USub):
            return Call(np.negative, (operand,))
        if isinstance(tree.op, ast.Not):
            return Call(logical_not, (operand,))
        raise self.error("has an operator that formulas do not know", self.start(tree))

    def compared(self, tree: ast.Compare, depth: int) -> Node:
        """`a < b < c` is `a < b and b < c`."""
        sides = [self.node(side, depth + 1) for side in (tree.left, *tree.comparators)]
        pairs: list[Node] = []
        for position, kind in enumerate(tree.ops):
            apply = _COMPARISONS.get(type(kind))
            if apply is None:
                raise self.error("has a comparison that formulas do not know", self.start(tree))
            pairs.append(Call(apply, (sides[position], sides[position + 1])))
        return Chain(pairs[0], tuple((logical_and, pair) for pair in pairs[1:])) if pairs[1:] else pairs[0]

    def call(self, tree: ast.Call, depth: int) -> Node:
        name = tree.func.id if isinstance(tree.func, ast.Name) else ""
        start = self.start(tree)
        if name in DATE_FUNCTIONS:
            if tree.args or tree.keywords:
                raise self.error(f"gives {name} an argument; write {name}()", start)
            return Dates(DATE_FUNCTIONS[name])
        if name not in FUNCTIONS:
            names = [*FUNCTIONS, *DATE_FUNCTIONS]
            close = get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
            raise self.error(f"calls a function that does not exist; {hint}", start)
        function = FUNCTIONS[name]
        if function.ordered and not self.ordered:
            raise self.error(
                f"uses {name}, which needs the rows of one geo in order; give it in features.custom_terms", start
            )
        return self.applied(function, tree, depth)

    def applied(self, function: Function, tree: ast.Call, depth: int) -> Call:
        given = list(tree.args)
        rows = None
        if function.rows == "required" or (function.rows == "optional" and len(given) > function.least):
            rows = self.row_count(function, given.pop() if len(given) > function.least else None, tree)
        if tree.keywords or not function.least <= len(given) <= function.most:
            raise self.error(f"calls a function with other arguments than {function.usage}", self.start(tree))
        return Call(function.apply, tuple(self.node(argument, depth + 1) for argument in given), rows)

    def row_count(self, function: Function, given: ast.expr | None, tree: ast.Call) -> int:
        value = given.value if isinstance(given, ast.Constant) else None
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_ROWS:
            raise self.error(
                f"needs a whole number from 1 to {MAX_ROWS} as rows in {function.usage}", self.start(given or tree)
            )
        return value

    def start(self, tree: ast.expr, end: bool = False) -> int:
        """Position in the text, from 0; Python counts bytes."""
        offset = (tree.end_col_offset or 0) if end else tree.col_offset
        return len(self.python.encode()[:offset].decode())

    def error(self, problem: str, position: int) -> ConfigError:
        shown = self.text[position : position + _SHOWN]
        place = f"at position {position + 1} ({shown!r})" if shown.strip() else "at its end"
        return ConfigError(f"{self.key} {problem}, {place}; formulas know {_ALLOWED}.")


def _unused_letters(text: str) -> Iterator[str]:
    """Letters that stand for names in backticks, none of which is in the text."""
    return (letter for letter in map(chr, range(0x4E00, 0x9FA5)) if letter not in text)
