"""Names of the checks of a fit, as `evaluation.severities` uses them."""

PROTECTED_TRUST_CHECKS = frozenset(
    {
        "rhat",
        "ess",
        "nuisance_rhat",
        "nuisance_ess",
        "divergences",
        "ebfmi",
        "tree_depth",
        "contribution_sum",
        "chains_differ",
        "learned_from_data",
    }
)
"""What makes the numbers meaningless where it fails: while such a check blocks, it cannot be lowered."""
OTHER_TRUST_CHECKS = frozenset(
    {
        "excluded_geos",
        "no_divergence",
        "mape",
        "coverage",
        "residual_autocorrelation",
        "negative_baseline",
        "roi_uncertainty",
        "prior_shift",
        "roi_outside_prior",
        "roi_out_of_line",
        "predictive_total",
        "predictive_spread",
        "predictive_extremes",
        "predictive_autocorrelation",
        "prior_kpi",
        "prior_baseline",
        "prior_media_share",
        "backtest_error",
        "backtest_coverage",
        "backtest_beats_naive",
        "backtest_complete",
        "roi_across_splits",
        "platform_holdout",
        "experiment_conflict",
        "experiments_agree",
        "refresh_roi",
        "refresh_contribution",
        "refresh_surprise",
        "prior_data_conflict",
        "prior_dominates",
        "loo_reliable",
        "input_noise",
        "placebo_channel",
        "leave_one_geo_out",
        "platform_overclaims",
        "platform_underclaims",
    }
)
"""Checks whose failure may be taken lightly, or seriously, by configuration."""
TRUST_CHECKS = PROTECTED_TRUST_CHECKS | OTHER_TRUST_CHECKS
