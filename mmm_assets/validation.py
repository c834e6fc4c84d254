"""What the UI shows of a geo's validation report, and which stored reports are of today's rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from mmm_assets.checks import cases_table
from mmm_core.intake.report import GeoReport

FINGERPRINT = "fingerprint"
"""Key of a stored report: hash of the rows that it is about."""
SETTINGS = "settings"
"""Key of a stored report: the rules that it was made under."""
_SHOWN = 100


def report_metadata(report: GeoReport) -> dict[str, Any]:
    """Score, what cost how many points, and the checks that failed."""
    failed = [
        {"stage": stage, "check": result.name, "severity": result.severity, "message": result.message}
        for stage, results in report.results.items()
        for result in results
        if not result.passed
    ]
    lost = [{"check": name, "points_lost": round(points, 4)} for name, points in report.lost.items()]
    return {
        "score": report.score,
        "blocked": report.blocks,
        "failed": len(failed),
        **({"points_lost": cases_table(lost)} if lost else {}),
        **({"failed_checks": cases_table(failed[:_SHOWN])} if failed else {}),
    }


def current_reports(
    stored: Mapping[str, Mapping[str, Any]], geos: Mapping[str, str]
) -> tuple[list[GeoReport], list[str]]:
    """The reports on today's rows, in the order of the geos, and the geos without one.

    Args:
        stored: geo -> stored report.
        geos: geo -> fingerprint of its rows now.
    """
    current = [geo for geo, rows in geos.items() if stored.get(geo, {}).get(FINGERPRINT) == rows]
    return [GeoReport.from_json(stored[geo]) for geo in current], [geo for geo in geos if geo not in set(current)]


def summary_table(reports: Sequence[GeoReport]) -> dg.TableMetadataValue:
    """One row per geo, those with the lowest score first."""
    ordered = sorted(reports, key=lambda report: (not report.blocks, report.score, report.geo))
    return cases_table(
        [
            {
                "geo": report.geo,
                "blocked": report.blocks,
                "score": round(report.score, 4),
                "failed": ", ".join(result.name for result in report.every_result if not result.passed),
            }
            for report in ordered[:_SHOWN]
        ]
    )
