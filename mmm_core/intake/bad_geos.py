"""Geos whose rows cannot be used, and whether the rest may be pooled without them."""

from collections.abc import Collection, Iterable, Mapping

from mmm_core.config.schema import Config
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError, GateError
from mmm_core.intake.geo import prepare_geo
from mmm_core.quality.check import CheckResult

_SHOWN = 10
_LONGEST = 400


def why_unusable(source: SourceTable, mapping: ColumnMapping, config: Config, geo: str) -> str | None:
    """Why a geo of the source cannot be modelled as it is; None if it can.

    Raises:
        ConfigError: a setting of cleaning or features is wrong, whatever the geo.
    """
    try:
        intake = prepare_geo(source, mapping, config, geo)
    except DataError as error:
        return _short(str(error))
    return reason_of(intake.verdicts)


def reason_of(verdicts: Mapping[str, Iterable[CheckResult]]) -> str | None:
    """The first check that blocks, and how many more do.

    Args:
        verdicts: what was checked, e.g. `raw_panel` -> outcomes.
    """
    blocking = [(asset, result) for asset, results in verdicts.items() for result in results if result.blocks]
    if not blocking:
        return None
    asset, first = blocking[0]
    more = f" ({len(blocking) - 1} more)" if len(blocking) > 1 else ""
    return _short(f"{asset}, check {first.name}: {first.message}") + more


def require_few_bad_geos(bad: Mapping[str, str], geos: Collection[str], config: Config) -> None:
    """Refuse to pool the other geos, unless `data.on_bad_geo` and `data.max_excluded_share` allow it.

    Args:
        bad: geo -> why it cannot be used.
        geos: all geos of the source.
        config: the project's.

    Raises:
        GateError: naming the bad geos, why, and what to do.
    """
    refusal = refusal_of(bad, geos, config)
    if refusal is not None:
        raise GateError(refusal)


def refusal_of(bad: Mapping[str, str], geos: Collection[str], config: Config) -> str | None:
    """Why the other geos may not be pooled; None if they may."""
    if not bad:
        return None
    listed = "".join(f"\n- {geo}: {why}" for geo, why in list(bad.items())[:_SHOWN])
    more = f"\n… and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    found = f"{len(bad)} of {len(geos)} geo(s) cannot be used:{listed}{more}\n"
    if config.data.on_bad_geo == "stop":
        return (
            f"{found}Correct their rows (exports/validation.html), leave them out of the source "
            "(data.rows.exclude), or let them be left out while they are bad (data.on_bad_geo: exclude)."
        )
    share, limit = len(bad) / len(geos), config.data.max_excluded_share
    if share <= limit:
        return None
    return (
        f"{found}That is {share:.0%} of the geos; data.max_excluded_share lets at most {limit:.0%} be left out. "
        "Correct their rows (exports/validation.html), or raise the limit."
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
