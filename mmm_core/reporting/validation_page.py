"""The validation page: what was found in the data of all geos, in one HTML file that needs nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from mmm_core.intake.report import GeoReport, worst_first
from mmm_core.quality.check import CheckResult
from mmm_core.reporting import validation_views as views
from mmm_core.reporting.charts.svg import verbatim
from mmm_core.reporting.formats import fixed
from mmm_core.reporting.html import asset, environment
from mmm_core.reporting.sections.check_lists import check_list, check_table

if TYPE_CHECKING:
    from jinja2 import Template

MAX_DETAILS_BYTES = 1_500_000
"""Size of the failures in full; beyond it only the table says which checks failed."""
_MAX_NOTES = 50


@dataclass(frozen=True)
class _Details:
    """Failures in full."""

    parts: tuple[Markup, ...]
    """One per geo, the worst first."""
    left_out: int
    """Geos with failures that have no part."""


def render_validation(
    reports: Sequence[GeoReport],
    source_results: Sequence[CheckResult],
    project: str,
    generated_at: str = "",
    notes: Sequence[str] = (),
    details_bytes: int = MAX_DETAILS_BYTES,
) -> str:
    """The page as one HTML document; equal inputs give equal text.  Every string from outside is escaped.

    Args:
        reports: one per geo, in the order of the table; one alone is shown with its passed checks too.
        source_results: outcomes of `quality.source_checks`, or none.
        project: its name.
        generated_at: when, in words; empty: not said.
        notes: what reading and preparing the source said.
        details_bytes: how large the failures in full may be.
    """
    table = views.matrix(reports)
    state, words = views.state(reports, source_results)
    single = reports[0] if len(reports) == 1 else None
    return _template("validation.html.j2").render(
        style=asset("style.css") + asset("validation.css"),
        script=asset("validation.js"),
        title=f"Data validation: {single.geo}" if single else "Data validation",
        state=state,
        state_text=words,
        facts=_facts(reports, project, generated_at),
        tiles=views.tiles(reports),
        source=check_list((("source_snapshot", result) for result in source_results), "source_checks"),
        has_source=bool(source_results),
        notes=tuple(notes[:_MAX_NOTES]),
        matrix=table,
        signs=views.SIGNS,
        totals=views.check_totals(reports),
        details=_details(reports, table, details_bytes),
        passed=_passed(single) if single else None,
    )


def _facts(reports: Sequence[GeoReport], project: str, generated_at: str) -> tuple[tuple[str, str], ...]:
    origins = list(dict.fromkeys(report.origin for report in reports))
    source = f"{origins[0]}{f' and {len(origins) - 1} more' if len(origins) > 1 else ''}" if origins else "–"
    facts = (
        ("Project", project),
        ("Source", source),
        ("Geos", fixed(len(reports), 0)),
        ("Generated", generated_at),
    )
    return tuple((label, value) for label, value in facts if value)


def _details(reports: Sequence[GeoReport], table: views.Matrix, budget: int) -> _Details:
    """Failures in full, the worst geos first, as far as the budget of bytes reaches (at least one geo)."""
    row_of = {id(report): row for report, row in zip(reports, table.rows, strict=True)}
    failing = [report for report in worst_first(reports) if row_of[id(report)].state != "p"]
    template = _template("validation_geo.html.j2")
    parts: list[Markup] = []
    size = 0
    for report in failing:
        part = verbatim(template.render(geo=views.details(report, row_of[id(report)])))
        size += len(part.encode())
        if parts and size > budget:
            break
        parts.append(part)
    return _Details(tuple(parts), len(failing) - len(parts))


def _passed(report: GeoReport) -> object:
    """The passed checks of the only geo."""
    pairs = [(stage, result) for stage, found in report.results.items() for result in found if result.passed]
    return check_table(pairs, "passed")


@cache
def _template(name: str) -> "Template":
    return environment().get_template(name)
