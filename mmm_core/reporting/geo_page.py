"""The page of one geo: its fit, contributions, returns, curves, budget and data, in one HTML file."""

from dataclasses import replace

import numpy as np
import pandas as pd

from mmm_core.errors import StorageError
from mmm_core.reporting.html import asset, environment
from mmm_core.reporting.inputs import ReportInputs, Totals
from mmm_core.reporting.sections.budget import budget_view
from mmm_core.reporting.sections.check_lists import is_data_check
from mmm_core.reporting.sections.coming_weeks import LEGEND, flighting_view, forecast_view
from mmm_core.reporting.sections.contributions import contributions_view
from mmm_core.reporting.sections.counterfactuals import counterfactuals_view
from mmm_core.reporting.sections.curves import curves_view
from mmm_core.reporting.sections.data_quality import data_quality_view
from mmm_core.reporting.sections.fit import fit_view
from mmm_core.reporting.sections.geo import geo_sentence, geo_tiles
from mmm_core.reporting.sections.header import header_view
from mmm_core.reporting.sections.return_periods import period_rows, periods_view
from mmm_core.reporting.sections.returns import returns_view

_ESTIMATES = ("roi_mean", "roi_q05", "roi_q50", "roi_q95", "mroi_mean", "mroi_q05", "mroi_q95")
_COSTS = ("cpik_mean", "cpik_q05", "cpik_q95", "effectiveness_mean", "effectiveness_q05", "effectiveness_q95")


def render_geo_report(inputs: ReportInputs, geo: str, curves: pd.DataFrame | None = None, home: str = "") -> str:
    """The page of one geo as one HTML document; equal inputs give equal text.

    Its numbers come from the pooled fit.  Returns with their intervals stand on the page where the table of
    periods has this geo.

    Args:
        inputs: of the whole report.
        geo: name of the geo.
        curves: `response_curves.csv`: geo, channel, spend, outcome_mean, q05, q95, multiplier, and marginal_mean,
            marginal_q05, marginal_q95 where known; None: the page has no curves.
        home: relative address of the whole report, for a link; empty: no link.

    Raises:
        StorageError: the fit has no such geo.
    """
    if geo not in inputs.geos:
        known = ", ".join(inputs.geos[:10]) + (", …" if len(inputs.geos) > 10 else "")
        raise StorageError(f"No page for geo {geo}: the fit has {known}; take the name of one of these.")
    own = geo_inputs(inputs, geo, curves)
    views = {
        "fit": fit_view(own),
        "contributions": contributions_view(own),
        "returns": returns_view(own) if own.channel_summary["roi_mean"].notna().any() else None,
        "periods": periods_view(own, geo, ("year", "window")),
        "counterfactuals": counterfactuals_view(own, geo),
        "curves": curves_view(own) if len(own.pooled_curves) else None,
        "budget": budget_view(own) if len(own.budget_plan) else None,
        "weekly": flighting_view(own, geo),
        "forecast": forecast_view(own, geo),
        "data_quality": data_quality_view(own),
    }
    return (
        environment()
        .get_template("geo.html.j2")
        .render(
            geo=geo,
            home=home,
            inputs=own,
            header=_header(inputs, own, geo),
            tiles=geo_tiles(inputs, own),
            sentence=geo_sentence(own),
            sections=_sections(views),
            flighting_legend=LEGEND,
            style=asset("style.css"),
            script=asset("report.js"),
            **views,
        )
    )


def geo_inputs(inputs: ReportInputs, geo: str, curves: pd.DataFrame | None = None) -> ReportInputs:
    """The same report about one geo alone; what belongs to all geos together is left out."""
    tables = inputs.decisions
    own = f"[{geo}]"
    return replace(
        inputs,
        contributions=_of(inputs.contributions, geo),
        fit=_of(inputs.fit, geo),
        budget_plan=_of(inputs.budget_plan, geo),
        change_log=_of(inputs.change_log, geo),
        pooled_curves=_curves(inputs, geo, curves),
        channel_summary=_summary(inputs, geo, curves),
        checks=tuple(pair for pair in inputs.checks if is_data_check(pair[0]) and pair[0].endswith(own)),
        truth_roi=None,
        totals=Totals(),
        scenarios=(),
        decisions=replace(tables, adstock=None, saturation=None, frequency=None, shadow_prices=None,
                          comparison=None, frontier=None),
    )  # fmt: skip


def _of(table: pd.DataFrame, geo: str) -> pd.DataFrame:
    return table[(table["geo"] == geo).to_numpy()]


def _curves(inputs: ReportInputs, geo: str, curves: pd.DataFrame | None) -> pd.DataFrame:
    """The curves of the geo, without rows where there are none."""
    if curves is None or "multiplier" not in curves:
        return inputs.pooled_curves.head(0)
    return _of(curves, geo)


def _summary(inputs: ReportInputs, geo: str, curves: pd.DataFrame | None) -> pd.DataFrame:
    """The channel summary of one geo: contributions added up, the rest from the table of periods where it is."""
    own = _of(inputs.contributions, geo)
    sums = own.groupby(own["component"].astype(str))["mean"].sum()
    fitted = float(own["mean"].sum())
    found = pd.DataFrame({"channel": list(inputs.channels)})
    names = found["channel"]
    found["contribution_mean"] = names.map(sums).fillna(0.0).astype(float)
    rows = period_rows(inputs, geo)
    total = pd.DataFrame() if rows is None else rows[rows["kind"] == "total"].set_index("channel")
    for column in ("spend", "contribution_q05", "contribution_q95", *_ESTIMATES, *_COSTS):
        if column in total:
            found[column] = names.map(total[column]).astype(float)
        elif column not in _COSTS:
            found[column] = np.nan
    if curves is not None and "spend" not in total and "multiplier" in curves:
        here = _of(curves, geo)
        spend = here[np.isclose(here["multiplier"], 1.0)].set_index("channel")["spend"]
        found["spend"] = names.map(spend).astype(float)
    found["share"] = found["contribution_mean"] / fitted if fitted else np.nan
    return found


def _header(inputs: ReportInputs, own: ReportInputs, geo: str) -> object:
    """The state of the whole fit, with the window of the geo."""
    whole, part = header_view(inputs), header_view(own)
    return replace(whole, title=f"{inputs.title}: {geo}", facts=part.facts)


def _sections(views: dict[str, object]) -> tuple[tuple[str, str], ...]:
    """The sections that there is something to say in."""
    titles = (
        ("fit", "Fit"),
        ("contributions", "Contributions"),
        ("returns", "Returns"),
        ("curves", "Response curves"),
        ("budget", "Budget"),
        ("data", "Data quality"),
    )
    return tuple((name, title) for name, title in titles if name == "data" or views[name] is not None)
