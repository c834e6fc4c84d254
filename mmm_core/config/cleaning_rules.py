"""Rules about several keys of enhanced_cleaning."""

import re
from collections.abc import Callable, Iterator
from datetime import date

from mmm_core.config.keys import KeyPath, nearest
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

_CURRENCY: KeyPath = ("enhanced_cleaning", "currency")
_DUPLICATES: KeyPath = ("enhanced_cleaning", "duplicates")
_MISSING: KeyPath = ("enhanced_cleaning", "missing_data")
_OUTLIERS: KeyPath = ("enhanced_cleaning", "outliers")
_OWN: KeyPath = ("project", "currency")
_CODE = re.compile(r"[A-Z]{3}")
_WILDCARDS = frozenset("*?[!")


def _outage_dates(config: Config) -> Iterator[Problem]:
    for number, outage in enumerate(config.enhanced_cleaning.missing_data.outages):
        path: KeyPath = (*_MISSING, "outages", number)
        days = {key: _date(written) for key, written in (("start", outage.start), ("end", outage.end))}
        for key, day in days.items():
            if day is None:
                received = outage.start if key == "start" else outage.end
                yield Problem((*path, key), f"received {received!r}; allowed: a date, written YYYY-MM-DD.")
        start, end = days["start"], days["end"]
        if start is not None and end is not None and end < start:
            message = f"received {outage.end}, which is before the start, {outage.start}; exchange them."
            yield Problem((*path, "end"), message, ((*path, "start"),))
        if not outage.columns:
            message = "received an empty list; allowed: `kpi`, channels or source columns, at least one."
            yield Problem((*path, "columns"), message)


def _date(written: str) -> date | None:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if day.isoformat() == written else None


def _currency_codes(config: Config) -> Iterator[Problem]:
    settings = config.enhanced_cleaning.currency
    for code in settings.rates:
        if not _CODE.fullmatch(code):
            message = "allowed: the ISO code of a currency in three capital letters, such as EUR."
            yield Problem((*_CURRENCY, "rates", code), message)
    own = config.project.currency
    if settings.policy == "convert" and not _CODE.fullmatch(own):
        message = (
            f"received {own!r}, but enhanced_cleaning.currency.policy is convert; allowed then: the ISO code of a "
            "currency in three capital letters, such as EUR."
        )
        yield Problem(_OWN, message, ((*_CURRENCY, "policy"),))
    if settings.rates.get(own, 1.0) != 1.0:
        message = f"received {settings.rates[own]:g}, but {own} is project.currency, which is worth 1; remove it."
        yield Problem((*_CURRENCY, "rates", own), message, (_OWN,))


def _currency_conversion(config: Config) -> Iterator[Problem]:
    settings, data = config.enhanced_cleaning.currency, config.data
    policy: KeyPath = (*_CURRENCY, "policy")
    if settings.rates and settings.rate_col is not None:
        message = (
            f"received {settings.rate_col!r}, and there are enhanced_cleaning.currency.rates as well; give only "
            "one of them."
        )
        yield Problem((*_CURRENCY, "rate_col"), message, ((*_CURRENCY, "rates"),))
    if settings.policy == "convert" and not settings.rates and settings.rate_col is None:
        yield Problem(policy, "received 'convert', but there are no rates; give `rates` or `rate_col`.")
    if settings.policy != "convert":
        for key, given in (("rates", bool(settings.rates)), ("rate_col", settings.rate_col is not None)):
            if given:
                message = (
                    f"has no effect while the policy is {settings.policy}; set enhanced_cleaning.currency.policy "
                    "to convert, or remove it."
                )
                yield Problem((*_CURRENCY, key), message, (policy,))
    if settings.policy == "convert" and data.currency_col is None:
        message = "received 'convert', but no column says which currency a row has; give data.currency_col."
        yield Problem(policy, message, (("data", "currency_col"),))
    if settings.policy == "scale_per_geo" and data.kpi_col is not None and data.revenue_per_kpi_col is None:
        message = (
            "received 'scale_per_geo', which divides money by revenue, but neither data.revenue_col nor "
            "data.revenue_per_kpi_col is set; give one of them, or use `convert`."
        )
        yield Problem(policy, message, (("data", "kpi_col"),))


def _outlier_columns(config: Config) -> Iterator[Problem]:
    settings = config.enhanced_cleaning.outliers
    if settings.policy != "none" and not settings.columns:
        message = f"received an empty list, but the policy is {settings.policy}; name at least one, or use none."
        yield Problem((*_OUTLIERS, "columns"), message, ((*_OUTLIERS, "policy"),))
    linear = [*config.data.controls, *config.data.non_media_treatments]
    if any(not _WILDCARDS.isdisjoint(item) for item in linear):
        return
    for table in config.external_data.values():
        linear += [*table.amounts, *table.levels]
    for number, name in enumerate(settings.promo_columns):
        if config.data.channel_map and name not in linear:
            close = nearest(name, linear)
            hint = f" Did you mean {close}?" if close else ""
            message = f"{name!r} is neither in data.non_media_treatments nor in data.controls.{hint}"
            yield Problem((*_OUTLIERS, "promo_columns", number), message, (("data", "non_media_treatments"),))


def _promotions(config: Config) -> Iterator[Problem]:
    """Promotions matter only to outliers that are treated."""
    settings = config.enhanced_cleaning.outliers
    if not settings.promo_columns:
        return
    path: KeyPath = (*_OUTLIERS, "promo_columns")
    if settings.policy == "none":
        message = "has no effect while the policy is none; set enhanced_cleaning.outliers.policy, or remove it."
        yield Problem(path, message, ((*_OUTLIERS, "policy"),))
    elif not settings.exempt_promo_periods:
        message = "has no effect while exempt_promo_periods is false; set that to true, or remove it."
        yield Problem(path, message, ((*_OUTLIERS, "exempt_promo_periods"),))


def _duplicates(config: Config) -> Iterator[Problem]:
    """How rows are combined matters only where they are."""
    settings = config.enhanced_cleaning.duplicates
    if settings.policy == "aggregate":
        return
    remedy = "set enhanced_cleaning.duplicates.policy to aggregate"
    message = f"has no effect while the policy is {settings.policy}; {remedy}"
    if settings.identical_rows == "keep":
        yield Problem((*_DUPLICATES, "identical_rows"), f"{message}.", ((*_DUPLICATES, "policy"),))
    if settings.rules:
        yield Problem((*_DUPLICATES, "rules"), f"{message}, or remove the rules.", ((*_DUPLICATES, "policy"),))


def _pauses_and_outages(config: Config) -> Iterator[Problem]:
    """One stretch of time is a pause or an outage."""
    settings = config.enhanced_cleaning.missing_data
    both = settings.strategy == "campaign_aware" and settings.pause_detection and settings.outage_detection
    if both and settings.max_outage_days > settings.min_pause_days:
        message = (
            f"received {settings.max_outage_days}, but from min_pause_days ({settings.min_pause_days}) on a "
            "stretch is a pause; it may not be longer than that."
        )
        yield Problem((*_MISSING, "max_outage_days"), message, ((*_MISSING, "min_pause_days"),))
    of_kpi = settings.outage_detection or any("kpi" in outage.columns for outage in settings.outages)
    if settings.strategy in ("refuse", "simple") and settings.outage_action == "mask" and of_kpi:
        message = (
            f"received 'mask', but under the strategy {settings.strategy} every week has a KPI; use `impute`, or "
            "the strategy mask or campaign_aware."
        )
        yield Problem((*_MISSING, "outage_action"), message, ((*_MISSING, "strategy"),))


CLEANING_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _outage_dates,
    _currency_codes,
    _currency_conversion,
    _outlier_columns,
    _promotions,
    _duplicates,
    _pauses_and_outages,
)
