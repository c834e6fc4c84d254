"""The recommended budget beside the current one."""

import pandas as pd

from mmm_core.reporting.deck.phrases import numbers, short_names, some
from mmm_core.reporting.deck.said import Said, fact, joined, say
from mmm_core.reporting.deck.slides import BOTTOM, Box, Chart, Column, Grid, Series, Slide, findings, halves
from mmm_core.reporting.deck.verdict import (
    Recommendation,
    budget_words,
    chance_of,
    current_words,
    gain_of,
    moves_words,
    recommendation,
)
from mmm_core.reporting.formats import MISSING, compact, percent
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, BASE
from mmm_core.reporting.sections.budget import relative
from mmm_core.reporting.sections.scenarios import scenario_title

_MOST = 10


def budget_slide(inputs: ReportInputs) -> Slide | None:
    """Current and recommended spend by channel; None without a plan."""
    found = recommendation(inputs)
    if found is None:
        return None
    flags = extrapolated(inputs, found.plan.name)
    rows = _rows(found)
    left, right = halves(0.5, bottom=BOTTOM - 0.8)
    return Slide(
        _title(found, inputs),
        (
            _chart(rows, left, found, inputs),
            _grid(rows, flags, right, found, inputs),
            findings(_below(found, flags)),
        ),
        notes=(
            f"Scenario shown: {found.plan.name}. Spend is summed over geos; per geo it is in budget_plan.csv.",
            f"Current: {current_words(inputs)}.",
        ),
    )


def extrapolated(inputs: ReportInputs, scenario: str) -> dict[str, tuple[int, int]]:
    """channel -> (geos with spend beyond anything observed, geos); empty if none or not known."""
    table = inputs.budget_plan
    if "extrapolated" not in table:
        return {}
    part = table[table["scenario"] == scenario]
    flagged = part["extrapolated"].astype(bool).groupby(part["channel"].astype(str), sort=False)
    counts = {str(name): (int(values.sum()), len(values)) for name, values in flagged}
    return {name: count for name, count in counts.items() if count[0]}


def _title(found: Recommendation, inputs: ReportInputs) -> Said:
    budget = budget_words(found, inputs)
    if found.outlook == "same":
        return say("With {}, the current split is already close to the best that the model can find", budget)
    if found.outlook == "unclear":
        return say(
            "With {}, the change found is not surely different from the current split: {}",
            budget,
            gain_of(found, inputs),
        )
    return say("With {}, {} would bring {}", budget, moves_words(found), gain_of(found, inputs))


def _rows(found: Recommendation) -> pd.DataFrame:
    """channel, current_spend, optimal_spend: the largest, the others in one row."""
    columns = ["channel", "current_spend", "optimal_spend"]
    table = found.plan.table[columns].copy()
    size = table[["current_spend", "optimal_spend"]].max(axis=1)
    table = table.loc[size.sort_values(ascending=False, kind="stable").index]
    if len(table) <= _MOST + 1:
        return table.reset_index(drop=True)
    rest = table.iloc[_MOST:]
    others = pd.DataFrame(
        [[f"{len(rest)} others", rest["current_spend"].sum(), rest["optimal_spend"].sum()]], columns=columns
    )
    return pd.concat([table.iloc[:_MOST], others], ignore_index=True)


def _chart(rows: pd.DataFrame, box: Box, found: Recommendation, inputs: ReportInputs) -> Chart:
    names = [str(name) for name in rows["channel"]]
    labels = short_names(names)
    words = "; ".join(
        f"{name} {compact(float(before))} to {compact(float(after))}"
        for name, before, after in rows.itertuples(index=False)
    )
    return Chart(
        box=box,
        kind="bars",
        categories=tuple(labels[name] for name in names),
        series=(
            Series("current", numbers(rows["current_spend"].tolist()), BASE),
            Series("recommended", numbers(rows["optimal_spend"].tolist()), ACCENT),
        ),
        unit=f"spend ({inputs.currency})",
        alt=f"Current and recommended spend, {inputs.currency}: {words}.",
        source=f"budget_plan.csv, scenario {found.plan.name}, current_spend and optimal_spend summed over geos",
    )


def _grid(
    rows: pd.DataFrame,
    flags: dict[str, tuple[int, int]],
    box: Box,
    found: Recommendation,
    inputs: ReportInputs,
) -> Grid:
    """Money before and after, with a total and, where there is one, the flag of spends never seen."""
    source = f"budget_plan.csv, scenario {found.plan.name}"
    totals = [float(found.plan.total(column)) for column in ("current_spend", "optimal_spend")]
    records = [(str(n), float(b), float(a)) for n, b, a in rows.itertuples(index=False)]
    records.append(("Total", totals[0], totals[1]))
    labels = short_names([name for name, _, _ in records])
    columns = [
        Column("Channel", tuple(Said(labels[name]) for name, _, _ in records), numeric=False),
        Column(
            f"Current ({inputs.currency})",
            tuple(_money(n, b, "current_spend", source) for n, b, _ in records),
        ),
        Column("Recommended", tuple(_money(n, a, "optimal_spend", source) for n, _, a in records)),
        Column("Change", tuple(_change(n, b, a, source) for n, b, a in records)),
    ]
    if flags:
        cells = tuple(_flag(name, flags) for name, _, _ in records)
        columns.append(Column("Never seen", cells))
    return Grid(
        box,
        tuple(columns),
        f"Current and recommended spend by channel with changes, scenario {scenario_title(found.plan.name)}.",
        f"{source}, current_spend, optimal_spend{', extrapolated' if flags else ''} summed over geos",
        emphasis=len(records) - 1,
    )


def _money(name: str, value: float, column: str, source: str) -> Said:
    return fact(compact(value), value, f"{source}, {name}: {column}")


def _change(name: str, before: float, after: float, source: str) -> Said:
    value = relative(before, after)
    if value is None:
        return Said("new" if after > 0 else MISSING)
    if abs(value) < 5e-4:
        return fact("0%", value, f"{source}, {name}: optimal_spend / current_spend - 1")
    return fact(percent(value, signed=True), value, f"{source}, {name}: optimal_spend / current_spend - 1")


def _flag(name: str, flags: dict[str, tuple[int, int]]) -> Said:
    if name not in flags:
        return Said("")
    count, every = flags[name]
    return Said("yes") if every == 1 else Said(f"{count} of {every} geos")


def _below(found: Recommendation, flags: dict[str, tuple[int, int]]) -> Said:
    """How sure, and which spends were never observed."""
    parts = []
    if found.summary is not None:
        parts.append(say("Better than the current split with a probability of {}.", chance_of(found.summary)))
    if flags:
        parts.append(
            say(
                "“Never seen”: more per week than in all data for {}. There the effect follows from the model’s "
                "shape, so go step by step.",
                some(list(flags), 3),
            )
        )
    else:
        parts.append(say("What spends beyond those observed bring follows from the model’s shape: move in steps."))
    return joined(parts)
