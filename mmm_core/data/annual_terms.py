"""How many annual Fourier terms there are where the configuration leaves it open."""

from mmm_core.config.schema import Config

_AUTO_PAIRS = 2
_FEWEST_WEEKS = 78
"""A year and a half: with less, what comes back every year cannot be told from what happened once."""
_WEEKS_PER_KNOT = 8
"""Knots that are closer follow a half-yearly wave themselves."""


def most_annual_pairs(config: Config) -> int:
    """Pairs of annual terms in the features of a geo; `auto` may leave them out once all geos are known."""
    order = config.features.seasonality.annual_fourier_order
    return _AUTO_PAIRS if order == "auto" else order


def annual_pairs(config: Config, n_weeks: int) -> int:
    """Pairs of annual terms in a model of that many weeks.

    `features.seasonality.annual_fourier_order: auto` means two pairs, and none where they could not be told from
    the trend: in less than 78 weeks, or beside knots that are less than 8 weeks apart (`model.knots: auto` chooses
    its knots beside them).
    """
    order = config.features.seasonality.annual_fourier_order
    if order != "auto":
        return order
    knots = config.model.knots
    n_knots = knots if isinstance(knots, int) else len(knots) if isinstance(knots, tuple) else 0
    return _AUTO_PAIRS if n_weeks >= _FEWEST_WEEKS and n_weeks >= _WEEKS_PER_KNOT * n_knots else 0
