"""What we recommend next, and how it was computed."""

from collections.abc import Iterator

import pandas as pd

from mmm_core.reporting.deck.budget import extrapolated
from mmm_core.reporting.deck.limits import wide_channels
from mmm_core.reporting.deck.phrases import (
    measured,
    of_channel,
    outcome_per_money,
    single,
    some,
)
from mmm_core.reporting.deck.returns import paid_returns
from mmm_core.reporting.deck.said import Said, fact, say
from mmm_core.reporting.deck.slides import Slide, Words, body
from mmm_core.reporting.deck.verdict import Recommendation, gain_of, moves_words, recommendation
from mmm_core.reporting.formats import SPACE, counted, ratio
from mmm_core.reporting.inputs import ReportInputs


def next_slide(inputs: ReportInputs) -> Slide:
    """Steps in their order."""
    found = recommendation(inputs)
    steps = list(_steps(found, inputs))
    title = "First repair the model: its numbers are blocked" if inputs.blocking else _headline(found)
    return Slide(Said(title), (Words(body(), tuple(steps), size=20, bullets=True),))


def method_slide(inputs: ReportInputs) -> Slide:
    """The model in sentences and the words of the deck."""
    weeks, geos = inputs.fit["date"].nunique(), len(inputs.geos)
    title = say(
        "How it was computed: a Bayesian media mix model of {} and {}",
        fact(counted(weeks, "week"), weeks, "fit.csv, number of weeks"),
        fact(counted(geos, "geo"), geos, "fit.csv, number of geos"),
    )
    words = [
        f"90% interval: given data and model, the true value lies in it with a probability of 90%. "
        f"ROI: {inputs.outcome_unit} that a channel added, per {inputs.currency}{SPACE}1 spent. "
        "mROI: the same for the next 1% of its spend.",
        "Added means: in comparison with no media of that channel, everything else as it was. "
        "Scenarios change how much is spent, and what they bring is computed on every draw of the fit.",
    ]
    return Slide(
        title,
        (Words(body(), tuple(Said(text) for text in (*words, *inputs.model)), size=16, bullets=True),),
        notes=tuple(inputs.attempts),
    )


def _headline(found: Recommendation | None) -> str:
    if found is None or found.outlook == "same":
        return "Next: keep the split, and learn more about what is uncertain"
    if found.outlook == "unclear":
        return "Next: test before moving money, because the gain is not sure"
    return "Next: move money in steps, measure, and fit again"


def _steps(found: Recommendation | None, inputs: ReportInputs) -> Iterator[Said]:
    """Money, then spends never seen, then experiments, limits, and data."""
    if inputs.blocking:
        for _, check in inputs.blocking[:4]:
            yield say("Repair: {}", check.message)
        return
    yield from _money(found, inputs)
    yield from _experiment(inputs)
    yield from _limit(found, inputs)
    for name in sorted({check.name for _, check in inputs.warnings})[:2]:
        yield say("Look into the warning “{}”: its remedy stands in the report.", name.replace("_", " "))
    yield Said("Fit again when new weeks are in, and hold what came against what was expected here.")


def _money(found: Recommendation | None, inputs: ReportInputs) -> Iterator[Said]:
    if found is None:
        return
    if found.outlook == "same":
        yield Said("Keep the split of the budget: no other is better by more than a trifle.")
        return
    if found.outlook == "unclear":
        yield say("Do not move the whole budget yet: the change found would bring {}.", gain_of(found, inputs))
    else:
        yield say("Move money: {}; expected {}.", moves_words(found), gain_of(found, inputs))
    flags = extrapolated(inputs, found.plan.name)
    if flags:
        yield say("Go step by step where spend has never been so high: {}.", some(list(flags), 3))


def _experiment(inputs: ReportInputs) -> Iterator[Said]:
    """Where an experiment would tell most: much money, wide interval."""
    table = paid_returns(inputs, "roi")
    if table.empty:
        return
    wide = wide_channels(inputs)
    width = (table["roi_q95"] - table["roi_q05"]).astype(float) * table["spend"].astype(float)
    row = table[table["channel"] == wide[0]].iloc[0] if wide else table.loc[width.idxmax()]
    name = str(row["channel"])
    yield say(
        "Run an experiment on {}, where money and doubt are largest: its return is {} {}.",
        *(name, measured(row, "roi", ratio, of_channel(name)), outcome_per_money(inputs)),
    )


def _limit(found: Recommendation | None, inputs: ReportInputs) -> Iterator[Said]:
    """The upper limit that costs most."""
    table = inputs.decisions.present().get("shadow_prices")
    if table is None or found is None or found.outlook in ("same", "unclear"):
        return
    part = table[(table["scenario"] == found.plan.name) & (table["binding"] == "high")]
    part = part[~part["limit"].astype(str).isin(("total", "budget", "total budget"))]
    prices = pd.to_numeric(part["shadow_price"], errors="coerce")
    if prices.dropna().empty or float(prices.max()) <= 0:
        return
    row = part.loc[prices.idxmax()]
    yield say(
        "Check the upper limit on {}: one more {}{}1 there would bring {} {} (expected value; no interval).",
        *(str(row["limit"]), inputs.currency, SPACE),
        single(row, "shadow_price", ratio, f"shadow_prices.csv, scenario {found.plan.name}, limit {row['limit']}"),
        inputs.outcome_unit,
    )
