"""Scenarios side by side: what each costs and brings, how sure that is, and the efficient frontier."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.reporting.charts.frontier import Frontier, Point, frontier_chart
from mmm_core.reporting.charts.intervals import Interval, interval_chart
from mmm_core.reporting.formats import MISSING, chance, compact, decimals_for, fixed, signed
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT
from mmm_core.reporting.tables import Cell, Heading, Table, Tone, number_cells, text_cells, transposed

OBJECTIVES = {
    "roas": "largest outcome",
    "kpi": "most KPI units",
    "profit": "largest profit",
    "target_roas": "largest outcome at a target return",
    "target_mroi": "spend as long as the last money pays",
    "mean_minus_sd": "large outcome, little doubt",
    "quantile": "best low quantile",
    "cvar": "best of the worst cases",
    "probability_better": "surest to beat the current plan",
}
"""What a scenario maximises, in a few words."""
_SMALLEST_GAP = 1e-5
"""Below, a gap is only said to be smaller than this."""
_SURE, _OPEN = 0.9, 0.1
"""Probabilities from and to which a comparison counts as settled."""


@dataclass(frozen=True)
class ScenariosView:
    """What compares scenarios; None where it is not known."""

    table: Table | None
    lift_chart: Markup | None
    outcome_chart: Markup | None
    frontier: Markup | None
    matrix: Table | None


def scenario_title(name: str) -> str:
    """`current_budget` -> `Current budget`."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def scenarios_view(inputs: ReportInputs) -> ScenariosView:
    """Tables and charts over all scenarios."""
    found, summaries = inputs.decisions.present(), inputs.scenarios
    return ScenariosView(
        table=_table(summaries, inputs) if summaries else None,
        lift_chart=_lift_chart(summaries, inputs) if len(summaries) > 1 else None,
        outcome_chart=_outcome_chart(summaries, inputs) if len(summaries) > 1 else None,
        frontier=_frontier(found["frontier"], summaries, inputs) if "frontier" in found else None,
        matrix=_matrix(found["comparison"]) if "comparison" in found else None,
    )


def _table(summaries: Sequence[ScenarioSummary], inputs: ReportInputs) -> Table:
    """One row per scenario."""
    rows = transposed(
        text_cells([scenario_title(each.name) for each in summaries]),
        text_cells([OBJECTIVES.get(each.objective, each.objective) for each in summaries], "muted"),
        number_cells([each.total_optimal for each in summaries], compact),
        number_cells([each.outcome_optimal for each in summaries], compact),
        number_cells([each.roi_optimal for each in summaries]),
        number_cells([each.lift_mean for each in summaries], signed),
        number_cells([each.lift_q05 for each in summaries], signed),
        number_cells([each.lift_q95 for each in summaries], signed),
        number_cells([each.probability_better for each in summaries], chance),
        number_cells([each.probability_better_than_same_mix for each in summaries], chance),
        [_gap_cell(each.objective_gap) for each in summaries],
    )
    gap = "the best allowed plan is at most this much better, relative to the objective; –: not proven"
    headings = (
        Heading("Scenario", numeric=False),
        Heading("Aims at", numeric=False),
        Heading(f"Budget ({inputs.currency})"),
        Heading(f"Outcome ({inputs.outcome_unit})"),
        Heading("Return"),
        Heading("Lift over now", note="outcome under the plan minus that under the current one"),
        Heading("5%"),
        Heading("95%"),
        Heading("Better than now", note="posterior probability"),
        Heading("Better than same mix", note="probability of beating the current mix at the same budget"),
        Heading("Proven gap", note=gap),
    )
    return Table("scenarios", headings, rows)


def _gap_cell(gap: float | None) -> Cell:
    """The proven distance to the best plan: `0.002%`."""
    if gap is None:
        return Cell(MISSING, tone="muted", numeric=True)
    text = f"{fixed(100 * gap, decimals_for([100 * gap], 2))}%" if gap >= _SMALLEST_GAP else "<0.001%"
    return Cell(text, gap, numeric=True)


def _lift_chart(summaries: Sequence[ScenarioSummary], inputs: ReportInputs) -> Markup:
    rows = [
        Interval(scenario_title(each.name), each.lift_mean, each.lift_q05, each.lift_q95, ACCENT)
        for each in summaries
    ]
    domain = (min(0.0, *(row.low for row in rows)), max(0.0, *(row.high for row in rows)))
    title = f"Lift over the current plan ({inputs.outcome_unit})"
    return interval_chart(rows, title, "Lift of each scenario", domain, 0.0, signed)


def _outcome_chart(summaries: Sequence[ScenarioSummary], inputs: ReportInputs) -> Markup:
    """From the outcome of the current mix to that of the plan, at the same budget."""
    rows = [
        Interval(
            scenario_title(each.name),
            each.outcome_optimal,
            min(each.outcome_same_mix, each.outcome_optimal),
            max(each.outcome_same_mix, each.outcome_optimal),
            ACCENT,
        )
        for each in summaries
    ]
    now = summaries[0].outcome_current
    ends = [now, *(row.low for row in rows), *(row.high for row in rows)]
    margin = 0.05 * (max(ends) - min(ends))
    title = f"Expected outcome ({inputs.outcome_unit})"
    domain = (min(ends) - margin, max(ends) + margin)
    return interval_chart(
        rows, title, "Outcome of each scenario", domain, now, compact, words="current mix at that budget"
    )


def _frontier(table: pd.DataFrame, summaries: Sequence[ScenarioSummary], inputs: ReportInputs) -> Markup:
    """Best outcome by budget, and the scenarios."""
    ordered = table.sort_values("budget")
    lines = [
        ordered[key].astype(float).tolist() for key in ("budget", "outcome_mean", "outcome_q05", "outcome_q95")
    ]
    points = [Point(scenario_title(each.name), each.total_optimal, each.outcome_optimal) for each in summaries]
    if summaries:
        first = summaries[0]
        points.append(Point("Current plan", first.total_current, first.outcome_current, current=True))
    titles = (f"Budget ({inputs.currency})", f"Best outcome ({inputs.outcome_unit})")
    return frontier_chart(Frontier(*lines), points, titles)


def _matrix(table: pd.DataFrame) -> Table:
    """Probability that the scenario of a row brings more than that of a column."""
    names = list(dict.fromkeys([*table["scenario"].astype(str), *table["other"].astype(str)]))
    numbers = table[["probability_better", *(f"difference_{end}" for end in ("mean", "q05", "q95"))]]
    pairs = zip(table["scenario"].astype(str), table["other"].astype(str), strict=True)
    known = {
        pair: _chance_cell(pair, values)
        for pair, values in zip(pairs, numbers.astype(float).to_numpy().tolist(), strict=True)
    }
    none = Cell(MISSING, tone="muted", numeric=True)
    rows = tuple((Cell(scenario_title(one)), *(known.get((one, other), none) for other in names)) for one in names)
    headings = (Heading("Brings more than →", numeric=False), *(Heading(scenario_title(name)) for name in names))
    return Table("comparison", headings, rows)


def _chance_cell(pair: tuple[str, str], numbers: Sequence[float]) -> Cell:
    """A probability, marked where it is settled; the difference is told to those who point at it."""
    probability, mean, low, high = numbers
    one, other = (scenario_title(name) for name in pair)
    note = f"{one} minus {other}: {signed(mean)} (90% interval {signed(low)} to {signed(high)})"
    tone: Tone = "good" if probability >= _SURE else "bad" if probability <= _OPEN else ""
    return Cell(chance(probability), probability, tone=tone, numeric=True, note=note)
