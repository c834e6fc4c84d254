"""Descriptions of the exported tables about the next lift tests."""

from mmm_core.reporting.dashboard.description import Column, Table, amount, estimate, nullable, text
from mmm_core.reporting.dashboard.results import CHANNEL

_GEO = text("geo", "Name of the geo", "geo.geo")

EXPERIMENT_PLAN = Table(
    "experiment_plan",
    "A lift test per paid channel, what it could detect, and what it is worth; the best has rank 1.",
    (
        CHANNEL,
        Column("weeks", "integer", "Weeks with a changed spend", "week", 1),
        Column("test_geos", "integer", "Geos whose spend changes", "count", 1),
        amount("share_of_spend", "share", "Part of the channel's spend in these weeks that is in the test", 0, 1),
        amount("mde_outcome", "outcome", "Smallest effect that the test detects"),
        *nullable(amount("mde_roas", "return", "The same per unit of money that is moved")),
        *nullable(amount("mde_share_of_effect", "share", "The same as a part of the expected effect")),
        Column("detects", "boolean", "Whether the expected effect is at least that large"),
        amount("sd_now", "return", "Standard deviation of the channel's ROI now"),
        amount("sd_after", "return", "The same expected after the test"),
        amount("reduction", "share", "By which part it is expected to fall", None, 1),
        amount("value_of_information", "outcome", "What the better split of the budget brings per year", None),
        *nullable(amount("cost", "money", "Money that the test takes; below 0: it pays for itself", None)),
        Column("rank", "integer", "1: the test to do first", "", 1),
        *nullable(text("note", "What to know about the proposal")),
        Column("control_geos", "integer", "Geos that it is compared with", "count", 0),
        Column("start", "date", "First day of the weeks of the data that stand for the test"),
        Column("end", "date", "Last day of these weeks"),
        amount("spend_change", "money", "Money spent more (below 0: less) because of the test", None),
        *estimate("outcome_change", "outcome", "Expected change of the outcome in its geos and weeks"),
        amount("expected_power", "probability", "Probability that the test finds an effect", 0, 1),
        amount("standard_error", "outcome", "Standard error of the measured effect"),
        text("error_source", "What the standard error is taken from", None, "model", "placebo"),
        amount("error_model", "outcome", "Standard error by the model's noise"),
        *nullable(amount("error_placebo", "outcome", "Standard error by placebo tests over the history")),
        amount("sd_after_normal", "return", "`sd_after` by the normal formula"),
        amount("effective_draws", "count", "Draws that keep weight after a result"),
        *nullable(amount("net_value", "money", "Value of information times margin, less the cost", None)),
        *nullable(amount("value_per_spend", "", "Value of information per money that is moved", None)),
    ),
    ("channel",),
)
EXPERIMENT_GEOS = Table(
    "experiment_geos",
    "Geos of each proposed lift test, and the geos that it is compared with.",
    (
        CHANNEL,
        _GEO,
        text("role", "Whether its spend changes", None, "test", "control"),
        amount("population", "people", "Population of the geo"),
        amount("weight", "", "Weight of its outcome in the comparison", None),
    ),
    ("channel", "geo"),
)
NEXT_TEST_TABLES = (EXPERIMENT_PLAN, EXPERIMENT_GEOS)
