"""What would have been, had media been different in the past."""

import pandas as pd

from mmm_core.reporting.deck.phrases import gain, measured, numbers, short_names
from mmm_core.reporting.deck.said import Said, say
from mmm_core.reporting.deck.slides import BOTTOM, Chart, Series, Slide, body, note
from mmm_core.reporting.formats import counted
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT

_MOST = 8
"""Questions in the chart."""


def what_if_slide(inputs: ReportInputs) -> Slide | None:
    """Answers to the configured questions about the past; None without any."""
    table = inputs.decisions.present().get("counterfactuals")
    if table is None:
        return None
    asked = counted(len(table), "question")
    meaning = f"What would have been, had media been different in the past ({asked} configured)."
    shown = table.head(_MOST).reset_index(drop=True)
    return Slide(
        _title(shown, inputs),
        (
            _chart(shown, inputs),
            note(meaning, 0.4),
        ),
    )


def _title(shown: pd.DataFrame, inputs: ReportInputs) -> Said:
    """The largest change, and whether it is sure."""
    place = int(shown["outcome_change_mean"].astype(float).abs().to_numpy().argmax())
    first = shown.iloc[place]
    zero = float(first["outcome_change_q05"]) <= 0 <= float(first["outcome_change_q95"])
    words = str(first["name"]).replace("_", " ")
    return say(
        "“{}” would have changed the outcome by {}{}",
        words[:1].upper() + words[1:],
        measured(first, "outcome_change", gain(inputs), f"counterfactuals.csv, {first['name']}"),
        ", so not surely at all" if zero else "",
    )


def _chart(shown: pd.DataFrame, inputs: ReportInputs) -> Chart:
    names = [str(name) for name in shown["name"]]
    show = gain(inputs)
    means = numbers(shown["outcome_change_mean"].tolist())
    words = "; ".join(f"{name} {show(value)}" for name, value in zip(names, means, strict=True))
    labels = short_names(names)
    low, high = (numbers(shown[f"outcome_change_{end}"].tolist()) for end in ("q05", "q95"))
    return Chart(
        box=body(bottom=BOTTOM - 0.5),
        kind="bars",
        categories=tuple(labels[name] for name in names),
        series=(Series("change of outcome", means, ACCENT, low, high),),
        unit=f"change of outcome ({inputs.outcome_unit}; lines: 90% interval)",
        alt=f"Change of outcome for each question, with 90% intervals: {words}.",
        source="counterfactuals.csv, outcome_change_mean, outcome_change_q05, outcome_change_q95",
    )
