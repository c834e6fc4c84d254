"""How sure it is that one scenario beats another."""

import pandas as pd

from mmm_core.reporting.deck.phrases import LONGEST, gain, measured
from mmm_core.reporting.deck.said import Said, fact, say
from mmm_core.reporting.deck.scenarios import MOST
from mmm_core.reporting.deck.sizing import shortened
from mmm_core.reporting.deck.slides import BOTTOM, Box, Chart, Column, Grid, Series, Slide, halves, note
from mmm_core.reporting.deck.verdict import probability, recommendation
from mmm_core.reporting.formats import signed, span
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT
from mmm_core.reporting.sections.scenarios import scenario_title


def certainty_slide(inputs: ReportInputs) -> Slide | None:
    """Differences between scenarios with intervals and probabilities; None without a comparison."""
    table = inputs.decisions.present().get("comparison")
    found = recommendation(inputs)
    if table is None or found is None:
        return None
    other = found.plan.name
    part = table[table["other"] == other].head(MOST).reset_index(drop=True)
    if part.empty:
        return None
    left, right = halves(0.48, bottom=BOTTOM - 0.7)
    meaning = (
        f"Differences in added {inputs.outcome_unit} against {scenario_title(other)}, before the cost of media: "
        "a larger budget brings more, which does not say that it pays. The intervals hold what the data leave "
        "open, not what may change in the market."
    )
    return Slide(
        _certainty_title(part, other),
        (
            _differences(part, other, left, inputs),
            _matrix(part, other, right, inputs),
            note(meaning, 0.6),
        ),
    )


def _certainty_title(part: pd.DataFrame, other: str) -> Said:
    """Which scenarios differ surely in outcome, and which cannot be told apart."""
    if len(part) == 1:
        return _single_difference(part, other)
    apart = (part["difference_q05"] > 0) | (part["difference_q95"] < 0)
    open_ones = int((~apart).sum())
    source = "scenario_comparison.csv, number of scenarios"
    every = fact(str(len(part)), len(part), source)
    if not open_ones:
        return say("All {} scenarios clearly differ in outcome from “{}”", every, scenario_title(other))
    return say(
        "{} of {} scenarios are not distinguishable in outcome from “{}”",
        *(fact(str(open_ones), open_ones, f"{source} whose interval includes 0"), every, scenario_title(other)),
    )


def _single_difference(part: pd.DataFrame, other: str) -> Said:
    row = part.iloc[0]
    source = f"scenario_comparison.csv, {row['scenario']} against {other}"
    words = measured(row, "difference", signed, source)
    zero = float(row["difference_q05"]) <= 0 <= float(row["difference_q95"])
    return say(
        "“{}” against “{}”: {} in added outcome{}",
        *(scenario_title(str(row["scenario"])), scenario_title(other), words, ", not distinguishable" * zero),
    )


def _differences(part: pd.DataFrame, other: str, box: Box, inputs: ReportInputs) -> Chart:
    values = {end: tuple(part[f"difference_{end}"].astype(float).tolist()) for end in ("mean", "q05", "q95")}
    names = [shortened(scenario_title(str(name)), 12, 2.2) for name in part["scenario"]]
    show = gain(inputs)
    words = "; ".join(f"{name} {show(value)}" for name, value in zip(names, values["mean"], strict=True))
    return Chart(
        box=box,
        kind="bars",
        categories=tuple(names),
        series=(Series("difference", values["mean"], ACCENT, values["q05"], values["q95"]),),
        unit=f"added {inputs.outcome_unit} against {scenario_title(other)[:LONGEST]} (lines: 90% interval)",
        alt=f"Differences against {scenario_title(other)}: {words}.",
        source=f"scenario_comparison.csv, other {other}: difference_mean, difference_q05, difference_q95",
    )


def _matrix(part: pd.DataFrame, other: str, box: Box, inputs: ReportInputs) -> Grid:
    rows = [
        (row, f"scenario_comparison.csv, {row['scenario']} against {other}") for row in part.to_dict("records")
    ]
    ends = [
        say(
            span("{}", "{}"),
            *(
                fact(signed(row[column]), row[column], f"{source}: {column}")
                for column in ("difference_q05", "difference_q95")
            ),
        )
        for row, source in rows
    ]
    return Grid(
        box,
        (
            Column("Scenario", tuple(Said(scenario_title(str(r["scenario"]))) for r, _ in rows), numeric=False),
            Column(
                "Difference",
                tuple(
                    fact(signed(r["difference_mean"]), r["difference_mean"], f"{s}: difference_mean")
                    for r, s in rows
                ),
            ),
            Column("90% interval", tuple(ends)),
            Column(
                "Chance of more",
                tuple(
                    fact(probability(r["probability_better"]), r["probability_better"], f"{s}: probability_better")
                    for r, s in rows
                ),
            ),
        ),
        alt=f"Difference of {len(rows)} scenarios to {scenario_title(other)} and the probability of more outcome.",
        source=f"scenario_comparison.csv, other {other}",
    )
