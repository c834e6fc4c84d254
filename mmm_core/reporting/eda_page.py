"""The data page: one HTML file about the data before any model, which needs nothing else."""

from mmm_core.exploration.exploration import Exploration
from mmm_core.reporting.formats import counted, day
from mmm_core.reporting.html import asset, environment
from mmm_core.reporting.sections.exploration import exploration_view
from mmm_core.reporting.sections.exploration_spend import week_dates


def render_eda(found: Exploration, title: str, kpi_name: str, project: str = "", generated_at: str = "") -> str:
    """The page as one HTML document; equal inputs give equal text.

    Args:
        found: from `exploration.explore`.
        title: heading of the page.
        kpi_name: what the KPI counts, in plural, e.g. `conversions`.
        project: name of the project; left out of the heading if empty.
        generated_at: when; likewise.
    """
    dates = week_dates(found)
    window = f"{day(dates[0])} – {day(dates[-1])} ({counted(len(dates), 'week')}, {counted(found.n_geos, 'geo')})"
    facts = (
        ("Project", project),
        ("Window", window),
        ("Data version", found.data_version[:12]),
        ("Generated", generated_at),
    )
    return (
        environment()
        .get_template("eda.html.j2")
        .render(
            title=title,
            facts=[(label, value) for label, value in facts if value],
            exploration=exploration_view(found, kpi_name),
            style=asset("style.css") + asset("eda.css"),
            script=asset("report.js") + asset("eda.js"),
        )
    )
