"""The report in a few plain sentences made from its numbers."""

from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup, escape

from mmm_core.reporting.formats import (
    SPACE,
    compact,
    counted,
    day,
    fixed,
    listed,
    money,
    percent,
    ratio,
    signed,
    span,
)
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.budget import ScenarioPlan, lift_interval, main_plan, scenario_plans
from mmm_core.reporting.sections.scenarios import scenario_title
from mmm_core.reporting.tables import quantity

WIDE = 1.5
"""A 90 % interval wider than this many times its mean is too wide to act on."""
_SMALL_LIFT = 0.005


@dataclass(frozen=True)
class Tile:
    """One big number."""

    label: str
    text: str
    value: float | None
    note: str


@dataclass(frozen=True)
class SummaryView:
    """Big numbers, findings and reservations."""

    tiles: tuple[Tile, ...]
    findings: tuple[Markup, ...]
    caveats: tuple[str, ...]
    attempts: tuple[str, ...]


def summary_view(inputs: ReportInputs) -> SummaryView:
    """Media share, best and worst channel, recommendation, and what to be careful about."""
    plan = main_plan(scenario_plans(inputs))
    findings = [_media_sentence(inputs), *_return_sentences(inputs)]
    if plan is not None:
        findings.append(_plan_sentence(plan, inputs))
    return SummaryView(
        tiles=_tiles(inputs, plan),
        findings=tuple(findings),
        caveats=tuple(_caveats(inputs)),
        attempts=inputs.attempts if len(inputs.attempts) > 1 else (),
    )


def media_share(inputs: ReportInputs) -> float:
    """Share of the fitted KPI that all paid channels together brought."""
    table = inputs.contributions
    total = float(table["mean"].sum())
    return float(table.loc[table["kind"] == "media", "mean"].sum()) / total if total else 0.0


def fallback_backend(inputs: ReportInputs) -> tuple[str, str] | None:
    """(backend asked for, backend used) if they differ."""
    asked = str(inputs.config["model.backend"][0]) if "model.backend" in inputs.config else None
    used = str(inputs.diagnostics["backend"])
    return (asked, used) if asked is not None and asked != used else None


def _tiles(inputs: ReportInputs, plan: ScenarioPlan | None) -> tuple[Tile, ...]:
    """Media share, total spend, return of all media, expected lift."""
    summary, share = inputs.channel_summary, media_share(inputs)
    spend = float(summary["spend"].sum())
    back = float((summary["roi_mean"] * summary["spend"]).sum()) / spend if spend else None
    interval = inputs.totals.media_share
    tiles = [
        Tile(
            f"of {inputs.kpi_name} came from {'paid media' if inputs.has_organic else 'media'}",
            percent(share),
            share,
            f"90% interval {span(percent(interval[0]), percent(interval[1]))}" if interval else "model estimate",
        ),
        Tile(
            "media spend in the window",
            money(spend, inputs.currency),
            spend,
            counted(len(inputs.paid_channels), "channel"),
        ),
        Tile("return on all media spend", ratio(back), back, f"{inputs.outcome_unit} per {inputs.currency} spent"),
    ]
    if plan is not None:
        note = f"{scenario_title(plan.name).lower()}, model estimate"
        tiles.append(
            Tile(
                "outcome from media with the recommended budget", percent(plan.lift, signed=True), plan.lift, note
            )
        )
    return tuple(tiles)


def _media_sentence(inputs: ReportInputs) -> Markup:
    """How much of the KPI media brought, over which window."""
    share, interval = media_share(inputs), inputs.totals.media_share
    spread = (
        Markup(" (90% interval {} to {})").format(
            quantity(percent(interval[0]), interval[0]), quantity(percent(interval[1]), interval[1])
        )
        if interval
        else ""
    )
    return Markup("From {} to {}, paid media brought {}{} of all {}; the rest would have come without it.").format(
        day(inputs.fit["date"].min()),
        day(inputs.fit["date"].max()),
        quantity(percent(share), share),
        spread,
        inputs.kpi_name,
    )


def _return_sentences(inputs: ReportInputs) -> list[Markup]:
    """The best and the worst channel, and which are clearly profitable or not."""
    ordered = inputs.channel_summary.dropna(subset=["roi_mean"]).sort_values("roi_mean", ascending=False)
    if ordered.empty:
        return []
    best, worst = ordered.iloc[0], ordered.iloc[-1]
    unit = f"{inputs.outcome_unit} per {inputs.currency}{SPACE}1 spent"
    if len(ordered) == 1:
        return [Markup("{} returned {}.").format(best["channel"], _roi(best, unit))]
    overlap = best["roi_q05"] <= worst["roi_q95"]
    verdict = (
        "Their intervals overlap, so even this order is not certain."
        if overlap
        else "Their intervals do not overlap, so this difference is clear."
    )
    first = Markup("{} returned the most: {}; {} the least: {}. {}").format(
        best["channel"], _roi(best, unit), worst["channel"], _roi(worst), verdict
    )
    return [first, *_break_even(inputs)]


def _break_even(inputs: ReportInputs) -> list[Markup]:
    """Channels whose whole interval lies on one side of break-even; only where outcomes are money."""
    if not inputs.has_revenue:
        return []
    table = inputs.channel_summary
    above = [str(name) for name in table.loc[table["roi_q05"] > 1, "channel"]]
    below = [str(name) for name in table.loc[table["roi_q95"] < 1, "channel"]]
    if not above and not below:
        text = "For no channel can the data say with 90% certainty whether it brought more revenue than it cost."
        return [escape(text)]
    parts = [f"more revenue than its cost from {listed(above)}"] if above else []
    parts += [f"less than its cost from {listed(below)}"] if below else []
    return [escape(f"The whole 90% interval shows {' and '.join(parts)}. This is revenue, not profit.")]


def _roi(row: pd.Series, unit: str = "") -> Markup:
    """`2.41 USD per USD 1 spent (90% interval 1.9 to 3.0)`."""
    mean, low, high = (
        quantity(ratio(float(row[key])), float(row[key])) for key in ("roi_mean", "roi_q05", "roi_q95")
    )
    return Markup("{}{} (90% interval {} to {})").format(mean, f" {unit}" if unit else "", low, high)


def _plan_sentence(plan: ScenarioPlan, inputs: ReportInputs) -> Markup:
    """The recommendation and its expected lift."""
    budget = plan.total("optimal_spend")
    gain = plan.total("optimal_outcome") - plan.total("current_outcome")
    lift = plan.lift
    same = abs(plan.budget_change) < 1e-4
    opening = Markup("With the same total budget ({} {})") if same else Markup("With a total budget of {} {}")
    start = opening.format(inputs.currency, quantity(compact(budget), budget))
    if lift is None or abs(lift) < _SMALL_LIFT:
        return Markup("{}, the current split is already close to the best that the model can find.").format(start)
    more, less = _moves(plan)
    move = f"more for {listed(more)}" if more else "no channel gains"
    move += f" and less for {listed(less)}" if less else ""
    return Markup("{}, the model recommends {}. It expects {} incremental outcome ({} {}{}).").format(
        start,
        move,
        quantity(percent(lift, signed=True), lift),
        quantity(signed(gain), gain),
        inputs.outcome_unit,
        lift_interval(inputs, plan.name),
    )


def _moves(plan: ScenarioPlan) -> tuple[list[str], list[str]]:
    """Channels with the largest increases and the largest cuts, at most three each."""
    change = (plan.table["optimal_spend"] - plan.table["current_spend"]).astype(float)
    floor = 0.01 * plan.total("current_spend")
    table = plan.table.assign(change=change).sort_values("change", ascending=False)
    more = [str(name) for name in table.loc[table["change"] > floor, "channel"]][:3]
    less = [str(name) for name in table.loc[table["change"] < -floor, "channel"]][::-1][:3]
    return more, less


def _caveats(inputs: ReportInputs) -> list[str]:
    """What a careful reader must know before acting."""
    found = []
    if inputs.blocking:
        found.append(f"{counted(len(inputs.blocking), 'blocking check')} failed: do not use these numbers.")
    if inputs.warnings:
        names = sorted({check.name for _, check in inputs.warnings})
        found.append(
            f"{counted(len(inputs.warnings), 'check')} gave a warning ({listed(names)}): "
            "see diagnostics and data quality."
        )
    switched = fallback_backend(inputs)
    if switched:
        found.append(
            f"The model was fitted with {switched[1]}, not with {switched[0]} as configured, because the fit with "
            f"{switched[0]} was not accepted. What was tried stands below."
        )
    found.extend(_wide(inputs))
    if inputs.truth_roi is not None:
        found.append("The data is simulated: the true ROI is known and shown beside the estimates.")
    found.append(
        "Curves beyond current spend and the recommended budget follow from the model’s shape, not from observed "
        "spend: move in steps and measure."
    )
    return found


def _wide(inputs: ReportInputs) -> list[str]:
    """Channels whose ROI interval is too wide to act on."""
    table = inputs.channel_summary
    width = (table["roi_q95"] - table["roi_q05"]).astype(float)
    names = [str(name) for name in table.loc[width > WIDE * table["roi_mean"].abs(), "channel"]]
    if not names:
        return []
    return [
        f"The ROI of {listed(names)} is known only roughly: the 90% interval is more than {fixed(WIDE, 1)} times "
        "as wide as the estimate itself. An experiment would tell more."
    ]
