"""Which models were compared, how well each predicted, and which one was taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mmm_core.reporting.charts.intervals import Interval, interval_chart
from mmm_core.reporting.formats import column_format, counted, day, fixed, listed, percent
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, BASE
from mmm_core.reporting.tables import Cell, Heading, Table, number_cells, quantity, transposed
from mmm_core.selection.choice import CandidateScore, ModelChoice, check_choice

_INTERVAL = 1.645
"""Standard errors on each side of a 90 % interval."""
_KEYS = ("mean", "q05", "q95")
_WORDS: Mapping[str, str] = {
    "slope": "slope",
    "media_scaling": "media scaling",
    "saturation": "saturation",
    "adstock": "adstock",
    "knots": "knots",
    "annual_fourier_order": "seasonal terms",
    "hill_before_adstock": "saturation before adstock",
}


@dataclass(frozen=True)
class ModelChoiceView:
    """Sentences, chart and tables."""

    result: Markup
    method: str
    warnings: tuple[str, ...]
    chart: Markup
    table: Table
    stacked: Table | None


def model_choice_view(inputs: ReportInputs) -> ModelChoiceView | None:
    """The comparison in plain words; None where no model was chosen."""
    choice = inputs.model_choice
    if choice is None:
        return None
    return ModelChoiceView(
        result=_result(choice),
        method=_method(choice),
        warnings=tuple(check.message for check in check_choice(choice) if not check.passed),
        chart=_chart(choice),
        table=_table(choice),
        stacked=_stacked(choice, inputs) if choice.stacked else None,
    )


def changes_in_words(changes: Mapping[str, Any]) -> str:
    """`{slope: free, knots: auto}` -> `slope free, knots auto`."""
    parts = [f"{_WORDS.get(key, key)} {value}" for key, value in changes.items()]
    return ", ".join(parts) or "as configured"


def _result(choice: ModelChoice) -> Markup:
    chosen, best = choice.chosen, choice.ranked[0]
    text = Markup("Of {} the model <b>{}</b> was taken ({}). ").format(
        counted(len(choice.candidates), "candidate"), chosen.name, changes_in_words(chosen.changes)
    )
    if chosen.name != best.name:
        return text + Markup(
            "{} predicted better by {} per geo-week, which is too little to tell (standard error {}), and the "
            "model taken is listed earlier."
        ).format(best.name, _amount(-chosen.difference), fixed(chosen.difference_se, 3))
    second = choice.ranked[1]
    return text + Markup(
        "It predicted weeks that it had not seen best: its log score is better than that of {}, the next one, "
        "by {} per geo-week (standard error {})."
    ).format(second.name, _amount(-second.difference), fixed(second.difference_se, 3))


def _amount(value: float) -> Markup:
    return quantity(fixed(value, 3), value)


def _method(choice: ModelChoice) -> str:
    periods = listed(f"{day(first)} to {day(last)}" for first, last in choice.slices)
    return (
        f"Each candidate was fitted to the weeks before {counted(len(choice.slices), 'period')} ({periods}) and "
        f"judged by the probability that it gave to what then happened, {fixed(choice.n_scored, 0)} geo-weeks in "
        "all. The level of the baseline follows the weeks already past, so what counts is how well media, "
        "controls and seasons explain the change from week to week; the plain forecast, without that, is shown "
        "beside it."
    )


def _chart(choice: ModelChoice) -> Markup:
    """Differences to the best score with 90 % intervals."""
    rows = [_interval(row, row.name == choice.winner) for row in choice.ranked]
    domain = (min(row.low for row in rows), max(0.0, *(row.high for row in rows)))
    title = "Log score per geo-week, less the best one's"
    return interval_chart(rows, title, "Log score of each candidate", domain, reference=0.0)


def _interval(row: CandidateScore, is_winner: bool) -> Interval:
    margin = _INTERVAL * row.difference_se
    color = ACCENT if is_winner else BASE
    return Interval(row.name, row.difference, row.difference - margin, row.difference + margin, color)


def _table(choice: ModelChoice) -> Table:
    headings = (
        Heading("Candidate", numeric=False),
        Heading("Log score", note="mean per geo-week, level tracked; higher is better"),
        Heading("Difference", note="to the best score"),
        Heading("Standard error", note="of the difference, by week"),
        Heading("Forecast score", note="mean log score of the plain forecast; not used for the choice"),
        Heading("Stacking weight", note="share with which the candidates together predict best"),
        Heading("Largest R-hat", note="of the compared fits"),
    )
    ranked = choice.ranked
    columns = [
        [Cell(row.name, tone="good" if row.name == choice.winner else "") for row in ranked],
        number_cells([row.score for row in ranked], _three),
        number_cells([row.difference for row in ranked], _three),
        number_cells([row.difference_se for row in ranked], _three),
        number_cells([row.forecast_score for row in ranked], _three),
        number_cells([row.weight for row in ranked], percent),
        number_cells([row.max_rhat for row in ranked], _three),
    ]
    return Table("model_choice", headings, transposed(*columns))


def _stacked(choice: ModelChoice, inputs: ReportInputs) -> Table:
    """ROI of each channel: the winner's beside the stacked ones."""
    rows = choice.stacked
    names = [str(row["channel"]) for row in rows]
    winner: dict[str, Mapping[Any, Any]] = {
        str(row["channel"]): row for row in inputs.channel_summary.to_dict("records")
    }
    taken = [winner.get(name, {}) for name in names]
    sources: dict[str, Sequence[Mapping[Any, Any]]] = {"Model taken": taken, "Stacked": rows}
    headings = [Heading("Channel", numeric=False)]
    columns = [[Cell(name) for name in names]]
    for title, source in sources.items():
        values = [[_number(row.get(f"roi_{key}")) for row in source] for key in _KEYS]
        show = column_format([value for column in values for value in column])
        headings += [Heading(f"{title}: ROI"), Heading("5%"), Heading("95%")]
        columns += [number_cells(column, show) for column in values]
    return Table("stacked", tuple(headings), transposed(*columns))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _three(value: float | None) -> str:
    return fixed(value, 3)
