"""Rules about several keys of features."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from mmm_core.config.keys import KeyPath, dotted, nearest
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError

_FEATURES: KeyPath = ("features",)
_EVENTS: KeyPath = ("features", "events")
_TERMS: KeyPath = ("features", "custom_terms")
_BASELINE: KeyPath = ("features", "baseline")
_HOLIDAYS: KeyPath = ("features", "holidays")
_RESERVED = ("baseline", "seasonality", "holidays")
"""Components of the contribution table that are neither channels nor controls."""
_BASELINE_LISTS = ("price_cols", "distribution_cols", "macro_cols")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def event_period(written: str) -> tuple[date, date] | None:
    """First and last day of `YYYY-MM-DD` or `YYYY-MM-DD/YYYY-MM-DD`; None if it is neither."""
    parts = [part.strip() for part in written.split("/")]
    if len(parts) > 2 or not all(_DAY.fullmatch(part) for part in parts):
        return None
    try:
        first, last = (date.fromisoformat(part) for part in (parts[0], parts[-1]))
    except ValueError:
        return None
    return (first, last) if first <= last else None


def required_period(written: str, key: str) -> tuple[date, date]:
    """First and last day of what stands at `key`.

    Raises:
        ConfigError: it is neither a day nor a period.
    """
    period = event_period(written)
    if period is None:
        raise ConfigError(f"{key}: {_not_a_period(written)}")
    return period


def _not_a_period(written: str) -> str:
    return (
        f"received {written!r}; allowed: a day YYYY-MM-DD, or a period YYYY-MM-DD/YYYY-MM-DD that does not end "
        "before it begins."
    )


def _dates_of_events(config: Config) -> Iterator[Problem]:
    for name, event in config.features.events.items():
        path = (*_EVENTS, name, "dates")
        if not event.dates:
            yield Problem(path, "is empty; give at least one day YYYY-MM-DD or period YYYY-MM-DD/YYYY-MM-DD.")
        for index, written in enumerate(event.dates):
            if event_period(written) is None:
                yield Problem((*path, index), _not_a_period(written))


def _names_of_terms(config: Config) -> Iterator[Problem]:
    """Events and custom terms are components of the contributions, so each has a name of its own."""
    taken = {name: path for path, name in _other_components(config)}
    named = [((*_EVENTS, name), name) for name in config.features.events]
    named += [((*_TERMS, name), name) for name in config.features.custom_terms]
    for path, name in named:
        if "__" in name or not name.isprintable():
            yield Problem(path, "a name is printable text without `__`; rename it.")
        elif name in _RESERVED:
            yield Problem(path, f"{name} is a component of every model; rename it.")
        elif name in taken:
            yield Problem(path, f"{name} is also {dotted(taken[name])}; rename one of them.", (taken[name],))
        taken.setdefault(name, path)


def _other_components(config: Config) -> Iterator[tuple[KeyPath, str]]:
    data, baseline = config.data, config.features.baseline
    for name in data.channel_map:
        yield ("data", "channel_map", name), name
    for name in data.organic_media:
        yield ("data", "organic_media", name), name
    for key, names in (("controls", data.controls), ("non_media_treatments", data.non_media_treatments)):
        yield from ((("data", key), name) for name in names)
    if baseline.trend != "none":
        yield (*_BASELINE, "trend"), "trend"
    if baseline.trend == "quadratic":
        yield (*_BASELINE, "trend"), "trend_squared"
    for key in _BASELINE_LISTS:
        yield from (((*_BASELINE, key), name) for name in getattr(baseline, key))


def _one_place_in_the_baseline(config: Config) -> Iterator[Problem]:
    """A series enters once, and the KPI does not explain itself."""
    outcomes = {config.data.kpi_col: ("data", "kpi_col"), config.data.revenue_col: ("data", "revenue_col")}
    taken: dict[str, KeyPath] = {}
    for key in _BASELINE_LISTS:
        for index, name in enumerate(getattr(config.features.baseline, key)):
            path = (*_BASELINE, key, index)
            if name in outcomes:
                yield Problem(
                    path, f"{name} is the KPI, which cannot explain itself; remove it.", (outcomes[name],)
                )
            if name in taken:
                yield Problem(
                    path, f"{name} is already {dotted(taken[name])}; remove one of them.", (taken[name],)
                )
            taken.setdefault(name, path)


def _names_of_holidays(config: Config) -> Iterator[Problem]:
    holidays = config.features.holidays
    seen: dict[str, int] = {"public": -1}
    for index, name in enumerate(holidays.names):
        before = seen.setdefault(name.casefold(), index)
        if before == -1:
            yield Problem((*_HOLIDAYS, "names", index), "`public` is the column of all others; name a holiday.")
        elif before != index:
            yield Problem((*_HOLIDAYS, "names", index), f"{name!r} is listed twice; list it once.")
    if holidays.country is None and not holidays.territories:
        for key in ("names", "lead_weeks", "lag_weeks"):
            if getattr(holidays, key):
                message = (
                    "has no effect without holidays; set features.holidays.country or territories, or remove it."
                )
                yield Problem((*_HOLIDAYS, key), message, ((*_HOLIDAYS, "country"),))


def _fatigue_and_attribution(config: Config) -> Iterator[Problem]:
    """What is switched on names its columns, for channels that there are."""
    features = config.features
    for key, enabled, columns, entries in (
        ("creative_fatigue", features.creative_fatigue.enabled, "age_cols", features.creative_fatigue.age_cols),
        ("attribution", features.attribution.enabled, "conversions", features.attribution.conversions),
    ):
        path = (*_FEATURES, key)
        if enabled and not entries:
            yield Problem(
                (*path, columns), "is empty; name at least one channel and its column.", ((*path, "enabled"),)
            )
        yield from _unknown_channels((*path, columns), list(entries), config)


def _outcomes_and_keys(config: Config) -> Iterator[Problem]:
    """The age of a creative is not the KPI, and what names rows is no event."""
    data, features = config.data, config.features
    kpi = data.kpi_col or data.revenue_col
    for channel, column in features.creative_fatigue.age_cols.items():
        if column == kpi:
            path: KeyPath = (*_FEATURES, "creative_fatigue", "age_cols", channel)
            yield Problem(path, f"{column} is the KPI; name the column with the creative's age or identifier.")
    keys = {data.date_col, data.currency_col, *data.keys}
    for index, column in enumerate(features.event_cols):
        if column in keys:
            message = f"{column} says whose row it is, or when, in the data section; name a column of events."
            yield Problem((*_FEATURES, "event_cols", index), message, (("data",),))


def _unknown_channels(path: KeyPath, names: Sequence[str], config: Config) -> Iterator[Problem]:
    data = config.data
    if not data.channel_map or data.channel_columns:
        return
    channels = [*data.channel_map, *data.organic_media]
    for name in names:
        if name not in channels:
            close = nearest(name, channels)
            hint = f" Did you mean {close}?" if close else ""
            message = f"no channel is named {name!r}; allowed: {', '.join(channels)}.{hint}"
            yield Problem((*path, name), message, (("data", "channel_map"),))


def _calendar_effects_once(config: Config) -> Iterator[Problem]:
    effects = config.features.seasonality.calendar_effects
    for index, effect in enumerate(effects):
        if effect in effects[:index]:
            path: KeyPath = ("features", "seasonality", "calendar_effects", index)
            yield Problem(path, f"{effect!r} is listed twice; list it once.")


FEATURE_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _dates_of_events,
    _names_of_terms,
    _one_place_in_the_baseline,
    _names_of_holidays,
    _fatigue_and_attribution,
    _outcomes_and_keys,
    _calendar_effects_once,
)
