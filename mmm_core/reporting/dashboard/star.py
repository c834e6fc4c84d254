"""Descriptions of the tables that only dashboards have: dimensions, and facts in long form."""

from mmm_core.reporting.dashboard.description import Column, Table, amount, estimate, nullable, text
from mmm_core.reporting.dashboard.results import CHANNEL, DATE, GEO, KINDS, SCENARIO

_POSITION = Column("position", "integer", "Place in the project's order, from 1", minimum=1)
_PLANS = ("current", "recommended")
METRICS = ("contribution", "roi", "mroi", "cpik", "effectiveness", "roi_prior")
"""Families of columns of the channel summary that are in the long form."""


def _dimension(name: str, description: str, naming: str, *columns: Column) -> Table:
    """A table of names in their order; `naming` describes the names, which are its key."""
    return Table(name, description, (text(name, naming), _POSITION, *columns), (name,), "dimension")


CALENDAR = Table(
    "calendar",
    "Every week of any table.",
    (
        Column("date", "date", "First day of the week"),
        Column("year", "integer", "Year of that day"),
        Column("quarter", "integer", "Quarter of that day", minimum=1, maximum=4),
        Column("month", "integer", "Month of that day", minimum=1, maximum=12),
        text("year_quarter", "Year and quarter, e.g. 2023-Q1"),
        text("year_month", "Year and month, e.g. 2023-03"),
        Column("iso_year", "integer", "Year of the ISO 8601 week of that day"),
        Column("iso_week", "integer", "ISO 8601 week of that day", minimum=1, maximum=53),
        Column("in_fit", "boolean", "Whether the model was fitted to this week"),
    ),
    ("date",),
    "dimension",
)
GEOS = _dimension(
    "geo",
    "Every geo, and `all` for rows about all geos together.",
    "Name of the geo",
    Column("is_total", "boolean", "Whether this stands for all geos together"),
    *nullable(amount("population", "people", "Size of the geo, usually people; 1 where it is not known")),
)
CHANNELS = _dimension(
    "channel",
    "Every channel.",
    "Name of the channel",
    text("kind", "Kind of the channel", None, "media", "reach_frequency", "organic_media"),
    Column("is_paid", "boolean", "Whether it costs money"),
    text("color", "Colour of the channel in the report, as #rrggbb"),
)
COMPONENTS = _dimension(
    "component",
    "Every part of the KPI: channels, controls, seasonality, baseline.",
    "Name of the component; channels by their names",
    text("kind", "Kind of the component", None, *KINDS),
    Column("is_media", "boolean", "Whether it is a channel"),
)
SCENARIOS = _dimension(
    "scenario",
    "Every scenario of any table.",
    "Name of the scenario",
    Column("has_plan", "boolean", "Whether there is a recommended budget for it"),
)
RUN = Table(
    "run",
    "The fit behind all tables; one row.",
    (
        text("project", "Name of the project"),
        text("title", "Title of the report"),
        text("kpi", "What the KPI counts"),
        text("currency", "Currency of spend"),
        text("outcome_unit", "Unit of outcomes: the currency where revenue is known, otherwise the KPI's"),
        text("generated_at", "When the report was made"),
        text("data_version", "Hash of the source data"),
        text("backend", "Which program fitted the model"),
        Column("chains", "integer", "Chains of the sampler", "count", 1),
        Column("draws", "integer", "Draws kept per chain", "count", 1),
        *nullable(
            amount("max_rhat", "", "Largest R-hat of all parameters; 1: the chains agree"),
            amount("min_ess_bulk", "count", "Smallest effective sample size of all parameters"),
            amount("r2", "share", "Part of the KPI's variance that the fit explains", None, 1),
            amount("mape", "share", "Weighted mean absolute percentage error"),
            amount("coverage_90", "share", "Weeks inside the 90 % predictive interval", 0, 1),
            text("model_version", "Version of the model in the registry; empty where versions are not kept"),
        ),
    ),
    ("project",),
    "dimension",
)
WEEKLY_CHANNELS = Table(
    "weekly_channels",
    "Contribution of each channel with its spend and media, by geo and week.",
    (
        *(GEO, DATE, CHANNEL),
        amount("spend", "money", "Money spent in the week"),
        amount("media_units", "media", "Media units of the week; impressions where there is reach and frequency"),
        *estimate("contribution", "kpi", "KPI units that the channel adds in the week", "mean q05 q50 q95"),
        amount("outcome_mean", "outcome", "The contribution as outcome, posterior mean", None),
    ),
    ("geo", "date", "channel"),
)
CHANNEL_METRICS = Table(
    "channel_metrics",
    "The estimates of the channel summary in long form: one row per channel and measure.",
    (
        CHANNEL,
        text("metric", "What is measured", None, *METRICS),
        text("unit", "Its unit"),
        *nullable(*estimate("", "", "The measure, in the row's unit", "mean q05 q50 q95", of="its")),
    ),
    ("channel", "metric"),
)
BUDGET_LONG = Table(
    "budget_long",
    "The budget plan in long form: one row per plan.",
    (
        *(SCENARIO, GEO, CHANNEL),
        text("plan", "Which plan", None, *_PLANS),
        amount("spend", "money", "Spend of the plan"),
        amount("outcome", "outcome", "Added outcome of the plan, posterior mean", None),
    ),
    ("scenario", "geo", "channel", "plan"),
)
CHECKS = Table(
    "checks",
    "Every check of data and fit.",
    (
        _POSITION,
        text("asset", "What was checked"),
        text("check_name", "Name of the check"),
        Column("passed", "boolean", "Whether it passed"),
        text("severity", "What a failure means: error blocks, warn informs", None, "error", "warn"),
        *nullable(
            amount("value", "", "What was compared", None), amount("threshold", "", "With which limit", None)
        ),
        text("message", "What was found, and what to do"),
    ),
    ("position",),
)
STAR_TABLES = (
    *(CALENDAR, GEOS, CHANNELS, COMPONENTS, SCENARIOS, RUN),
    *(WEEKLY_CHANNELS, CHANNEL_METRICS, BUDGET_LONG, CHECKS),
)
