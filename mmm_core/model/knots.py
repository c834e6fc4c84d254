"""Where the knots of the baseline's trend are."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import numpy as np

from mmm_core.errors import SpecificationError
from mmm_core.features.knot_count import default_knot_count
from mmm_core.features.model_data import ModelData
from mmm_core.model.knot_choice import best_knots
from mmm_core.model.model_spec import ModelSpec

_WEEKS_PER_KNOT_AT_MOST = 4
"""`auto` goes no further than a knot every so many weeks: from there on a trend takes the place of media."""
_LADDER_STEP = 1.25


def knot_locations(
    wanted: int | Literal["auto"] | Sequence[str] | None, data: ModelData, spec: ModelSpec
) -> tuple[int, ...]:
    """Week indices, ascending, that `model.knots` means.

    Args:
        wanted: how many; `auto`; ISO dates; or None for the default number.
        data: what is fitted to.
        spec: the rest of the model, which `auto` needs.

    Raises:
        SpecificationError: more knots than weeks, or a date that is none, is outside the weeks, or shares
            its week with another.
    """
    n_weeks = len(data.dates)
    if wanted is None:
        return equally_spaced(default_knot_count(n_weeks, data.is_national), n_weeks)
    if wanted == "auto":
        return best_knots(data, spec, [equally_spaced(count, n_weeks) for count in knot_ladder(data)])
    if isinstance(wanted, int):
        most = _most_knots(data)
        if not 1 <= wanted <= most:
            raise SpecificationError(
                f"model.knots is {wanted}, but there are {n_weeks} weeks; use 1 to {most}, or auto."
            )
        return equally_spaced(wanted, n_weeks)
    return _at_dates(wanted, data)


def equally_spaced(n_knots: int, n_weeks: int) -> tuple[int, ...]:
    """Week indices with the first and the last week included (as Meridian places them)."""
    return tuple(int(week) for week in np.unique(np.linspace(0, n_weeks - 1, n_knots, dtype=int)))


def knot_ladder(data: ModelData) -> list[int]:
    """Numbers of knots that `auto` tries: from 2 to one per 4 weeks, each about a quarter more than the last."""
    most = max(2, min(len(data.dates) // _WEEKS_PER_KNOT_AT_MOST, _most_knots(data)))
    ladder = [2]
    while ladder[-1] < most:
        ladder.append(min(most, max(ladder[-1] + 1, round(ladder[-1] * _LADDER_STEP))))
    return ladder


def _most_knots(data: ModelData) -> int:
    """A knot in every week of a national panel would explain everything."""
    return len(data.dates) - 1 if data.is_national else len(data.dates)


def _at_dates(dates: Sequence[str], data: ModelData) -> tuple[int, ...]:
    first, last = (day.astype("datetime64[D]") for day in (data.dates[0], data.dates[-1]))
    weeks: dict[int, str] = {}
    for written in dates:
        try:
            day = np.datetime64(date.fromisoformat(written), "D")
        except ValueError as error:
            raise SpecificationError(f"model.knots: {written!r} is no date; write YYYY-MM-DD.") from error
        week = int((day - first) // np.timedelta64(7, "D"))
        if not 0 <= week < len(data.dates):
            raise SpecificationError(
                f"model.knots: {written} is outside the fitted weeks, which begin {first} to {last}; remove it, "
                "or see data.windows.estimation_months."
            )
        if week in weeks:
            raise SpecificationError(
                f"model.knots: {weeks[week]} and {written} are in the same week; remove one of them."
            )
        weeks[week] = written
    return tuple(sorted(weeks))
