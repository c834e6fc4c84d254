"""Which geos may be pooled: those whose stored tables are of today's rows, and that no check blocks.

The tables of a geo that went bad are still stored, as they were when it was good; nothing may pool them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mmm_assets.attributes import CLEANED, FEATURES
from mmm_assets.provenance import Provenance
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from mmm_assets.snapshots import stored_source
from mmm_assets.validation import FINGERPRINT, SETTINGS
from mmm_core.data.mapping import resolve_mapping
from mmm_core.errors import DataError
from mmm_core.intake.bad_geos import reason_of, require_few_bad_geos, why_unusable
from mmm_core.intake.report import GeoReport
from mmm_core.quality.feature_checks import check_features

Judge = Callable[[pd.DataFrame, Project], str | None]
"""What blocks in a table of today's rows."""
_SHOWN = 10
_CHECK = re.compile(r"(?P<asset>\w+), check (?P<check>\w+): ")


@dataclass(frozen=True)
class GeoTables:
    """One table of each geo that may be pooled."""

    frames: dict[str, pd.DataFrame]
    """geo -> its table, in the order of the source."""
    excluded: dict[str, str]
    """geo -> why it is left out (`data.on_bad_geo: exclude`)."""


def usable_features(
    features: Mapping[str, pd.DataFrame],
    reports: Mapping[str, Mapping[str, Any]],
    snapshot: Mapping[str, Any],
    project: Project,
) -> GeoTables:
    """Features of the geos of the source that may be pooled.

    Args:
        features: geo -> stored features.
        reports: geo -> stored validation report.
        snapshot: value of `source_snapshot`.
        project: whose rules.

    Raises:
        DataError: features are missing, or of older rows, though nothing is wrong with the geo's rows; names them.
        GateError: more geos are bad than may be left out.
    """
    return _usable(features, "features", reports, snapshot, project, _blocking)


def usable_logs(
    change_log: Mapping[str, pd.DataFrame],
    reports: Mapping[str, Mapping[str, Any]],
    snapshot: Mapping[str, Any],
    project: Project,
) -> GeoTables:
    """Change logs of the geos of the source that may be pooled; arguments and errors as `usable_features`."""
    return _usable(change_log, "change log", reports, snapshot, project, _nothing)


def tell_of_bad_geos(project: Project, bad: Mapping[str, str], left_out: bool) -> None:
    """Tell people which geos are bad, once for the same geo and check; call it with all that are bad now.

    Args:
        project: whose alerts.
        bad: geo -> why, as `reason_of` words it.
        left_out: the fit goes on without them; otherwise they stop it.
    """
    Alerts.of(project).tell_of_geos({geo: _without_values(why) for geo, why in bad.items()}, left_out)


def _without_values(why: str) -> str:
    """Asset and check of a reason; what follows may quote the data."""
    found = _CHECK.match(why)
    return f"{found['check']} of {found['asset']}" if found else "rows that cannot be read"


def _usable(
    tables: Mapping[str, pd.DataFrame],
    what: str,
    reports: Mapping[str, Mapping[str, Any]],
    snapshot: Mapping[str, Any],
    project: Project,
    judge: Judge,
) -> GeoTables:
    geos: Mapping[str, str] = snapshot["geos"]
    made = {geo: tables[geo] for geo in geos if geo in tables}
    current = {geo: frame for geo, frame in made.items() if Provenance.of(frame).fingerprint == geos[geo]}
    bad: dict[str, str] = {}
    for geo, rows in geos.items():
        report = _current_report(reports.get(geo), rows, project)
        why = _why_bad(report, current.get(geo), judge, project)
        if why is None and not _is_known(report, current.get(geo), project):
            why = _rows_unusable(geo, snapshot, project)
        if why is not None:
            bad[geo] = why
    _require_made([geo for geo in geos if geo not in current and geo not in bad], tables, what)
    require_few_bad_geos(bad, geos, project.config)
    return GeoTables({geo: frame for geo, frame in current.items() if geo not in bad}, bad)


def _current_report(record: Mapping[str, Any] | None, rows: str, project: Project) -> GeoReport | None:
    """The stored report, if it is about today's rows under today's rules."""
    if record is None or record.get(FINGERPRINT) != rows or record.get(SETTINGS) != project.code_version(*CLEANED):
        return None
    return GeoReport.from_json(record)


def _why_bad(report: GeoReport | None, frame: pd.DataFrame | None, judge: Judge, project: Project) -> str | None:
    why = None if report is None else reason_of(report.results)
    return judge(frame, project) if why is None and frame is not None else why


def _is_known(report: GeoReport | None, frame: pd.DataFrame | None, project: Project) -> bool:
    """Whether what is stored tells all: a table of today's rows, made under today's settings."""
    if report is None or frame is None:
        return False
    return Provenance.of(frame).settings in ("", project.code_version(*FEATURES))


def _blocking(features: pd.DataFrame, project: Project) -> str | None:
    return reason_of({"features": check_features(features, project.config)})


def _nothing(_: pd.DataFrame, __: Project) -> str | None:
    return None


def _rows_unusable(geo: str, snapshot: Mapping[str, Any], project: Project) -> str | None:
    """The rows themselves are judged, because nothing that is stored is about them."""
    source = stored_source(dict(snapshot), project)
    mapping = resolve_mapping(project.config, list(source.frame.columns), source.origin)
    return why_unusable(source, mapping, project.config, geo)


def _require_made(geos: list[str], tables: Mapping[str, pd.DataFrame], what: str) -> None:
    missing = [geo for geo in geos if geo not in tables]
    outdated = [geo for geo in geos if geo in tables]
    problems = [
        f"{len(found)} geo(s) have {how}: {', '.join(found[:_SHOWN])}"
        for found, how in ((missing, f"no {what}"), (outdated, f"{what} of an older version of the source"))
        if found
    ]
    if problems:
        raise DataError(
            f"{'; '.join(problems)}. Materialize raw_panel, clean_panel and features of these geos, or leave the "
            "geos out of the source."
        )
