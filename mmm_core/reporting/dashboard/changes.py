"""Descriptions of the exported tables of what has changed since the last accepted fit.

Channels and scenarios may be those of the earlier fit alone, so channels refer to no dimension.
"""

from mmm_core.reporting.dashboard.description import Column, Table, Unit, amount, estimate, nullable, text
from mmm_core.reporting.dashboard.results import SCENARIO

_CHANNEL = text("channel", "Name of the channel, of this fit or of the last accepted one")
_REASON = text("reason", "Why it has changed, in words")
_VARIABLES = ("population", "kpi", "revenue_per_kpi", "spend", "media", "frequency", "control")
_CAUSES = (
    *("data_revision", "new_weeks", "dropped_weeks", "geos", "channels", "controls", "configuration"),
    *("backend", "model", "knots", "scaling"),
)
_NAME = nullable(text("name", "Channel or control; empty: of all"))[0]


def _compared(name: str, unit: Unit, what: str, where: str) -> tuple[Column, ...]:
    """Before, now and the change."""
    return (
        *estimate(f"{name}_before", unit, f"{what} in the last accepted fit, {where}"),
        *estimate(f"{name}_now", unit, f"{what} in this fit, {where}"),
        *estimate(f"{name}_change", unit, f"Change of the {what.lower()}, now less before"),
    )


def _sure(name: str, unit: Unit) -> tuple[Column, ...]:
    """How sure a change is."""
    higher = "That a draw of this fit lies above one of the last"
    real = "That the mean has moved this way, and it is no noise of the sampler"
    return (
        amount(f"{name}_probability_higher", "probability", higher, 0, 1),
        amount(f"{name}_probability_real", "probability", real, 0, 1),
        amount(f"{name}_monte_carlo_error", unit, "Standard error of the change of the mean"),
    )


def _spends(name: str, what: str) -> tuple[Column, ...]:
    return amount(f"{name}_before", "money", f"{what}, last accepted fit"), amount(
        f"{name}_now", "money", f"{what}, this fit"
    )


CHANGED_RETURNS = Table(
    "what_changed_returns",
    "ROI and contribution of each channel against the last accepted fit; three parts make up roi_change_mean.",
    (
        _CHANNEL,
        *nullable(
            *_compared("roi", "return", "Outcome per spend", "over its own window"),
            *_sure("roi", "return"),
            amount("from_window", "return", "Part of the change: other weeks or geos count", None),
            amount("from_revision", "return", "Part of the change: spend or media were corrected", None),
            amount("from_fit", "return", "Part of the change: the fit says otherwise of the same weeks", None),
            *_compared("contribution", "kpi", "Contribution", "in the geo-weeks that both fits know"),
            *_sure("contribution", "kpi"),
            amount("contribution_new_weeks", "kpi", "In the weeks that only this fit knows, posterior mean", None),
        ),
        _REASON,
    ),
    ("channel",),
)
CHANGED_BUDGETS = Table(
    "what_changed_budgets",
    "Budgets of each scenario and channel, all geos together, against those of the last accepted fit.",
    (
        SCENARIO,
        _CHANNEL,
        *nullable(
            *_spends("current_spend", "Spend of the current plan"),
            *_spends("optimal_spend", "Recommended spend"),
            amount("share_before", "share", "Part of the scenario's recommended budget, last accepted fit", 0, 1),
            amount("share_now", "share", "Part of the scenario's recommended budget, this fit", 0, 1),
            amount(
                "recommended_change_before", "change", "Recommended against current spend, last accepted fit", -1
            ),
            amount("recommended_change_now", "change", "Recommended against current spend, this fit", -1),
            amount("share_change", "share", "Change of the share, now less before", -1, 1),
        ),
        _REASON,
    ),
    ("scenario", "channel"),
)
CHANGED_DATA = Table(
    "what_changed_data",
    "Variables of which values were corrected, in the geos and weeks that both fits know.",
    (
        text("what", "Variable", None, *_VARIABLES),
        _NAME,
        Column("cells_changed", "integer", "Values that differ", "count", 1),
        Column("cells", "integer", "Values that were compared", "count", 1),
        amount("total_before", "", "Sum over these (controls, frequency, revenue per KPI: mean), before", None),
        amount("total_now", "", "The same now", None),
        *nullable(amount("change", "change", "Relative change of it; empty: it was 0", None)),
    ),
    ("what", "name"),
)
CHANGED_VALUES = Table(
    "what_changed_values",
    "The largest corrections of single values, at most 50.",
    (
        text("what", "Variable", None, *_VARIABLES),
        _NAME,
        text("geo", "Name of the geo", "geo.geo"),
        Column("date", "date", "First day of the week; empty for populations", nullable=True),
        *nullable(
            amount("before", "", "Value before; empty: it was not known", None),
            amount("now", "", "Value now; empty: it is no longer known", None),
            amount("change_sd", "", "Change in standard deviations of the variable; empty: it came or went", None),
        ),
    ),
    ("what", "name", "geo", "date"),
)
CHANGED_SCOPE = Table(
    "what_changed_scope",
    "Weeks, geos, channels and controls that only one of the fits knows.",
    (
        text("what", "Kind of what differs", None, "week", "geo", "channel", "control"),
        text("name", "Its name; of a week its first day"),
        text("change", "Whether it came or went", None, "new", "gone"),
    ),
    ("what", "name"),
)
REASONS = Table(
    "what_changed_reasons",
    "What differs between the two fits.",
    (
        text("cause", "Kind of difference", None, *_CAUSES),
        text("about", "What it may have moved: every number, or budgets alone", None, "fit", "plan"),
        text("detail", "The difference in words"),
    ),
    ("cause", "detail"),
)
CHANGE_TABLES = (CHANGED_RETURNS, CHANGED_BUDGETS, CHANGED_DATA, CHANGED_VALUES, CHANGED_SCOPE, REASONS)
