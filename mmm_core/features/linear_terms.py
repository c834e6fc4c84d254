"""Columns with a linear effect: their role in the model, their name there, and which of them say something."""

import logging
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.panel import (
    BASELINE,
    CALENDAR,
    CONTROL,
    EVENT,
    HOLIDAY,
    SEASON,
    TERM,
    TREATMENT,
    with_prefix,
)
from mmm_core.errors import ConfigError
from mmm_core.features.aligned import AlignedPanel
from mmm_core.features.fatigue import AGE_TERM
from mmm_core.features.model_data import ControlRole, FloatArray

CONTROL_ROLES: Mapping[str, ControlRole] = {
    CONTROL: "control",
    TERM: "control",
    BASELINE: "control",
    TREATMENT: "non_media_treatment",
    EVENT: "non_media_treatment",
    HOLIDAY: "holiday",
    SEASON: "seasonality",
    CALENDAR: "seasonality",
}
"""Prefix of a panel column -> role, in the order of the controls in the model."""
COMPUTED = (TERM, BASELINE, EVENT, HOLIDAY, SEASON, CALENDAR)
"""Prefixes of columns that no mapping names one by one."""
_KEEP_PREFIX = (HOLIDAY, SEASON, CALENDAR)
_MAY_BE_CONSTANT = (TERM, BASELINE, EVENT, HOLIDAY, CALENDAR)
"""What is left out where it never varies; a control or treatment that never varies is a slip instead."""
_COMPONENTS = ("baseline", "seasonality", "holidays")
_ROUNDING = 1e-12
"""Spread, relative to the largest value, up to which values count as equal."""
_log = logging.getLogger(__name__)


def linear_columns(panel: AlignedPanel, mapping: ColumnMapping) -> tuple[str, ...]:
    """Panel columns of the linear terms in the model's order, those left out that are the same everywhere.

    An event that does not happen, or a holiday that never comes, in the fitted weeks is left out, and the log
    says so.

    Raises:
        ConfigError: two terms, or a term and a channel, go by the same name.
    """
    by_prefix = {prefix: with_prefix(panel.values, prefix) for prefix in COMPUTED} | {
        CONTROL: tuple(f"{CONTROL}{control}" for control in mapping.controls),
        TREATMENT: tuple(f"{TREATMENT}{treatment}" for treatment in mapping.treatments),
    }
    columns = [column for prefix in CONTROL_ROLES for column in by_prefix[prefix]]
    _check_names(columns, mapping)
    constant = [
        column for column in columns if column.startswith(_MAY_BE_CONSTANT) and _is_constant(panel, column)
    ]
    if constant:
        names = ", ".join(_without_prefix(column) for column in constant)
        _log.warning(
            "Terms that are the same in every geo and week of the window are left out of the model: %s.", names
        )
    _warn_of_permanent_events(panel, [column for column in by_prefix[EVENT] if column not in constant])
    return tuple(column for column in columns if column not in constant)


def control_role(column: str) -> ControlRole:
    """To which component the column's contribution is added."""
    return CONTROL_ROLES[_prefix(column)]


def control_name(column: str) -> str:
    """The column's name in the model: that of its source or configuration; calendar terms keep their prefix."""
    return column if _prefix(column) in _KEEP_PREFIX else _without_prefix(column)


def _prefix(column: str) -> str:
    return next(prefix for prefix in CONTROL_ROLES if column.startswith(prefix))


def _without_prefix(column: str) -> str:
    return column.removeprefix(_prefix(column))


def _is_constant(panel: AlignedPanel, column: str) -> bool:
    values = panel.of(column)[panel.present]
    return bool(np.ptp(values) <= _ROUNDING * np.abs(values).max())


def _warn_of_permanent_events(panel: AlignedPanel, events: Sequence[str]) -> None:
    """The effect of an event counts from 0 only if there are weeks without it."""
    smallest: Mapping[str, FloatArray] = {column: panel.of(column)[panel.present].min() for column in events}
    permanent = [f"{_without_prefix(column)} (from {low:g})" for column, low in smallest.items() if low > 0]
    if permanent:
        _log.warning(
            "Events that are on in every geo and week count from their smallest value, not from 0: %s.",
            ", ".join(permanent),
        )


def _check_names(columns: Sequence[str], mapping: ColumnMapping) -> None:
    """Everything in the table of contributions has a name of its own.

    Raises:
        ConfigError: naming the configuration keys.
    """
    taken: dict[str, str] = {}
    for name, key in (*_channel_keys(mapping), *((control_name(column), _key(column)) for column in columns)):
        if name in _COMPONENTS or (name.startswith(_KEEP_PREFIX) and not key.startswith("features.")):
            raise ConfigError(f"{key}: {name} is the name of a component of every model; rename it.")
        if name in taken:
            raise ConfigError(f"{key}: the name {name} is taken by {taken[name]}; rename or remove one of them.")
        taken[name] = key


def _channel_keys(mapping: ColumnMapping) -> Iterator[tuple[str, str]]:
    yield from ((channel, f"data.channel_map.{channel}") for channel in mapping.channels)
    yield from ((channel, f"data.organic_media.{channel}") for channel in mapping.organic)


def _key(column: str) -> str:
    """Where the configuration asks for the column."""
    prefix, name = _prefix(column), _without_prefix(column)
    if prefix == TERM and name.startswith(AGE_TERM):
        return f"features.creative_fatigue.age_cols.{name.removeprefix(AGE_TERM)}"
    return {
        CONTROL: "data.controls",
        TREATMENT: "data.non_media_treatments",
        TERM: f"features.custom_terms.{name}",
        EVENT: f"features.events (or event_cols) {name}",
        HOLIDAY: "features.holidays",
        BASELINE: f"features.baseline {name}",
    }.get(prefix, "features.seasonality")
