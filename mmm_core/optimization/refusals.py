"""Clear words for budgets that cannot be: unknown names, and limits that contradict each other."""

import difflib
from collections.abc import Sequence

from mmm_core.config.optimization import PlatformConstraintsConfig, SpendLimitsConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.limits import ROUND_OFF, SumLimit, contradiction

_KEYS = "optimization.platform_constraints"
_SHOWN = 6


def refuse_unknown_names(scenario: str, cells: Cells, constraints: PlatformConstraintsConfig) -> None:
    """Channels, geos and cells that limits name must exist.

    Raises:
        BudgetError: naming the key, the name and the nearest one.
    """
    named = [("channels", name, cells.channels) for name in constraints.channels]
    named += [("geos", name, cells.geos) for name in constraints.geos]
    named += [
        (f"groups.{group}.channels", name, cells.channels)
        for group, limits in constraints.groups.items()
        for name in limits.channels
    ]
    everywhere = {f"{channel}@{geo}" for geo in cells.geos for channel in cells.channels}
    fixed = [name for name in constraints.fixed if cells.by_geo or name not in everywhere]
    named += [("fixed", name, tuple(dict.fromkeys((*cells.channels, *cells.names)))) for name in fixed]
    for key, name, known in named:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {close[0]}?" if close else ""
            what = "geo" if key == "geos" else "paid channel"
            raise BudgetError(
                f"Scenario {scenario}: {_KEYS}.{key} names {name}, but no {what} of the fit has that name; known: "
                f"{', '.join(known[:20])}.{hint}"
            )
    of_geos = {"fixed": len(fixed) < len(constraints.fixed), "geos": bool(constraints.geos)}
    of_geos["min_geo_share"] = constraints.min_geo_share > 0
    if not cells.by_geo and any(of_geos.values()):
        key = next(key for key, is_set in of_geos.items() if is_set)
        raise BudgetError(
            f"Scenario {scenario}: {_KEYS}.{key} limits geos, but every channel keeps its split over geos "
            "(optimization.allocation is channel); set allocation to geo_channel or remove these limits."
        )


def refuse_contradictions(
    scenario: str,
    cells: Cells,
    proportional: FloatArray,
    total: float,
    constraints: PlatformConstraintsConfig,
    lower: FloatArray,
    upper: FloatArray,
    limits: Sequence[SumLimit],
) -> None:
    """Some plan must keep everything.

    Raises:
        BudgetError: naming the limits that contradict each other, with their numbers.
    """
    for cell in range(len(lower)):
        if lower[cell] > upper[cell] + ROUND_OFF * total:
            raise BudgetError(_crossed(scenario, cells, cell, proportional, total, constraints, lower, upper))
    for limit in limits:
        if limit.low > limit.high + ROUND_OFF * total:
            raise BudgetError(
                f"Scenario {scenario}: {limit.name} must get at least {limit.low:,.2f} but may get at most "
                f"{limit.high:,.2f}; widen one of its limits in {_KEYS}."
            )
    first = limits[0]
    if lower.sum() > first.high + ROUND_OFF * total:
        raise BudgetError(
            f"Scenario {scenario}: the smallest spends of the channels add up to {lower.sum():,.2f}, above the "
            f"total budget {first.high:,.2f}. {_words(constraints)} Lower {_KEYS}.min_spend_pct or raise "
            f"{_KEYS}.max_change, or change the limits of single channels and what is fixed."
        )
    if upper.sum() < first.low - ROUND_OFF * total:
        raise BudgetError(
            f"Scenario {scenario}: the largest spends of the channels add up to {upper.sum():,.2f}, below the "
            f"total budget {first.low:,.2f}. {_words(constraints)} Raise {_KEYS}.max_spend_pct or "
            f"{_KEYS}.max_change, or change the limits of single channels and what is fixed."
        )
    if len(limits) > 1:
        _refuse_contradicting_sums(scenario, cells, lower, upper, limits)


def _refuse_contradicting_sums(
    scenario: str, cells: Cells, lower: FloatArray, upper: FloatArray, limits: Sequence[SumLimit]
) -> None:
    found = contradiction(limits, lower, upper.clip(min=lower))
    if found is None:
        return
    parts = [_limit_words(limits[index]) for index in found.limits]
    parts += [f"{cells.names[cell]} (at least {lower[cell]:,.2f})" for cell in found.lower[:_SHOWN]]
    parts += [f"{cells.names[cell]} (at most {upper[cell]:,.2f})" for cell in found.upper[:_SHOWN]]
    more = max(0, len(found.lower) - _SHOWN) + max(0, len(found.upper) - _SHOWN)
    raise BudgetError(
        f"Scenario {scenario}: no plan keeps all of these limits: {'; '.join(parts)}"
        f"{f'; and {more} more bounds of the same kind' if more else ''}. They miss each other by "
        f"{found.missing:,.2f}; widen at least one of them in {_KEYS}."
    )


def _limit_words(limit: SumLimit) -> str:
    if limit.low == limit.high:
        return f"{limit.name} (exactly {limit.low:,.2f})"
    ends = [f"at least {limit.low:,.2f}"] if limit.low > 0 else []
    ends += [f"at most {limit.high:,.2f}"] if limit.high < float("inf") else []
    return f"{limit.name} ({', '.join(ends)})"


def _crossed(
    scenario: str,
    cells: Cells,
    cell: int,
    proportional: FloatArray,
    total: float,
    constraints: PlatformConstraintsConfig,
    lower: FloatArray,
    upper: FloatArray,
) -> str:
    own = constraints.channels.get(cells.channel_of(cell), SpendLimitsConfig())
    mine = own.model_dump(exclude_none=True)
    least = -constraints.max_change if own.min_change is None else own.min_change
    most = constraints.max_change if own.max_change is None else own.max_change
    base = proportional[cell]
    stated = ", ".join(f"{key} {value:g}" for key, value in mine.items())
    own_words = f" {_KEYS}.channels.{cells.channel_of(cell)} says {stated}." if mine else ""
    return (
        f"Scenario {scenario}: channel {cells.names[cell]} must get at least {lower[cell]:,.2f} but may get at "
        f"most {upper[cell]:,.2f} of the total budget {total:,.2f}. {_words(constraints)}{own_words} Its current "
        f"spend, scaled to this budget, is {base:,.2f}, of which the allowed change makes "
        f"{base * max(0.0, 1 + least):,.2f} to {base * (1 + most):,.2f}. {_idle_words(cells, cell)}Widen one of "
        "these limits, or leave the channel out of data.channel_map."
    )


def _idle_words(cells: Cells, cell: int) -> str:
    if cells.spend[cell] > 0:
        return ""
    if not cells.idle[cell]:
        return "It has media that costs nothing, which money cannot scale. "
    channel = cells.channel_of(cell)
    return f"Without current spend it gets money only with {_KEYS}.channels.{channel}.max_spend or .max_share. "


def _words(constraints: PlatformConstraintsConfig) -> str:
    return (
        f"{_KEYS}.min_spend_pct is {constraints.min_spend_pct:g} and max_spend_pct {constraints.max_spend_pct:g} "
        f"of the total, {_KEYS}.max_change is {constraints.max_change:g}."
    )
