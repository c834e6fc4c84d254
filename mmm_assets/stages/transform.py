"""Stage transform: each geo's rows become a complete weekly panel, and every change is written down."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from mmm_assets.attributes import attributes
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.metadata import frame_metadata, frame_version, picture
from mmm_assets.partitions import geo_partitions
from mmm_assets.provenance import Provenance
from mmm_assets.resources.project import Project
from mmm_assets.stages.validate import judge_raw_panel
from mmm_core.cleaning.clean import CleanedPanel, clean_panel
from mmm_core.quality.check import require
from mmm_core.quality.clean_checks import CLEAN_PANEL_CHECKS, check_clean_panel
from mmm_core.reporting.figures import kpi_spend_preview


def definitions(project: Project) -> dg.Definitions:
    """Assets and checks of this stage."""
    geos = geo_partitions(project.config.project.name)
    shared = attributes(
        project, "transform", reads={"data", "enhanced_cleaning", "validation"}, kinds={"pandas", "parquet"}
    )
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
    return dg.Definitions(
        assets=[clean(clean_panel_of_geo)],
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
    panel, changes = provenance.put_on(cleaned.panel), provenance.put_on(_with_dropped(cleaned))
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


def _with_dropped(cleaned: CleanedPanel) -> pd.DataFrame:
    """The changed cells, and each dropped row as one more line without values."""
    dropped = cleaned.dropped_rows
    lines = pd.DataFrame(
        {"geo": dropped["geo"], "date": dropped["date"], "column": "(row)", "before": float("nan")}
    ).assign(after=float("nan"), rule="dropped: " + dropped["reason"].astype(str))
    return pd.concat([cleaned.changes, lines], ignore_index=True) if len(lines) else cleaned.changes


def clean_panel_checks(
    clean_panel: pd.DataFrame, project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Completeness, order and plausibility of one geo's weekly panel."""
    with refusals():
        results = check_clean_panel(clean_panel, project.config)
    yield from check_results("clean_panel", CLEAN_PANEL_CHECKS, results)
