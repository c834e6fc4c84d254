"""A plan of experiments in sentences."""

from collections.abc import Iterator, Sequence

import pandas as pd

from mmm_core.config.experiment_planner import ExperimentPlannerConfig
from mmm_core.features.model_data import ModelData

_LITTLE = 0.05
"""Fall of the sd of an ROI below which a test teaches little."""


def sentences(
    proposals: pd.DataFrame, idle: Sequence[str], data: ModelData, settings: ExperimentPlannerConfig
) -> tuple[str, ...]:
    """What is proposed first, then the others, then what it all rests on.

    Args:
        proposals: in order.
        idle: paid channels without a proposal.
        data: the panel of the fit.
        settings: `calibration.planner`.
    """
    return (*_of_proposals(proposals, data), *_assumptions(idle, data, settings))


def _of_proposals(proposals: pd.DataFrame, data: ModelData) -> Iterator[str]:
    unit = data.currency if data.has_revenue else "KPI units"
    if len(proposals) and proposals["reduction"].max() < _LITTLE:
        yield (
            f"No proposed test teaches much: none is expected to lower the sd of its ROI by {_LITTLE:.0%}; longer "
            "tests, a larger change, or an analysis that takes off what the fit explains (calibration.planner: "
            "weeks, change, adjust) teach more."
        )
    for row in proposals.to_dict("records"):
        lead = "First choice" if row["rank"] == 1 else f"Choice {row['rank']}"
        geos = f"{row['test_geos']} of {row['test_geos'] + row['control_geos']} geos"
        verb = "detects" if row["detects"] else "may miss"
        surer = f"The sd of its ROI is expected to fall by {max(row['reduction'], 0):.0%}"
        yield (
            f"{lead}: {row['channel']} in {geos} for {row['weeks']} week(s), a spend change of "
            f"{row['spend_change']:,.0f} {data.currency}; the expected change of the outcome is "
            f"{row['outcome_change_mean']:,.0f} {unit} ({row['outcome_change_q05']:,.0f} to "
            f"{row['outcome_change_q95']:,.0f}), and the test {verb} it (smallest detectable effect "
            f"{row['mde_outcome']:,.0f}). {surer}, and a budget chosen after it to bring "
            f"{row['value_of_information']:,.0f} {unit} more per year{_cost(row['cost'], data.currency)}."
        )


def _cost(cost: float, currency: str) -> str:
    if cost != cost:
        return ""
    if cost > 0:
        return f"; it costs {cost:,.0f} {currency} net of what it saves or brings"
    return f"; it pays for itself ({-cost:,.0f} {currency} more is saved or brought than it costs)"


def _assumptions(idle: Sequence[str], data: ModelData, settings: ExperimentPlannerConfig) -> Iterator[str]:
    if idle:
        yield f"No test of {', '.join(idle)}: nothing is spent in weeks and geos that a test could change."
    if len(data.geos) < 2:
        yield (
            "National data have no control geos, so each test compares before with after, which is weak; data by "
            "geo would make a test with controls possible."
        )
    compared = "less what the fit explains" if settings.adjust else "as it is, whatever else moved it"
    yield (
        f"Detectable is what a two-sided test at level {settings.level:.0%} finds with a probability of "
        f"{settings.power:.0%}; the standard error is the larger one of the model's noise and of placebo tests "
        f"over the history, of the outcome {compared}."
    )
    yield (
        "Expected after the test means: averaged over results that the fit itself predicts, with the fit's draws "
        "reweighted; if the model is wrong, a test is worth more than that."
    )
    yield (
        "Tests are ranked by what the better split of the current budget over channels is worth in a year, per "
        "money of the spend change; where that is equal, by how much surer they make the ROI."
    )
