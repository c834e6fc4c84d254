"""Parts of a formula that has been read and found harmless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Elementwise = Callable[..., FloatArray]


@dataclass(frozen=True)
class Number:
    """A written number."""

    value: float


@dataclass(frozen=True)
class Column:
    """The values of a column."""

    name: str
    position: int
    """Where it stands in the text, from 1."""


@dataclass(frozen=True)
class Dates:
    """Something that is computed from the rows' dates."""

    apply: Callable[[NDArray[np.datetime64]], FloatArray]


@dataclass(frozen=True)
class Call:
    """A function or comparison of values."""

    apply: Elementwise
    arguments: tuple[Node, ...]
    whole_number: int | None = None
    """Number of rows that comes after the arguments (`lag(x, 2)`)."""


@dataclass(frozen=True)
class Chain:
    """`a + b - c …` from left to right, however long it is."""

    first: Node
    rest: tuple[tuple[Elementwise, Node], ...]


Node = Number | Column | Dates | Call | Chain
