"""A formula over columns, checked once and evaluated with NumPy."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmm_core.data.expressions.nodes import Call, Chain, Column, Dates, FloatArray, Node, Number
from mmm_core.data.expressions.syntax import read
from mmm_core.data.patterns import nearest_of
from mmm_core.errors import ConfigError


@dataclass(frozen=True)
class Expression:
    """A formula over columns."""

    text: str
    key: str
    """Where it stands in the configuration, for messages."""
    node: Node

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it names, in their order, each once."""
        return tuple(dict.fromkeys(part.name for part in _parts(self.node) if isinstance(part, Column)))

    @property
    def uses_dates(self) -> bool:
        """Whether it needs the rows' dates."""
        return any(isinstance(part, Dates) for part in _parts(self.node))

    def require(self, columns: Collection[str]) -> None:
        """Refuse a column that there is not.

        Raises:
            ConfigError: naming key, position, the column, and the nearest one.
        """
        for part in _parts(self.node):
            if isinstance(part, Column) and part.name not in columns:
                raise ConfigError(
                    f"{self.key} names the column {part.name!r} at position {part.position}, which does not "
                    f"exist; {nearest_of(part.name, columns)}"
                )

    def evaluate(
        self, lookup: Mapping[str, FloatArray], dates: NDArray[np.datetime64] | None = None
    ) -> FloatArray:
        """Values of the formula.

        Comparisons and `and`, `or`, `not` give 1 and 0; every number but 0 counts as true.  A missing value
        makes the result missing, unless `fill` replaces it or it cannot matter (`0 and x`).  What has no
        result (`log(-1)`, `0 / 0`) is NaN, division by 0 and what is too large are infinite.

        Args:
            lookup: column -> (N,) numbers, NaN where missing; for `lag` and the like the rows of one geo,
                sorted by date.
            dates: (N,) dates; needed if `uses_dates`.

        Returns:
            (N,) numbers.

        Raises:
            ConfigError: it names a column that `lookup` does not have, or needs dates that are not given.
        """
        self.require(lookup.keys())
        if self.uses_dates and dates is None:
            raise ConfigError(
                f"{self.key} uses dates, and there are none here; remove month(), year() and the like."
            )
        values = {name: np.asarray(lookup[name], dtype=np.float64) for name in self.columns}
        rows = _Rows(values, dates, len(dates) if dates is not None else len(next(iter(values.values()))))
        if not rows.length:
            return np.zeros(0)
        with np.errstate(all="ignore"):
            return np.array(rows.value(self.node))


def parse(text: str, key: str, ordered: bool = True) -> Expression:
    """Read a formula: `fill(Affiliates, 0) + 2 * \\`paid search\\``.

    It knows `+ - * / **`, comparisons, `and or not`, numbers, columns (those that are no plain word in
    backticks) and the functions of `functions.FUNCTIONS` and `functions.DATE_FUNCTIONS`.  Nothing else can be
    written, so a formula can do no harm: it is read by an allow-list and never executed as code.

    Args:
        text: at most 2,000 characters, nested at most 20 deep.
        key: where it stands in the configuration, for messages.
        ordered: whether `lag`, `lead`, `diff`, `rolling_mean`, `rolling_sum` and `standardise` are allowed,
            which need the rows of one geo, sorted by date.

    Raises:
        ConfigError: naming key, position and remedy.
    """
    expression = Expression(text.strip(), key, read(text, key, ordered))
    if not expression.columns and not expression.uses_dates:
        raise ConfigError(f"{key} names no column, so it would be the same in every row; name a column.")
    return expression


def _parts(node: Node) -> Iterator[Node]:
    yield node
    inner: tuple[Node, ...] = ()
    if isinstance(node, Call):
        inner = node.arguments
    elif isinstance(node, Chain):
        inner = (node.first, *(operand for _, operand in node.rest))
    for part in inner:
        yield from _parts(part)


@dataclass(frozen=True)
class _Rows:
    """What a formula is evaluated on."""

    columns: Mapping[str, FloatArray]
    dates: NDArray[np.datetime64] | None
    length: int

    def value(self, node: Node) -> FloatArray:
        if isinstance(node, Number):
            return np.full(self.length, node.value)
        if isinstance(node, Column):
            return self.columns[node.name]
        if isinstance(node, Dates):
            return node.apply(np.asarray(self.dates, dtype="datetime64[ns]"))
        if isinstance(node, Call):
            values = [self.value(argument) for argument in node.arguments]
            return node.apply(*values) if node.whole_number is None else node.apply(*values, node.whole_number)
        result = self.value(node.first)
        for apply, operand in node.rest:
            result = apply(result, self.value(operand))
        return result
