"""A small, safe language of formulas over columns: `parse(text, key)` gives an `Expression`."""

from mmm_core.data.expressions.expression import Expression, parse

__all__ = ["Expression", "parse"]
