"""The report: one HTML file that needs nothing else, neither a server nor the internet."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mmm_core.reporting.charts.svg import verbatim
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.budget import budget_view
from mmm_core.reporting.sections.changes import changes_view
from mmm_core.reporting.sections.coming_weeks import LEGEND as FLIGHTING_LEGEND
from mmm_core.reporting.sections.coming_weeks import flighting_view, forecast_view
from mmm_core.reporting.sections.configuration import configuration_view
from mmm_core.reporting.sections.contributions import contributions_view
from mmm_core.reporting.sections.counterfactuals import counterfactuals_view
from mmm_core.reporting.sections.curves import curves_view
from mmm_core.reporting.sections.data_quality import data_quality_view
from mmm_core.reporting.sections.diagnostics import diagnostics_view
from mmm_core.reporting.sections.dynamics import dynamics_view
from mmm_core.reporting.sections.exploration import exploration_view
from mmm_core.reporting.sections.fit import fit_view
from mmm_core.reporting.sections.header import header_view
from mmm_core.reporting.sections.model_choice import model_choice_view
from mmm_core.reporting.sections.return_periods import periods_view
from mmm_core.reporting.sections.returns import returns_view
from mmm_core.reporting.sections.scenarios import scenarios_view
from mmm_core.reporting.sections.shadow_prices import shadow_prices_view
from mmm_core.reporting.sections.summary import summary_view
from mmm_core.reporting.sections.trust import trust_view

if TYPE_CHECKING:
    from jinja2 import Environment

SECTIONS: tuple[tuple[str, str], ...] = (
    ("summary", "Summary"),
    ("fit", "Fit"),
    ("contributions", "Contributions"),
    ("returns", "Returns"),
    ("curves", "Response curves"),
    ("budget", "Budget"),
    ("diagnostics", "Diagnostics"),
    ("data", "Data quality"),
    ("configuration", "Configuration"),
)
"""(id, title) of each section in order; the template of a section has its id as name."""
_CHANGES = ("changes", "What changed")
"""Stands behind the summary where the fit was compared with the last accepted one."""
_CHOICE = ("choice", "Model choice")
"""Stands before the diagnostics where a model was chosen."""
_TRUST = ("trust", "Trust")
"""Stands before the diagnostics where anything was found beside the fit."""
_EXPLORATION = ("exploration", "Data")
"""Stands before the quality of the data where they were explored."""


def render_report(inputs: ReportInputs, geo_pages: Mapping[str, str] | None = None) -> str:
    """The report as one HTML document; equal inputs give equal text.

    Every string that came from outside is escaped.  Numbers in tables and sentences carry the exact value in
    the attribute `data-value`.

    Args:
        inputs: what is told.
        geo_pages: geo -> relative address of its page (see `reporting.geo_page`), for links; None: no links.
    """
    template = environment().get_template("report.html.j2")
    found = inputs.exploration
    return template.render(
        sections=_sections(inputs),
        style=asset("style.css") + (asset("eda.css") if found else ""),
        script=asset("report.js") + (asset("eda.js") if found else ""),
        inputs=inputs,
        geo_pages=geo_pages or {},
        header=header_view(inputs),
        summary=summary_view(inputs),
        fit=fit_view(inputs),
        contributions=contributions_view(inputs),
        **_decisions(inputs),
        changes=changes_view(inputs),
        choice=model_choice_view(inputs),
        trust=trust_view(inputs),
        diagnostics=diagnostics_view(inputs),
        exploration=exploration_view(found, inputs.kpi_name, short=True) if found else None,
        data_quality=data_quality_view(inputs),
        configuration=configuration_view(inputs),
    )


def _decisions(inputs: ReportInputs) -> dict[str, Any]:
    """Views of the sections about returns, curves and budgets."""
    return {
        "returns": returns_view(inputs),
        "periods": periods_view(inputs),
        "counterfactuals": counterfactuals_view(inputs),
        "curves": curves_view(inputs),
        "dynamics": dynamics_view(inputs),
        "budget": budget_view(inputs),
        "scenarios": scenarios_view(inputs),
        "limits": shadow_prices_view(inputs),
        "weekly": flighting_view(inputs),
        "flighting_legend": FLIGHTING_LEGEND,
        "forecast": forecast_view(inputs),
    }


def _sections(inputs: ReportInputs) -> tuple[tuple[str, str], ...]:
    """The sections that there is something to say in."""
    names = [name for name, _ in SECTIONS]
    choice = () if inputs.model_choice is None else (_CHOICE,)
    exploration = () if inputs.exploration is None else (_EXPLORATION,)
    nothing = inputs.trust.empty and "proposals" not in inputs.decisions.present()
    trust = () if nothing else (_TRUST,)
    first, second = names.index("diagnostics"), names.index("data")
    changes = () if inputs.changes is None else (_CHANGES,)
    results = (*SECTIONS[:1], *changes, *SECTIONS[1:first])
    return (*results, *choice, *trust, *SECTIONS[first:second], *exploration, *SECTIONS[second:])


@cache
def environment() -> "Environment":
    """Templates of this package; autoescaping is always on and an unknown name is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("mmm_core.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def asset(name: str) -> Markup:
    """Style or script of this package, which stands in the document as it is."""
    text = resources.files("mmm_core.reporting").joinpath("templates", name).read_text(encoding="utf-8")
    return verbatim(text)
