"""Stage transform: each geo's rows become a complete weekly panel, and every change is written down."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.asset_prefix import keyed
from mmm_assets.attributes import CLEANED, attributes
from mmm_assets.bad_geos import usable_logs
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.io_managers import every_geo
from mmm_assets.metadata import frame_metadata, frame_version, picture
from mmm_assets.partitions import geo_partitions
from mmm_assets.provenance import Provenance
from mmm_assets.resources.project import Project
from mmm_assets.stages.validate import judge_raw_panel
from mmm_core.cleaning.clean import clean_panel
from mmm_core.errors import DataError
from mmm_core.quality.check import require
from mmm_core.quality.clean_checks import CLEAN_PANEL_CHECKS, check_clean_panel
from mmm_core.reporting.figures import kpi_spend_preview


def definitions(project: Project) -> dg.Definitions:
    """Assets and checks of this stage."""
    geos = geo_partitions(project.config.project.name)
    shared = attributes(project, "transform", reads=CLEANED, kinds={"pandas", "parquet"})
    panel = dg.AssetOut(
        io_manager_key="parquet",
        description="One geo's complete, sorted, weekly panel of numbers.",
        **shared,
    )
    changes = dg.AssetOut(
        io_manager_key="parquet",
        description="Every value that cleaning changed or dropped, with the rule that did it.",
        **shared,
    )
    clean = dg.multi_asset(
        name="clean_panel", outs={"clean_panel": panel, "change_log": changes}, partitions_def=geos
    )
    specs = check_specs("clean_panel", CLEAN_PANEL_CHECKS, geos)
    totals = dg.asset(
        ins={name: every_geo(name) for name in ("change_log", "validation_report")},
        io_manager_key="parquet",
        **attributes(project, "transform", reads=CLEANED, kinds={"pandas", "parquet"}),
    )
    return dg.Definitions(
        assets=[clean(keyed(clean_panel_of_geo, project.config.deployment.asset_prefix)), totals(change_totals)],
        asset_checks=[dg.multi_asset_check(name="clean_panel_checks", specs=specs)(clean_panel_checks)],
    )


def clean_panel_of_geo(
    raw_panel: pd.DataFrame, project: dg.ResourceParam[Project]
) -> tuple[dg.MaterializeResult[pd.DataFrame], dg.MaterializeResult[pd.DataFrame]]:
    """Aggregate to weeks, drop partial weeks, fill gaps, treat outliers; refuses rows that block."""
    provenance = Provenance.of(raw_panel)
    with refusals():
        require(judge_raw_panel(raw_panel, project.config), f"raw_panel of geo {raw_panel['geo'].iloc[0]}")
        cleaned = clean_panel(raw_panel, provenance.mapping(project.config), project.config)
    panel, changes = provenance.put_on(cleaned.panel), provenance.put_on(cleaned.changes)
    return (
        dg.MaterializeResult(
            asset_key="clean_panel",
            value=panel,
            data_version=frame_version(panel),
            metadata={
                "values_changed": len(cleaned.changes),
                "rows_dropped": len(cleaned.dropped_rows),
                "notes": list(cleaned.notes),
                "weeks": picture(kpi_spend_preview(panel)),
                **frame_metadata(panel),
            },
        ),
        dg.MaterializeResult(
            asset_key="change_log",
            value=changes,
            data_version=frame_version(changes),
            metadata=frame_metadata(changes, rows=20),
        ),
    )


def change_totals(
    change_log: dict[str, pd.DataFrame],
    validation_report: dict[str, dict[str, Any]],
    source_snapshot: dict[str, Any],
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[pd.DataFrame]:
    """What cleaning did, over all geos: cells and sums before and after, by rule and column."""
    from mmm_core.cleaning.totals import change_totals as totals_of

    with refusals():
        usable = usable_logs(change_log, validation_report, source_snapshot, project)
        totals = totals_of(joined_logs(usable.frames, usable.frames))
    return dg.MaterializeResult(
        value=totals,
        data_version=frame_version(totals),
        metadata={
            "changed": int(totals["cells"].sum()),
            "excluded_geos": usable.excluded,
            **frame_metadata(totals, rows=100),
        },
    )


def joined_logs(change_log: Mapping[str, pd.DataFrame], geos: Iterable[str]) -> pd.DataFrame:
    """The change logs of these geos; an empty one has no types, which would spoil those of the others.

    Raises:
        DataError: a geo has none, so that totals would be too small; names the geos.
    """
    geos = tuple(geos)
    missing = [geo for geo in geos if geo not in change_log]
    if missing:
        raise DataError(
            f"{len(missing)} geo(s) have no change log: {', '.join(missing[:10])}. Materialize raw_panel and "
            "clean_panel of these geos, or leave the geos out of the source."
        )
    logs = [change_log[geo] for geo in geos]
    filled = [log for log in logs if len(log)]
    return pd.concat(filled, ignore_index=True) if filled else logs[0]


def clean_panel_checks(
    clean_panel: pd.DataFrame, project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Completeness, order and plausibility of one geo's weekly panel."""
    with refusals():
        results = check_clean_panel(clean_panel, project.config)
    yield from check_results("clean_panel", CLEAN_PANEL_CHECKS, results)
