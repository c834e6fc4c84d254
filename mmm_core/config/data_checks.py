"""Names of the checks of data, as `validation.severities` and `validation.quality_thresholds.weights` use them."""

PROTECTED_CHECKS = frozenset(
    {
        "schema",
        "duplicate_keys",
        "regular_spacing",
        "empty_columns",
        "currency",
        "cleaning",
        "consecutive_weeks",
        "seasonality_terms",
        "holiday_columns",
        "configured_terms",
        "finite_values",
        "channel_activity",
        "control_variation",
    }
)
"""What would make the numbers wrong if it were only a warning: while such a check blocks, it cannot be lowered."""
OTHER_CHECKS = frozenset(
    {
        "connectors_passed_over",
        "unmapped_channels",
        "currencies",
        "rollup_geos",
        "overlapping_geos",
        "geo_ranges",
        "geo_weekdays",
        "cut_off_series",
        "stopped_feeds",
        "feed_gaps",
        "named_geos",
        "coverage",
        "preferred_history",
        "missing_weeks",
        "missing_values",
        "spend_without_media",
        "media_without_spend",
        "reach_without_frequency",
        "kpi_variation",
        "channel_variation",
        "cost_per_media_unit",
        "cost_range",
        "geo_roi",
        "outliers",
        "constant_columns",
        "rare_events",
        "collinear_channels",
        "channel_correlation",
        "variance_inflation",
        "spend_variation",
        "variation_over_geos",
        "variation_over_time",
        "naive_roi",
        "data_per_parameter",
        "validation_score",
    }
)
"""Checks whose failure may be taken lightly, or seriously, by configuration."""
DATA_CHECKS = PROTECTED_CHECKS | OTHER_CHECKS
