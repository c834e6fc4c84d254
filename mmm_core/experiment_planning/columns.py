"""Columns of the tables of a plan of experiments."""

PROPOSAL_COLUMNS = (
    "channel",
    "weeks",
    "test_geos",
    "share_of_spend",
    "mde_outcome",
    "mde_roas",
    "mde_share_of_effect",
    "detects",
    "sd_now",
    "sd_after",
    "reduction",
    "value_of_information",
    "cost",
    "rank",
    "note",
    "control_geos",
    "start",
    "end",
    "spend_change",
    "outcome_change_mean",
    "outcome_change_q05",
    "outcome_change_q95",
    "expected_power",
    "standard_error",
    "error_source",
    "error_model",
    "error_placebo",
    "sd_after_normal",
    "effective_draws",
    "net_value",
    "value_per_spend",
)
"""channel, weeks (of changed spend), test_geos (how many), share_of_spend (of the channel's in these weeks);
smallest detectable effect in outcome, per money of `spend_change`, and as a share of the expected effect; detects
(whether the expected effect is at least that large); sd of the channel's ROI now and expected after, reduction (a
fraction); value_of_information, cost, rank; note; control_geos; start, end (YYYY-MM-DD: the weeks of the data that
stand for the test); spend_change (money, < 0: saved); expected change of the outcome; expected_power (mean over
draws); standard_error of the measured effect, error_source (`model` or `placebo`), error_model, error_placebo;
sd_after_normal, effective_draws (`preposterior`); net_value; value_per_spend."""
SPLIT_COLUMNS = ("channel", "geo", "role", "population", "weight")
"""channel (of the test), geo, role (`test` or `control`), population, weight (of its outcome in the effect)."""
