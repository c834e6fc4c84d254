"""Missing dates, missing values and outages."""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import pandas as pd

from mmm_core.cleaning.campaigns import campaign_outages
from mmm_core.cleaning.change_log import BoolArray, Changes, FloatArray, cell_changes
from mmm_core.cleaning.imputation import from_partner, from_weeks_around
from mmm_core.cleaning.outages import detected_outages, known_outages
from mmm_core.cleaning.periods import Periods
from mmm_core.cleaning.roles import Channel, Roles
from mmm_core.config.cleaning import MissingDataConfig
from mmm_core.data import calendar
from mmm_core.data.mapping import ColumnMapping
from mmm_core.errors import DataError

MASKING = frozenset({"mask", "campaign_aware"})
"""Strategies under which a KPI that is not known stays so."""


class _Action(IntEnum):
    """What was done about a cell."""

    NOTHING = 0
    ZERO = 1
    PAUSE = 2
    NO_ACTIVITY = 3
    INTERPOLATED = 4
    MASKED = 5
    FROM_WEEKS = 6
    FROM_PARTNER = 7


@dataclass(frozen=True)
class _State:
    """What is known of the cells, and what has been done about them so far; (T, C) each."""

    values: FloatArray
    actions: np.ndarray
    missing: BoolArray
    known_outage: BoolArray
    outage: BoolArray
    """Known or detected."""

    @property
    def trusted(self) -> BoolArray:
        return ~(self.missing | self.outage)

    def put(self, column: int, dates: BoolArray, values: FloatArray | float, action: _Action) -> None:
        self.values[dates, column] = values if isinstance(values, float) else values[dates]
        self.actions[dates, column] = action


def fill_gaps(
    periods: Periods, roles: Roles, mapping: ColumnMapping, settings: MissingDataConfig
) -> tuple[Periods, list[Changes]]:
    """Complete a series.

    - Spend, media, reach, frequency, attributed conversions and events that are missing become 0.  Under
      `campaign_aware`, those of channels are imputed where they are an outage (`campaign_outages`).
    - Those in an outage, known or detected, are imputed: from the channel's own spend or media units of the
      same date at its usual cost per unit, or else from the weeks around.  Where there is no activity around,
      what is recorded stays, and what is missing becomes 0.
    - Levels (controls, treatments, population, prices) that are missing or in an outage are interpolated
      linearly in time; before the first and after the last known value, they are like that one.
    - A KPI that is missing stays so under `mask` and `campaign_aware`, and is interpolated under `simple`.  In
      an outage, `outage_action` says whether it is masked or imputed from the weeks around.

    Args:
        periods: all dates that there should be.
        roles: of the columns.
        mapping: gives the names that outages refer to.
        settings: `refuse` raises if there is anything to fill but known or detected outages.

    Returns:
        The complete series (the KPI may be NaN), and the log of filled and of masked cells.

    Raises:
        DataError: gaps under `refuse`, or a KPI or level without any value.
    """
    missing = np.isnan(periods.values)
    known = known_outages(periods, roles, mapping, settings.outages)
    outage = known
    if settings.outage_detection:
        outage = known | detected_outages(periods, roles, missing | known, settings)
    gaps = missing & ~outage
    if settings.strategy == "refuse" and gaps.any():
        raise _refusal(periods, gaps)
    if not (missing | outage).any():
        return periods, []
    actions = np.zeros(missing.shape, dtype=np.int8)
    state = _State(periods.values.copy(), actions, missing, known, outage)
    _refuse_empty(periods, roles, state)
    _fill_levels(state, roles)
    _fill_activity(periods, state, roles, settings)
    _fill_kpi(periods, state, roles, settings)
    return replace(periods, values=state.values), [_log(periods, state)]


def _fill_levels(state: _State, roles: Roles) -> None:
    for column in roles.levels[~state.trusted[:, roles.levels].all(axis=0)].tolist():
        _interpolate(state, column, ~state.trusted[:, column])


def _interpolate(state: _State, column: int, wanted: BoolArray) -> None:
    """Linearly between the nearest trusted values; beyond them, the nearest one."""
    at = np.flatnonzero(state.trusted[:, column])
    line = np.interp(np.arange(len(wanted)), at, state.values[at, column])
    state.put(column, wanted, line, _Action.INTERPOLATED)


def _fill_activity(periods: Periods, state: _State, roles: Roles, settings: MissingDataConfig) -> None:
    aware = settings.strategy == "campaign_aware"
    suspect = state.outage.copy()
    if aware:
        suspect |= campaign_outages(periods, roles, state.missing, state.outage, settings)
    owner = {column: channel for channel in roles.channels for column in channel.all}
    for column in roles.activity[(state.missing | suspect)[:, roles.activity].any(axis=0)].tolist():
        channel = owner.get(column)
        gaps = state.missing[:, column] & ~suspect[:, column]
        state.put(column, gaps, 0.0, _Action.PAUSE if aware and channel else _Action.ZERO)
        if suspect[:, column].any():
            _impute(periods, state, column, channel, suspect[:, column])


def _impute(periods: Periods, state: _State, column: int, channel: Channel | None, wanted: BoolArray) -> None:
    """Values of one activity column where recording failed."""
    if channel is not None:
        related = from_partner(periods, channel, column, state.trusted, wanted)
        state.put(column, related.from_partner, related.values, _Action.FROM_PARTNER)
        wanted = wanted & ~related.from_partner
    trusted = state.trusted[:, column]
    if channel is not None and column == channel.frequency:
        trusted = trusted & (periods.values[:, column] > 0)
    around = from_weeks_around(periods, column, trusted, wanted & ~trusted)
    state.put(column, around.from_weeks, around.values, _Action.FROM_WEEKS)
    state.put(column, wanted & ~around.from_weeks & state.missing[:, column], 0.0, _Action.NO_ACTIVITY)


def _fill_kpi(periods: Periods, state: _State, roles: Roles, settings: MissingDataConfig) -> None:
    kpi = roles.kpi
    outage = state.outage[:, kpi]
    gaps = state.missing[:, kpi] & ~outage
    if settings.strategy in MASKING:
        state.put(kpi, gaps, float("nan"), _Action.MASKED)
    elif gaps.any():
        _interpolate(state, kpi, gaps)
    if settings.outage_action == "mask":
        state.put(kpi, outage, float("nan"), _Action.MASKED)
    elif outage.any():
        _interpolate(state, kpi, outage)
        around = from_weeks_around(periods, kpi, state.trusted[:, kpi], outage)
        state.put(kpi, around.from_weeks, around.values, _Action.FROM_WEEKS)


def _log(periods: Periods, state: _State) -> Changes:
    differs = state.missing | (state.values != periods.values)
    changed = (state.actions > 0) & differs
    at = np.nonzero(changed)
    cause = np.where(state.known_outage[at], 2, np.where(state.outage[at], 3, ~periods.absent[at[0]]))
    texts = _texts(periods.unit)[cause, state.actions[at]]
    return cell_changes(periods.dates, periods.columns, periods.values, state.values, changed, texts)


def _texts(unit: str) -> np.ndarray:
    """(4, 8) text of each rule, by cause and action."""
    causes = (f"missing {unit}", "missing value", "known outage", "outage detected")
    actions = {
        _Action.NOTHING: "",
        _Action.ZERO: "set to 0",
        _Action.PAUSE: "pause, set to 0",
        _Action.NO_ACTIVITY: "no activity in the weeks around, set to 0",
        _Action.INTERPOLATED: "interpolated",
        _Action.MASKED: "left out of the fit" if unit == "week" else "the week is left out of the fit",
        _Action.FROM_WEEKS: "outage, imputed from the weeks around",
        _Action.FROM_PARTNER: "outage, imputed at the usual cost per media unit",
    }
    return np.array(
        [
            [
                f"{cause}: {action.removeprefix('outage, ' if 'outage' in cause else '')}"
                for action in actions.values()
            ]
            for cause in causes
        ],
        dtype=object,
    )


def _refuse_empty(periods: Periods, roles: Roles, state: _State) -> None:
    needed = np.sort(np.append(roles.levels, roles.kpi))
    empty = needed[~state.trusted[:, needed].any(axis=0)]
    if len(empty):
        names = ", ".join(periods.columns[position] for position in empty)
        raise DataError(f"Geo {periods.geo}: {names} holds no value at all; remove it from the data section.")


def _refusal(periods: Periods, gaps: BoolArray) -> DataError:
    dates, rest = pd.DatetimeIndex(periods.dates), gaps & ~periods.absent[:, None]
    absent = dates[periods.absent & gaps.any(axis=1)]
    parts = [f"missing dates {calendar.iso(absent)}"] if len(absent) else []
    parts += [
        f"missing values of {periods.columns[position]} at {calendar.iso(dates[rest[:, position]])}"
        for position in np.flatnonzero(rest.any(axis=0))[:3]
    ]
    return DataError(
        f"Geo {periods.geo} has {'; '.join(parts)}, and enhanced_cleaning.missing_data.strategy is refuse; "
        "complete the source, or set the strategy to mask, campaign_aware or simple."
    )
