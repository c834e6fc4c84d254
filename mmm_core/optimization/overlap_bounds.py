"""What no plan within given ranges can exceed, where the outcomes of pairs of cells multiply.

For prices of money the Lagrangian falls apart into trees of cells that the products connect, and is maximised over
each of them from the leaves to the root.  What a leaf brings at best is a maximum of functions linear in its
parent's outcome, so it is convex in that, and between two levels of the parent no larger than its straight line.
On every interval of the parent the worth is then linear in the outcome: it is largest at an end, and a curve that
rises above its chord adds at most that rise times the slope.  Products that would close a cycle are replaced by a
plane above them (McCormick 1976), which is close where the ranges are small.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.pieces import Piece


@dataclass(frozen=True)
class Product:
    """A term `-weight * y_first * y_second` of the changes of two cells' outcomes."""

    first: int
    second: int
    weight: float

    def worth(self, changes: FloatArray) -> float:
        """The term for (N,) changes of outcome."""
        return float(-self.weight * changes[self.first] * changes[self.second])


@dataclass(frozen=True)
class Tree:
    """A cell and the trees that hang on it."""

    cell: int
    weight: float = 0.0
    """Of the product with the parent; 0 for a root."""
    children: tuple["Tree", ...] = ()

    @property
    def cells(self) -> tuple[int, ...]:
        """All of them, the parent first."""
        return (self.cell, *(cell for child in self.children for cell in child.cells))

    def worth(self, changes: FloatArray) -> float:
        """The products of the tree for (N,) changes of outcome."""
        found = 0.0
        for child in self.children:
            found += child.worth(changes) - child.weight * float(changes[self.cell] * changes[child.cell])
        return found


@dataclass(frozen=True)
class Plane:
    """`first * y_first + second * y_second + constant`, nowhere below a product within two ranges."""

    first: float
    second: float
    constant: float


@dataclass(frozen=True)
class Top:
    """The bound of a tree, and in which intervals of its cells it is reached."""

    worth: float
    spend: dict[int, float]
    """cell -> the better end of its interval."""
    intervals: dict[int, FloatArray]
    """cell -> the ends of its interval."""


def forest(products: Sequence[Product], n_cells: int) -> tuple[list[Tree], list[Product]]:
    """Trees of all cells, and the products that would close a cycle; the first products are taken first."""
    group = list(range(n_cells))
    edges: dict[int, list[tuple[int, float]]] = {cell: [] for cell in range(n_cells)}
    loose = []
    for one in products:
        if group[one.first] == group[one.second]:
            loose.append(one)
            continue
        kept, gone = group[one.first], group[one.second]
        group = [kept if of == gone else of for of in group]
        edges[one.first].append((one.second, one.weight))
        edges[one.second].append((one.first, one.weight))

    def tree(cell: int, parent: int, weight: float) -> Tree:
        return Tree(cell, weight, tuple(tree(other, cell, w) for other, w in edges[cell] if other != parent))

    roots = sorted({of: cell for cell, of in reversed(list(enumerate(group)))}.values())
    return [tree(cell, -1, 0.0) for cell in roots], loose


def plane_above(product: Product, first: Piece, second: Piece) -> Plane:
    """The mean of the two planes of the concave envelope of a product.

    Args:
        product: the term.
        first: its first cell, with changes of outcome as values, monotone between levels.
        second: the other cell.
    """
    low, high = float(first.values.min()), float(first.values.max())
    least, most = float(second.values.min()), float(second.values.max())
    corners = low * least + high * most if product.weight > 0 else low * most + high * least
    half = product.weight / 2
    return Plane(-half * (least + most), -half * (low + high), half * corners)


def tree_top(tree: Tree, pieces: Sequence[Piece], slopes: Sequence[float], prices: Sequence[float]) -> Top:
    """At least the largest `slopes @ y - prices @ spend + products` of a tree.

    Args:
        tree: cells and products.
        pieces: (N,) cells with changes y of outcome as values, monotone between levels.
        slopes: (N,) worth of a unit of outcome.
        prices: (N,) of a unit of money.
    """
    best = _best(tree, pieces, slopes, prices, np.array([slopes[tree.cell]]))
    top = Top(float(best.worth[0]), {}, {})
    best.trace(pieces, 0, top)
    return top


@dataclass(frozen=True)
class _Best:
    """Of a tree for each of K slopes of its root."""

    cell: int
    worth: FloatArray
    """(K,)"""
    interval: NDArray[np.intp]
    """(K,) index of the interval."""
    corner: NDArray[np.intp]
    """(K,) index of the level."""
    children: tuple["_Best", ...]

    def trace(self, pieces: Sequence[Piece], row: int, top: Top) -> None:
        """Write down where the bound is reached."""
        levels, at, corner = pieces[self.cell].levels, int(self.interval[row]), int(self.corner[row])
        top.spend[self.cell] = float(levels[min(corner, len(levels) - 1)])
        top.intervals[self.cell] = levels[at : at + 2]
        for child in self.children:
            child.trace(pieces, corner, top)


def _best(
    tree: Tree, pieces: Sequence[Piece], slopes: Sequence[float], prices: Sequence[float], rows: FloatArray
) -> _Best:
    """For (K,) slopes of the root, the parent's part included."""
    piece = _with_two_levels(pieces[tree.cell])
    y = piece.values
    children = tuple(
        _best(child, pieces, slopes, prices, slopes[child.cell] - child.weight * y) for child in tree.children
    )
    inner = np.sum([child.worth for child in children], axis=0) if children else np.zeros(len(y))
    net = rows[:, None] * y + (inner - prices[tree.cell] * piece.levels)
    width = np.diff(y)
    along = np.divide(np.diff(inner), width, out=np.zeros_like(width), where=width != 0)
    slope = rows[:, None] + along
    tops = np.maximum(net[:, :-1], net[:, 1:])
    tops += piece.rises * np.maximum(slope, 0.0) + np.abs(width) * np.maximum(-slope, 0.0)
    at, every = np.argmax(tops, axis=1), np.arange(len(rows))
    corner = at + (net[every, at + 1] > net[every, at])
    return _Best(tree.cell, tops[every, at], at, corner, children)


def _with_two_levels(piece: Piece) -> Piece:
    """A cell that is fixed, as an interval without width."""
    if len(piece.levels) > 1:
        return piece
    return Piece(np.repeat(piece.levels, 2), np.repeat(piece.values, 2), np.zeros(1))
