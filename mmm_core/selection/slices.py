"""Weeks to fit and weeks to predict, and the same data with other seasonal terms."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from mmm_core.errors import SpecificationError
from mmm_core.features.held_out import truncate, with_controls, without_later_events
from mmm_core.features.model_data import ControlRole, FloatArray, ModelData
from mmm_core.features.seasonality import is_annual_term, seasonal_terms

_SEASONALITY: ControlRole = "seasonality"
_MIN_WEEKS = 26
"""Fewest weeks that a slice's fit may have."""


@dataclass(frozen=True)
class TimeSlice:
    """Fit to the weeks before `start`, predict the weeks from `start` to before `end` (0-based)."""

    start: int
    end: int

    def days(self, data: ModelData) -> tuple[date, date]:
        """First day of the first predicted week, last day of the last one."""
        first, last = data.dates[[self.start, self.end - 1]].astype("datetime64[D]").tolist()
        return first, last + timedelta(days=6)


def with_seasonality(data: ModelData, order: int) -> ModelData:
    """The data with that many pairs of annual Fourier terms, in place of those it has; all else stays.

    The terms are those of `features.build`, so the result is what would have been assembled with
    `features.seasonality.annual_fourier_order: order`, with these terms last.

    Args:
        data: any seasonality.
        order: pairs of sine and cosine, >= 0.
    """
    data = with_controls(data, [k for k, name in enumerate(data.controls) if not is_annual_term(name)])
    terms = seasonal_terms(data.dates, order)
    values = np.zeros((*data.kpi.shape, len(terms)))
    for k, term in enumerate(terms.values()):
        values[:, :, k] = term
    return dataclasses.replace(
        data,
        controls=data.controls + tuple(terms),
        control_roles=data.control_roles + (_SEASONALITY,) * len(terms),
        control_values=np.concatenate([data.control_values, values], axis=2),
        control_per_capita=data.control_per_capita + (False,) * len(terms),
    )


def time_slices(data: ModelData, splits: int, horizon: int) -> tuple[TimeSlice, ...]:
    """The last `splits` times `horizon` weeks, one slice after the other, the earliest first.

    A slice is left out if a model cannot be fitted to the weeks before it: fewer than 26, or a channel has no
    media (or spend) yet, or a control has not varied (one that is 0 throughout is left out there, see
    `without_later_events`).

    Raises:
        SpecificationError: no slice is left; says why.
    """
    weeks = len(data.dates)
    starts = [weeks - horizon * back for back in range(splits, 0, -1)]
    obstacles = [_obstacle(data, start) for start in starts]
    slices = tuple(
        TimeSlice(start, start + horizon)
        for start, obstacle in zip(starts, obstacles, strict=True)
        if not obstacle and data.observed[:, start : start + horizon].any()
    )
    if not slices:
        raise SpecificationError(
            f"The model choice cannot predict the last {horizon} of {weeks} weeks from those before: "
            f"{obstacles[-1] or 'their KPI is not known'}. Lower model.selection.horizon_weeks, or set "
            "model.selection.enabled: false."
        )
    return slices


def _obstacle(data: ModelData, start: int) -> str:
    """Why no model can be fitted to the weeks before `start`; empty if one can."""
    if start < _MIN_WEEKS:
        return f"there are {max(start, 0)} weeks before, at least {_MIN_WEEKS} are needed"
    before = truncate(without_later_events(data, start), start)
    paid = len(before.paid_channels)
    silent = _named(data.channels, before.media.sum(axis=(0, 1)) == 0)
    unpaid = _named(data.paid_channels, before.spend[:, :, :paid].sum(axis=(0, 1)) == 0)
    constant = _named(before.controls, _spread(before.control_values, before.present) == 0)
    for names, what in ((silent, "media"), (unpaid, "spend"), (constant, "variation")):
        if names:
            return f"there is no {what} of {', '.join(names)} in the {start} weeks before"
    return "" if before.observed.any() else f"the KPI of the {start} weeks before is not known"


def _named(names: Sequence[str], chosen: NDArray[np.bool_]) -> list[str]:
    return [name for name, is_chosen in zip(names, chosen, strict=True) if is_chosen]


def _spread(values: FloatArray, present: NDArray[np.bool_]) -> FloatArray:
    """(K,) largest less smallest value over present cells."""
    cells = values[present]
    return np.asarray(np.ptp(cells, axis=0) if len(cells) else np.zeros(values.shape[2]))
