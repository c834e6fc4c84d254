"""The title, and the answer in one slide."""

from mmm_core.reporting.deck.drivers import share_of_media
from mmm_core.reporting.deck.phrases import gain, measured, of_channel, outcome_per_money, some, spent
from mmm_core.reporting.deck.returns import paid_returns
from mmm_core.reporting.deck.said import Said, fact, interval, joined, say
from mmm_core.reporting.deck.slides import BOTTOM, LEFT, RIGHT, TOP, Box, Slide, Tile, Words, tiled
from mmm_core.reporting.deck.verdict import (
    Recommendation,
    budget_words,
    chance_of,
    gain_of,
    moves_words,
    recommendation,
)
from mmm_core.reporting.formats import SPACE, counted, listed, percent, ratio, signed
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.header import header_view
from mmm_core.reporting.sections.summary import media_share


def title_slide(inputs: ReportInputs) -> Slide:
    """Title, what the deck is about, and whether its numbers may be used."""
    view = header_view(inputs)
    lines = [say("{}: {}", label, value) for label, value in view.facts]
    state = [Said(view.state_text)]
    if view.state == "warned":
        names = sorted({check.name for _, check in inputs.warnings})
        state = [say("{}: {}", view.state_text, some(names, 6))]
    if view.state == "blocked":
        state.append(Said("Do not use these numbers."))
    if inputs.truth_roi is not None:
        state.append(Said("The data is simulated."))
    subtitle = f"How media drove {inputs.kpi_name}, and what to change"
    return Slide(
        Said(inputs.title),
        (
            Words(Box(LEFT + 0.2, 3.1, RIGHT - LEFT - 0.4, 0.7), (Said(subtitle),), size=24),
            Words(Box(LEFT + 0.2, 3.9, RIGHT - LEFT - 0.4, 1.75), tuple(lines), size=14, tone="muted"),
            Words(Box(LEFT + 0.2, 5.75, RIGHT - LEFT - 0.4, 0.95), (joined(state, ". "),), size=18, tone="warn"),
        ),
        notes=(f"Data version in full: {inputs.data_version}.", *view.blocked_by),
        opening=True,
    )


def answer_slide(inputs: ReportInputs) -> Slide:
    """What media brought, its return, what to change, and how sure that is."""
    found = recommendation(inputs)
    tiles = [_share_tile(inputs), *_return_tile(inputs), *([] if found is None else _plan_tiles(found, inputs))]
    boxes = tiled(Box(LEFT, TOP, RIGHT - LEFT, 1.75), len(tiles), 1)
    points = [_returns_sentence(inputs), _change_sentence(found, inputs), _sureness(inputs)]
    return Slide(
        _title(found, inputs),
        (
            *(Tile(box, number, label, note) for box, (number, label, note) in zip(boxes, tiles, strict=True)),
            Words(
                Box(LEFT, TOP + 2.05, RIGHT - LEFT, BOTTOM - TOP - 2.05),
                tuple(point for point in points if point.text),
                size=20,
                bullets=True,
            ),
        ),
    )


def _title(found: Recommendation | None, inputs: ReportInputs) -> Said:
    if inputs.blocking:
        return say(
            "Blocked by {}: these numbers are shown for repair only", counted(len(inputs.blocking), "check")
        )
    opening = say(
        "{} brought {} of {}",
        "Paid media" if inputs.has_organic else "Media",
        share_of_media(inputs),
        inputs.kpi_name,
    )
    if found is None:
        return opening
    if found.outlook == "same":
        return say("{}; the budget is already split about as well as the model can find", opening)
    if found.outlook == "unclear":
        return say("{}; no split of the budget is surely better than the current one", opening)
    return say("{}; a better split would bring {}", opening, gain_of(found, inputs))


TileText = tuple[Said, Said, Said]


def _share_tile(inputs: ReportInputs) -> TileText:
    share, known = media_share(inputs), inputs.totals.media_share
    source = "contributions.csv: sum of paid media / sum of all components"
    note = (
        Said("interval not known")
        if known is None
        else interval(*known, percent, "draws of the fit, share of paid media", ("q05", "q95"))
    )
    kind = "paid media" if inputs.has_organic else "media"
    return fact(percent(share), share, source), Said(f"of {inputs.kpi_name} came from {kind}"), note


def _return_tile(inputs: ReportInputs) -> list[TileText]:
    """Return of all money; none where nothing was spent."""
    table = paid_returns(inputs, "roi")
    money = float(table["spend"].sum())
    if not money:
        return []
    mean = float((table["roi_mean"] * table["spend"]).sum()) / money
    known = inputs.totals.media_roi
    spread = (
        interval(*known, ratio, "draws of the fit, return of all paid media", ("q05", "q95"))
        if known is not None
        else Said("interval only by channel")
    )
    all_money = fact(spent(inputs)(money), money, "channel_summary.csv: sum of spend")
    number = fact(ratio(mean), mean, "channel_summary.csv: sum of roi_mean * spend / sum of spend")
    return [(number, say("{} spent; spend {}", outcome_per_money(inputs), all_money), spread)]


def _plan_tiles(found: Recommendation, inputs: ReportInputs) -> list[TileText]:
    """Gain of the recommended split, and how probable it is that it is one."""
    same = abs(found.plan.budget_change) < 1e-4
    unit = "" if inputs.has_revenue else f"{inputs.kpi_name} "
    label = Said(f"{unit}from a better split of the same budget" if same else f"{unit}from the recommended budget")
    show = gain(inputs) if inputs.has_revenue else signed
    summary = found.summary
    if summary is None:
        value = found.plan.total("optimal_outcome") - found.plan.total("current_outcome")
        source = f"{found.source}: sum of optimal_outcome - sum of current_outcome"
        return [(fact(show(value), value, source), label, Said("interval not known"))]
    source = f"scenario_summary.csv, scenario {summary.name}"
    number = fact(show(summary.lift_mean), summary.lift_mean, f"{source}: lift_mean")
    spread = interval(summary.lift_q05, summary.lift_q95, signed, source, ("lift_q05", "lift_q95"))
    return [
        (number, label, spread),
        (
            chance_of(summary),
            Said("probability that it beats the current split"),
            Said("as far as the model holds"),
        ),
    ]


def _returns_sentence(inputs: ReportInputs) -> Said:
    """The best and the worst channel, and whether they can be told apart."""
    table = paid_returns(inputs, "roi")
    if table.empty:
        return Said("")
    best, worst = table.iloc[0], table.iloc[-1]
    unit = outcome_per_money(inputs)
    first = say("{} returned {}", str(best["channel"]), measured(best, "roi", ratio, of_channel(best["channel"])))
    if len(table) == 1:
        return say("{} {} spent.", first, unit)
    second = say("{} {}", str(worst["channel"]), measured(worst, "roi", ratio, of_channel(worst["channel"])))
    apart = float(best["roi_q05"]) > float(worst["roi_q95"])
    verdict = "a clear difference" if apart else "not distinguishable: their intervals overlap"
    return say("Best and least return: {}, {} {} spent; {}.", first, second, unit, verdict)


def _change_sentence(found: Recommendation | None, inputs: ReportInputs) -> Said:
    if found is None:
        return Said("")
    budget = budget_words(found, inputs)
    if found.outlook == "same":
        return say("With {}, keep the split as it is.", budget)
    if found.outlook == "unclear":
        return say(
            "With {}, the model leans to {}, but the gain is not sure: {}. Keep the split or test first.",
            *(budget, moves_words(found), gain_of(found, inputs)),
        )
    return say("With {}: {}.", budget, moves_words(found))


def _sureness(inputs: ReportInputs) -> Said:
    """Checks and what intervals mean."""
    if inputs.blocking:
        return say("Do not act on this: {} failed.", listed(sorted({check.name for _, check in inputs.blocking})))
    checks = (
        f"All checks passed{SPACE}– which says that the numbers are sound, not that they are exact."
        if not inputs.warnings
        else f"Accepted with {counted(len(inputs.warnings), 'warning')}: see what we do not know."
    )
    return say("If data and model are right, the truth lies in a 90% interval 9 times out of 10. {}", checks)
