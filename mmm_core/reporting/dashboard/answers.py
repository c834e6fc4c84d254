"""Descriptions of the exported tables about the past, the channels and plans."""

from mmm_core.reporting.dashboard.description import Column, Table, amount, estimate, nullable, text
from mmm_core.reporting.dashboard.results import CHANNEL, DATE, GEO, GEO_OR_ALL, SCENARIO, cost_columns

_FIRST = Column("start", "date", "First day of the first week", nullable=True)
_LAST = Column("end", "date", "First day of the last week", nullable=True)
_OBJECTIVE_UNITS = ("revenue", "kpi", "profit", "probability")
_PRICE = "What one more unit of money of it would bring"

SCENARIO_SUMMARY = Table(
    "scenario_summary",
    "Every scenario over all geos and channels.",
    (
        SCENARIO,
        amount("total_current", "money", "Spend of the current plan"),
        amount("total_optimal", "money", "Spend of the recommended plan"),
        amount("outcome_current", "outcome", "Added outcome of the current plan, posterior mean", None),
        amount("outcome_optimal", "outcome", "Added outcome of the recommended plan, posterior mean", None),
        amount("outcome_same_mix", "outcome", "The same if every channel is scaled alike to the new total", None),
        *estimate("lift", "outcome", "Outcome of the recommended less the current plan"),
        amount("probability_better", "probability", "That it brings more than the current plan", 0, 1),
        amount(
            "probability_better_than_same_mix", "probability", "That it brings more than the scaled plan", 0, 1
        ),
        amount("roi_current", "return", "Outcome per spend of the current plan", None),
        amount("roi_optimal", "return", "Outcome per spend of the recommended plan", None),
        text("objective", "What was maximised (optimization.objective)"),
        *nullable(amount("objective_value", "", "Its value, in the row's unit", None)),
        *nullable(amount("objective_gap", "share", "Proven largest distance of it to the best plan's value")),
        *nullable(text("objective_unit", "What its value counts", None, *_OBJECTIVE_UNITS)),
    ),
    ("scenario",),
)
SHADOW_PRICES = Table(
    "shadow_prices",
    "What each limit of a scenario costs.",
    (
        SCENARIO,
        text(
            "limit",
            "Limit: total budget, group, channel, geo, channel in a geo; cell … where a limit has its name",
        ),
        *nullable(amount("low", "money", "Least spend", None)),
        *nullable(amount("high", "money", "Largest spend; empty: no limit", None)),
        amount("spend", "money", "Recommended spend"),
        *nullable(text("binding", "Which end holds the plan back; empty: none", None, "low", "high")),
        amount("shadow_price", "", f"{_PRICE}, in the row's unit; 0 where it does not bind", None),
        text("unit", "What the price counts, per unit of money", None, *_OBJECTIVE_UNITS),
    ),
    ("scenario", "limit"),
)
COMPARISON = Table(
    "scenario_comparison",
    "How sure it is that one scenario brings more than another.",
    (
        SCENARIO,
        text("other", "Scenario that it is compared with", "scenario.scenario"),
        *estimate("difference", "outcome", "Outcome of the scenario less the other's"),
        amount("probability_better", "probability", "That the scenario brings more than the other", 0, 1),
    ),
    ("scenario", "other"),
)
FRONTIER = Table(
    "frontier",
    "Best outcome by total budget.",
    (
        amount("change", "change", "Total budget relative to the current one, less 1", -1),
        amount("budget", "money", "Total budget"),
        *estimate("outcome", "outcome", "Added outcome of the best plan"),
        amount("roi", "return", "Outcome per spend", None),
        *nullable(amount("shadow_price", "", "What one more unit of budget would bring, in the row's unit", None)),
        text("shadow_price_unit", "What the price counts, per unit of money", None, *_OBJECTIVE_UNITS),
    ),
    ("change",),
)
FLIGHTING = Table(
    "flighting",
    "Current and recommended spend by week.",
    (
        *(SCENARIO, GEO, CHANNEL, DATE),
        amount("current_spend", "money", "Spend of the current plan in the week"),
        amount("optimal_spend", "money", "Recommended spend of the week"),
    ),
    ("scenario", "geo", "channel", "date"),
)
FORECAST = Table(
    "forecast",
    "KPI by week under each scenario.",
    (
        *(SCENARIO, GEO_OR_ALL, DATE),
        amount("kpi_mean", "kpi", "KPI, mean of the forecast", None),
        *estimate("", "kpi", "KPI, noise included", "q05 q50 q95"),
        amount("expected_mean", "kpi", "Expected KPI without noise, posterior mean", None),
        amount("baseline_mean", "kpi", "Of which without any media, that of the weeks before included", None),
        amount("media_mean", "kpi", "Of which from media", None),
        amount("spend", "money", "Planned spend of the week, all channels"),
    ),
    ("scenario", "geo", "date"),
)
PERIODS = Table(
    "attribution_periods",
    "What each channel brought in calendar periods and windows. `contribution` is what fell into the period, "
    "carryover from before included; `caused` is what the period's own media brought, with carryover after it.",
    (
        text("kind", "Kind of period", None, "total", "year", "quarter", "month", "window"),
        text("period", "2023, 2023-Q1, 2023-03, or the window's name; `all`: the whole fit window"),
        *(_FIRST, _LAST, GEO_OR_ALL, CHANNEL),
        amount("spend", "money", "Money spent in the period"),
        *nullable(amount("media_units", "media", "Media units of the period")),
        *estimate("contribution", "kpi", "KPI units that fell into the period", "mean q05 q50 q95"),
        *estimate("caused", "kpi", "KPI units that the period's own media brought, whenever"),
        *estimate("outcome", "outcome", "Outcome of what fell into the period"),
        *nullable(*estimate("roi", "return", "Caused outcome per unit of spend", "mean q05 q50 q95")),
        *nullable(*estimate("mroi", "return", "Return of the next 1 % of spend, per unit of spend")),
        *cost_columns("caused"),
        *nullable(*estimate("effectiveness", "effect", "Caused outcome per media unit")),
    ),
    ("kind", "period", "geo", "channel"),
)
COUNTERFACTUALS = Table(
    "counterfactuals",
    "What would have been, had media been different.",
    (
        text("name", "Name of the question (attribution.counterfactuals)"),
        text("channels", "Channels whose media changes"),
        text("geos", "Geos where it changes"),
        *(_FIRST, _LAST),
        amount("change", "change", "Relative change of the media; -1: without it", -1),
        amount("spend_change", "money", "Change of spend", None),
        *estimate("kpi_change", "kpi", "Change of the KPI"),
        *estimate("outcome_change", "outcome", "Change of the outcome"),
        *nullable(amount("kpi_share", "share", "Change per fitted KPI of these geos and weeks", None)),
    ),
    ("name",),
)
ADSTOCK = Table(
    "adstock",
    "How the effect of a week's media is spread over the weeks after it.",
    (
        CHANNEL,
        Column("lag", "integer", "Weeks since the media", "week", 0),
        *estimate("weight", "share", "Share of the whole effect in that week", minimum=0, maximum=1),
        amount("remaining_mean", "share", "Share still to come after that week, posterior mean", None, 1),
    ),
    ("channel", "lag"),
)
SATURATION = Table(
    "saturation",
    "How far each channel is from bringing no more, all geos together; spends beyond those observed are "
    "extrapolations.",
    (
        CHANNEL,
        amount("spend_per_week", "money", "Observed spend per week"),
        *nullable(
            *estimate("saturation", "share", "Part of the largest outcome of this timing that is reached now")
        ),
        *nullable(
            amount("half_spend", "money", "Spend per week at which half of the largest outcome is reached"),
            amount(
                "saturation_spend",
                "money",
                "Spend per week at which the next unit of money brings a tenth of what a unit brought on average",
            ),
        ),
    ),
    ("channel",),
)
FREQUENCY = Table(
    "frequency",
    "Return of channels with reach and frequency by average frequency.",
    (
        CHANNEL,
        amount("frequency", "frequency", "Average contacts per person reached"),
        *nullable(*estimate("roi", "return", "Outcome per unit of spend at that frequency")),
        Column("optimal", "boolean", "Whether that frequency has the largest mean return"),
        amount("current_frequency", "frequency", "Average contacts per person reached, as observed"),
    ),
    ("channel", "frequency"),
)
ANSWER_TABLES = (
    *(SCENARIO_SUMMARY, SHADOW_PRICES, COMPARISON, FRONTIER, FLIGHTING, FORECAST),
    *(PERIODS, COUNTERFACTUALS, ADSTOCK, SATURATION, FREQUENCY),
)
