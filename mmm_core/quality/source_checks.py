"""Checks of the whole source table, before it is taken apart by geo."""

from collections.abc import Mapping

import numpy as np

from mmm_core.config.schema import Config
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.sources.table import SourceTable
from mmm_core.quality.check import CheckResult, with_severities
from mmm_core.quality.source_columns import check_connectors, check_currencies, check_unmapped_channels
from mmm_core.quality.source_feeds import check_feed_gaps, check_stopped_feeds
from mmm_core.quality.source_geos import (
    check_cut_off_series,
    check_geo_ranges,
    check_geo_weekdays,
    check_overlapping_geos,
    check_rollup_geos,
)
from mmm_core.quality.source_rows import SourceRows
from mmm_core.quality.source_settings import check_named_geos

SOURCE_CHECKS: Mapping[str, str] = {
    "connectors_passed_over": "The data came from the first configured connector",
    "unmapped_channels": "Every column of spend has a role",
    "currencies": "All money is in project.currency, or data.currency_col and a policy say how it gets there",
    "rollup_geos": "No geo is the sum of the others",
    "overlapping_geos": "No geo is there under two names",
    "geo_ranges": "The geos cover the same period, within four weeks",
    "geo_weekdays": "Weeks begin on the same weekday in all geos",
    "cut_off_series": "The file does not stop in the middle of a series",
    "stopped_feeds": "No column of KPI, spend or media stops before the end of its geo",
    "feed_gaps": "No such column is missing for two weeks between known values",
    "named_geos": "Every geo that a setting names is there",
}
"""Check name -> what it looks at, in the order of the results."""


@np.errstate(over="ignore", invalid="ignore")  # absurd amounts are judged too
def check_source(source: SourceTable, mapping: ColumnMapping, config: Config) -> list[CheckResult]:
    """All checks of `SOURCE_CHECKS` that are not off, in that order.

    Args:
        source: the prepared source.
        mapping: resolved for it.
        config: `data`, `project.currency`, `enhanced_cleaning`, `features`, `validation.severities`.
    """
    rows = SourceRows(source, mapping)
    found = [
        check_connectors(source),
        check_unmapped_channels(source, mapping, config),
        check_currencies(source, mapping, config),
        check_rollup_geos(rows, config.data.rows.exclude),
        check_overlapping_geos(rows),
        check_geo_ranges(rows),
        check_geo_weekdays(rows, aligned=config.enhanced_cleaning.week_alignment == "align"),
        check_cut_off_series(rows),
        check_stopped_feeds(rows),
        check_feed_gaps(rows),
        check_named_geos(rows, config),
    ]
    return with_severities(found, config)
