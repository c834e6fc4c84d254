"""Section `automation`: what runs without anyone asking for it."""

import re
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Share

Request = Literal["full", "features", "nothing"]
"""What is asked for: everything that is out of date, the data path only, or nothing."""
_FIELDS = {"minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12), "day of week": (0, 7)}
_NAMES = {"month": "jan feb mar apr may jun jul aug sep oct nov dec", "day of week": "sun mon tue wed thu fri sat"}
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[1-9]\d*))?")


def _cron(text: str) -> str:
    """A cron expression of five fields; raises ValueError with what is allowed."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{text!r} has {len(fields)} fields; a cron expression has {', '.join(_FIELDS)}: '0 6 * * 1'"
        )
    for value, (name, (low, high)) in zip(fields, _FIELDS.items(), strict=True):
        if not all(_is_part(part, name, low, high) for part in value.split(",")):
            raise ValueError(
                f"{name} {value!r} of {text!r} must be *, or numbers from {low} to {high} (a-b, a,b, */n)"
            )
    return text


def _is_part(part: str, name: str, low: int, high: int) -> bool:
    found = _PART.fullmatch(part)
    if found is None:
        return False
    ends = [_number(value, name) for value in (found["first"], found["last"]) if value is not None]
    known = [value for value in ends if value is not None]
    return len(known) == len(ends) and all(low <= value <= high for value in known) and known == sorted(known)


def _number(value: str, name: str) -> int | None:
    names = _NAMES.get(name, "").split()
    if value.lower() in names:
        return names.index(value.lower()) + (name == "month")
    return int(value) if value.isdecimal() else None


@cache
def _timezones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _timezone(name: str) -> str:
    if name not in _timezones():
        raise ValueError(f"{name!r} is no time zone; write UTC or a place such as Europe/Berlin")
    return name


Cron = Annotated[str, AfterValidator(_cron)]
TimeZone = Annotated[str, AfterValidator(_timezone)]


class NewDataConfig(Section):
    """The sensor that looks whether the source has changed, and keeps the list of geos equal to the source's."""

    running: bool = True
    """Whether the sensor is on until someone switches it in the UI."""
    every_seconds: int = Field(60, ge=5)
    """How often the source's signs (size and time of change, ETag, version) are compared; nothing is read."""
    read_every_hours: float | None = Field(None, gt=0)
    """How often a source that gives no signs (a database) is read to see whether it changed; null: only when
    something else makes `source_snapshot`."""
    request: Request = "full"
    """What new content asks for: the job `full`, once a person has fitted the model for the first time; the job
    `stage_features`; or nothing but new geos in the list."""


class RetrainingConfig(Section):
    """The schedule that asks for the job `full`."""

    running: bool = False
    """Whether the schedule is on until someone switches it in the UI."""
    cron: Cron = "0 6 * * 1"
    """When: minute, hour, day of month, month, day of week."""
    timezone: TimeZone = "UTC"
    """Time zone of `cron`, e.g. Europe/Berlin."""


class AfterBackfillConfig(Section):
    """What follows a backfill of geos: the cube once all geos are ready, and then the fit, each once."""

    running: bool = True
    """Whether both sensors are on until someone switches them in the UI."""
    refit: bool = True
    """Ask for the job `full` if the cube that was pooled so has new content; only after a first fit."""


class DriftConfig(Section):
    """Whether the last accepted fit still forecasts what came after it."""

    running: bool = True
    """Whether the sensor is on until someone switches it in the UI."""
    request: Literal["full", "nothing"] = "full"
    """What an alarm asks for: the job `full`, or nothing (the check on `drift` still says so)."""
    level: float = Field(0.9, gt=0, lt=1)
    """Probability of the predictive interval in which a new week's KPI should lie."""
    max_missed: Share = 0.3
    """Share of the new weeks, of a geo or of all together, that may lie outside it."""
    max_chance: Share = 0.01
    """An alarm needs more misses than that, and a probability below this one that chance explains them: few weeks
    or a vague forecast prove nothing."""


class FreshnessConfig(Section):
    """After how many days without being made an asset is shown as overdue; null: never."""

    source_days: float | None = Field(10, gt=0)
    """Of `source_snapshot`."""
    fit_days: float | None = Field(35, gt=0)
    """Of `posterior`, which is made again only when its inputs have changed."""
    report_days: float | None = Field(10, gt=0)
    """Of `report`."""


class AutomationConfig(Section):
    """Sensors, the schedule, freshness: see docs/automation.md."""

    new_data: NewDataConfig = NewDataConfig()
    retraining: RetrainingConfig = RetrainingConfig()
    after_backfill: AfterBackfillConfig = AfterBackfillConfig()
    drift: DriftConfig = DriftConfig()
    freshness: FreshnessConfig = FreshnessConfig()
