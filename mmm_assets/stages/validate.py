"""Stage validate: checks of each geo's rows as they came from the source."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.partitions import geo_partitions
from mmm_assets.provenance import Provenance
from mmm_assets.resources.project import Project
from mmm_core.config.schema import Config
from mmm_core.quality.check import CheckResult
from mmm_core.quality.raw_checks import RAW_PANEL_CHECKS, check_raw_panel
from mmm_core.quality.score import check_validation_score

RAW_CHECKS = {**RAW_PANEL_CHECKS, "validation_score": "error"}


def definitions(project: Project) -> dg.Definitions:
    """Checks of this stage."""
    specs = check_specs("raw_panel", RAW_CHECKS, geo_partitions(project.config.project.name))
    return dg.Definitions(
        asset_checks=[dg.multi_asset_check(name="raw_panel_checks", specs=specs)(raw_panel_checks)]
    )


def raw_panel_checks(raw_panel: pd.DataFrame, project: dg.ResourceParam[Project]) -> Iterator[dg.AssetCheckResult]:
    """Types, ranges, keys, coverage and the quality score of one geo's rows."""
    with refusals():
        results = judge_raw_panel(raw_panel, project.config)
    yield from check_results("raw_panel", RAW_CHECKS, results)


def judge_raw_panel(raw_panel: pd.DataFrame, config: Config) -> list[CheckResult]:
    """Outcome of every check of `RAW_CHECKS`."""
    provenance = Provenance.of(raw_panel)
    results = check_raw_panel(raw_panel, provenance.mapping(config), config, provenance.origin)
    return [*results, check_validation_score(results, config)]
