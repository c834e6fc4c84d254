"""Descriptions of the exported tables of every fit."""

from mmm_core.reporting.dashboard.description import Column, Table, amount, estimate, nullable, text

GEO = text("geo", "Name of the geo; `national` for a panel without geos", "geo.geo")
GEO_OR_ALL = text("geo", "Name of the geo; `all`: all geos together (not to be added to the others)", "geo.geo")
DATE = Column("date", "date", "First day of the week", references="calendar.date")
CHANNEL = text("channel", "Name of the channel", "channel.channel")
SCENARIO = text("scenario", "Name of the scenario", "scenario.scenario")
KINDS = (*("media", "organic_media", "control", "non_media_treatment", "holiday", "seasonality", "baseline"),)
_IN_MONEY = "in money, where a KPI that is not money has a known value"


def cost_columns(gained: str) -> tuple[Column, ...]:
    """Cost per KPI unit; what would cost more than any amount is missing."""
    mean = amount("cpik_mean", "cost", f"Spend per {gained} KPI unit: spend / posterior mean of what was {gained}")
    words = f"Spend per {gained} KPI unit (empty: no cost is high enough)"
    return nullable(mean, *estimate("cpik", "cost", words, "q05 q50 q95", minimum=0.0))


CONTRIBUTIONS = Table(
    "contributions",
    "What each week's fitted KPI is made of; the means of a geo and week add up to it.",
    (
        GEO,
        DATE,
        text("component", "Channel, control or other part of the KPI", "component.component"),
        *estimate("", "kpi", "KPI units that the component adds in the week", "mean q05 q50 q95"),
        text("kind", "Kind of the component", None, *KINDS),
        *estimate("", "money", f"The same {_IN_MONEY}", "mean q05 q50 q95", suffix="_revenue"),
    ),
    ("geo", "date", "component"),
)
CHANNEL_SUMMARY = Table(
    "channel_summary",
    "Every channel over all geos and the fit window; organic channels cost nothing and have no returns.",
    (
        CHANNEL,
        amount("spend", "money", "Money spent"),
        *estimate("contribution", "kpi", "KPI units that the channel added", "mean q05 q95"),
        amount("share", "share", "Part of the fitted KPI that the channel brought", None, None),
        *nullable(*estimate("roi", "return", "Added outcome per unit of spend", "mean q05 q50 q95")),
        *nullable(
            *estimate("mroi", "return", "Return of the next 1 % of spend, per unit of spend", "mean q05 q95 q50")
        ),
        *estimate("contribution", "money", f"Contribution {_IN_MONEY}", suffix="_revenue"),
        text("kind", "Kind of the channel", None, "media", "reach_frequency", "organic_media"),
        *cost_columns("added"),
        *nullable(*estimate("effectiveness", "effect", "Added outcome per media unit")),
        *nullable(*estimate("roi_prior", "return", "Return that was assumed before the data", of="prior")),
    ),
    ("channel",),
)
FIT = Table(
    "fit",
    "The KPI as it was and as the model has it, by geo and week.",
    (
        GEO,
        DATE,
        *nullable(amount("actual", "kpi", "KPI as it was; empty where it is not known")),
        amount("predicted_mean", "kpi", "Expected KPI, posterior mean", None),
        *estimate("", "kpi", "KPI that the model expects, noise included", "q05 q95"),
    ),
    ("geo", "date"),
)
_CURVE = (
    amount("spend", "money", "Spend over the fit window"),
    amount("outcome_mean", "outcome", "What the channel adds at that spend, posterior mean", None),
    *estimate("", "outcome", "What the channel adds at that spend", "q05 q95"),
    amount("multiplier", "", "Spend relative to the observed one; 1: as observed"),
    *nullable(*estimate("marginal", "return", "Outcome of one more unit of money at that spend")),
)
RESPONSE_CURVES = Table(
    "response_curves",
    "Outcome by spend in every geo, the timing of spend unchanged.",
    (GEO, CHANNEL, *_CURVE),
    ("geo", "channel", "multiplier"),
)
POOLED_CURVES = Table(
    "response_curves_pooled",
    "Outcome by spend of all geos together, each geo's spend scaled alike.",
    (CHANNEL, *_CURVE),
    ("channel", "multiplier"),
)
BUDGET_PLAN = Table(
    "budget_plan",
    "Current and recommended spend of every scenario.",
    (
        SCENARIO,
        GEO,
        CHANNEL,
        amount("current_spend", "money", "Spend of the current plan"),
        amount("optimal_spend", "money", "Recommended spend"),
        amount("current_outcome", "outcome", "Added outcome of the current plan, posterior mean", None),
        amount("optimal_outcome", "outcome", "Added outcome of the recommended plan, posterior mean", None),
        Column("extrapolated", "boolean", "Whether spend per week is beyond what the history has, or it has none"),
    ),
    ("scenario", "geo", "channel"),
)
RESULT_TABLES = (CONTRIBUTIONS, CHANNEL_SUMMARY, FIT, RESPONSE_CURVES, POOLED_CURVES, BUDGET_PLAN)
