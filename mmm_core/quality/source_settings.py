"""Checks of the source: whether it has what the configuration names."""

from collections.abc import Iterator, Mapping, Sequence

from mmm_core.config.keys import nearest
from mmm_core.config.schema import Config
from mmm_core.data.patterns import listed
from mmm_core.quality.check import CheckResult
from mmm_core.quality.source_rows import SourceRows
from mmm_core.quality.violations import MAX_TABLE_ROWS


def check_named_geos(rows: SourceRows, config: Config) -> CheckResult:
    """Every geo that a setting names is there: an outage or event of an unknown geo would have no effect."""
    known = set(rows.geos)
    found: list[Mapping[str, object]] = [
        {"setting": key, "geo": geo, "nearest": nearest(geo, rows.geos) or ""}
        for key, geos in _settings(config)
        for geo in geos
        if geo not in known
    ]
    message = "Every geo that a setting names is there."
    if found:
        first = found[0]
        hint = f" Did you mean {first['nearest']}?" if first["nearest"] else ""
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        message = (
            f"{rows.source.origin} has no geo {first['geo']!r}, which {first['setting']} names{more}; there are "
            f"{listed(rows.geos)}.{hint} Correct the name, or remove it."
        )
    return CheckResult("named_geos", not found, "error", message, len(found), 0, tuple(found[:MAX_TABLE_ROWS]))


def _settings(config: Config) -> Iterator[tuple[str, Sequence[str]]]:
    """Keys whose values are geos."""
    for number, outage in enumerate(config.enhanced_cleaning.missing_data.outages):
        yield f"enhanced_cleaning.missing_data.outages[{number}].geos", outage.geos
    for name, event in config.features.events.items():
        yield f"features.events.{name}.geos", event.geos
    yield "features.holidays.territories", tuple(config.features.holidays.territories)
