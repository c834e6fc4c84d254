"""Stage evaluate: what an accepted posterior says about the past, channel by channel."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.asset_prefix import keyed
from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import frame_metadata, frame_version, picture
from mmm_assets.provenance import mark_fit
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import interpretable
from mmm_core.config.without_geos import without_geos

MEDIA_SHARE = "media_share"
"""Attribute of `fitted_total`: 5 % and 95 % quantile of the share of the fitted KPI that paid media brought."""
_DYNAMICS = {
    "adstock": "Share of each channel's effect by weeks since the spend, with 90 % intervals.",
    "saturation": "How far each channel is saturated, and at which spend it would be.",
    "frequency": "Return by average frequency, and the best one; channels with reach and frequency only.",
}


def definitions(project: Project) -> dg.Definitions:
    """Assets of this stage that are tables by channel."""
    kinds = {"numpy", "parquet"}
    table = {"io_manager_key": "parquet", **attributes(project, "evaluate", reads=GATE, kinds=kinds)}
    asked = {
        "io_manager_key": "parquet",
        **attributes(project, "evaluate", reads=GATE | {"attribution"}, kinds=kinds),
    }
    outs = {name: dg.AssetOut(description=text, **table) for name, text in _DYNAMICS.items()}
    return dg.Definitions(
        assets=[
            dg.asset(**table)(contributions),
            dg.asset(**table)(channel_summary),
            dg.asset(name="response_curves", **table)(response_curves_by_geo),
            dg.asset(name="pooled_response_curves", **table)(response_curves_of_all_geos),
            dg.asset(**table)(fitted),
            dg.asset(**table)(fitted_total),
            dg.asset(**asked)(attribution_periods),
            dg.asset(**asked)(counterfactuals),
            dg.multi_asset(name="channel_dynamics", outs=outs)(
                keyed(channel_dynamics, project.config.deployment.asset_prefix)
            ),
        ]
    )


def contributions(posterior: StoredFit, project: dg.ResourceParam[Project]) -> dg.MaterializeResult[pd.DataFrame]:
    """What each week's KPI is made of: media, controls, seasonality and baseline, per geo, with 90 % intervals."""
    from mmm_core.attribution.contributions import contribution_table
    from mmm_core.reporting.figures import contribution_area

    with refusals():
        table = contribution_table(interpretable(posterior, project))
    return _table(table, posterior, weeks=picture(contribution_area(table)))


def channel_summary(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """Spend, contribution, ROI and marginal ROI of each channel over the fit window, with 90 % intervals."""
    from mmm_core.attribution import returns
    from mmm_core.reporting.figures import roi_intervals

    with refusals():
        table = returns.channel_summary(interpretable(posterior, project))
    return _table(table, posterior, rows=60, roi=picture(roi_intervals(table)))


def response_curves_by_geo(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """Outcome of each channel in each geo if its spend were scaled from nothing to twice today's."""
    from mmm_core.attribution.curves import response_curves

    with refusals():
        table = response_curves(interpretable(posterior, project))
    return _table(table, posterior)


def response_curves_of_all_geos(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """The same over all geos together, with intervals of the sum."""
    from mmm_core.attribution.curves import pooled_response_curves
    from mmm_core.reporting.figures import response_curve_grid

    with refusals():
        table = pooled_response_curves(interpretable(posterior, project))
    return _table(table, posterior, curves=picture(response_curve_grid(table)))


def fitted(posterior: StoredFit, project: dg.ResourceParam[Project]) -> dg.MaterializeResult[pd.DataFrame]:
    """Actual and expected KPI of every geo and week, with the 90 % posterior predictive interval."""
    from mmm_core.attribution.fitted import fit_table
    from mmm_core.reporting.figures import fit_lines

    with refusals():
        table = fit_table(interpretable(posterior, project))
    return _table(table, posterior, weeks=picture(fit_lines(table)))


def fitted_total(posterior: StoredFit, project: dg.ResourceParam[Project]) -> dg.MaterializeResult[pd.DataFrame]:
    """The same summed over geos, with intervals of the sum; `media_share` is an attribute of the table."""
    from mmm_core.reporting.totals import posterior_totals

    with refusals():
        totals = posterior_totals(interpretable(posterior, project))
    table = pd.DataFrame(totals.fit)
    found = _table(table, posterior)
    table.attrs[MEDIA_SHARE] = list(totals.media_share or ())
    return found


def attribution_periods(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """Contributions and returns of each channel by calendar period, configured window and geo."""
    from mmm_core.attribution.periods import period_table

    with refusals():
        table = period_table(interpretable(posterior, project), project.config.attribution)
    return _table(table, posterior, rows=60)


def counterfactuals(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """What would have been with other media: the questions of `attribution.counterfactuals`."""
    from mmm_core.attribution.counterfactuals import counterfactual_table

    with refusals():
        config = without_geos(project.config, posterior.posterior.data.excluded_geos)
        table = counterfactual_table(interpretable(posterior, project), config.attribution)
    return _table(table, posterior, rows=60)


def channel_dynamics(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> Iterator[dg.MaterializeResult[pd.DataFrame]]:
    """How long each channel works, how far it is saturated, and how often people should see it."""
    from mmm_core.attribution.dynamics import adstock_table, saturation_table
    from mmm_core.attribution.frequency import frequency_table

    with refusals():
        draws = interpretable(posterior, project)
        tables = {
            "adstock": adstock_table(draws),
            "saturation": saturation_table(draws),
            "frequency": frequency_table(draws),
        }
    for name, table in tables.items():
        yield _table(table, posterior, rows=60, asset_key=name)


def _table(
    frame: pd.DataFrame, fit: StoredFit, rows: int = 6, asset_key: str | None = None, **more: Any
) -> dg.MaterializeResult[pd.DataFrame]:
    mark_fit(frame, fit.version)
    return dg.MaterializeResult(
        asset_key=asset_key,
        value=frame,
        data_version=frame_version(frame),
        metadata={**more, **frame_metadata(frame, rows)},
    )
