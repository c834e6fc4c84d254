"""How well the model predicts what its fit has not seen, beside naive predictions."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from mmm_core.backtesting.run import MODEL, NO_MEDIA, SEASONAL
from mmm_core.backtesting.summary import BACKTEST_CHECKS
from mmm_core.reporting.charts.compared import Compared, Estimate, Symbol, compared_chart, estimate_of
from mmm_core.reporting.formats import SPACE, as_number, day, fixed, percent, ratio, whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, MUTED
from mmm_core.reporting.sections.verdict import Failed, failures
from mmm_core.reporting.tables import Cell, Heading, Table, change_cells, column_cells, quantity, transposed

PREDICTORS = {MODEL: "the model", SEASONAL: "the same week a year before", NO_MEDIA: "a regression without media"}
STRATEGIES = {"temporal": "coming weeks", "geo": "geos not seen", "platform": "a channel left out"}
_LOOKS: dict[str, tuple[str, Symbol]] = {
    MODEL: (ACCENT, "dot"),
    SEASONAL: ("#d55e00", "square"),
    NO_MEDIA: (MUTED, "diamond"),
}
_SHOWN_SPLITS = 12


@dataclass(frozen=True)
class BacktestView:
    """Sentences, charts and tables; None: not known."""

    failed: tuple[Failed, ...]
    sentences: tuple[Markup, ...]
    chart: Markup | None
    scores: Table | None
    splits: Table | None
    roi_chart: Markup | None
    roi: Table | None
    platforms: Table | None


def backtest_view(inputs: ReportInputs) -> BacktestView | None:
    """What all splits say together; None without a backtest."""
    found = {name: inputs.trust.table(f"backtest:{name}") for name in ("scores", "splits", "roi", "platforms")}
    scores, splits, roi, platforms = found.values()
    if all(table is None for table in found.values()):
        return None
    return BacktestView(
        failed=failures(inputs, *BACKTEST_CHECKS),
        sentences=() if scores is None else tuple(_sentences(scores, inputs)),
        chart=None if scores is None else _score_chart(scores, inputs),
        scores=None if scores is None else _scores(scores),
        splits=None if splits is None else _splits(splits),
        roi_chart=None if roi is None else _roi_chart(roi, inputs),
        roi=None if roi is None else _roi(roi),
        platforms=None if platforms is None else _platforms(platforms),
    )


def _sentences(scores: pd.DataFrame, inputs: ReportInputs) -> list[Markup]:
    """Errors of the model and of naive predictions, and coverage, per strategy."""
    parts = {str(strategy): part for strategy, part in scores.groupby("strategy", sort=False)}
    rows = {name: part.set_index("predictor").to_dict("index") for name, part in parts.items()}
    return [_sentence(name, of, inputs) for name, of in rows.items() if MODEL in of]


def _sentence(strategy: str, rows: Mapping[Hashable, Mapping[Hashable, Any]], inputs: ReportInputs) -> Markup:
    """`Coming weeks: over 6 splits the model misses by 6.1% …`, one prediction after the other."""
    own = rows[MODEL]
    splits = int(own["splits"])
    others = [
        Markup(", {} by {}").format(PREDICTORS[name], _share(rows[name]["wmape"]))
        for name in (SEASONAL, NO_MEDIA)
        if name in rows
    ]
    return Markup(
        "{}: over {} {} the model misses by {} of all {} (wMAPE){}. {} of what was held out lies inside its 90% "
        "interval, {} inside its 50% interval."
    ).format(
        STRATEGIES.get(strategy, strategy).capitalize(),
        quantity(whole(splits), splits),
        "split" if splits == 1 else "splits",
        _share(own["wmape"]),
        inputs.kpi_name,
        Markup("").join(others),
        _share(own["coverage_90"]),
        _share(own["coverage_50"]),
    )


def _share(value: object) -> Markup:
    number = as_number(value)
    return quantity(percent(number), number)


def _score_chart(scores: pd.DataFrame, inputs: ReportInputs) -> Markup:
    """Errors (CRPS) of the three predictions per strategy."""
    rows = [
        Compared(
            STRATEGIES.get(str(strategy), str(strategy)),
            tuple(
                Estimate(_named(name), as_number(value), color=_look(name)[0], symbol=_look(name)[1])
                for name, value in zip(part["predictor"].astype(str), part["crps"], strict=True)
            ),
        )
        for strategy, part in scores.groupby("strategy", sort=False)
    ]
    title = f"Error of held-out {inputs.kpi_name} (CRPS / mean; smaller is better)"
    return compared_chart(rows, title, "Error of the model beside naive predictions", percent)


def _look(predictor: str) -> tuple[str, Symbol]:
    return _LOOKS.get(predictor, (MUTED, "ring"))


def _named(predictor: str) -> str:
    return PREDICTORS.get(predictor, predictor)


def _scores(scores: pd.DataFrame) -> Table:
    """One row per strategy and predictor."""
    columns = [
        [Cell(STRATEGIES.get(str(name), str(name))) for name in scores["strategy"]],
        [Cell(_named(str(name))) for name in scores["predictor"]],
        column_cells(scores, "splits", whole),
        *(column_cells(scores, name, percent) for name in ("wmape", "mape")),
        column_cells(scores, "r2", ratio),
        column_cells(scores, "crps", percent),
        column_cells(scores, "log_score", ratio),
        *(column_cells(scores, name, percent) for name in ("coverage_50", "coverage_90")),
    ]
    headings = (
        Heading("Held out", numeric=False),
        Heading("Prediction", numeric=False),
        Heading("Splits"),
        Heading("wMAPE", note="sum of absolute errors / sum of the KPI"),
        Heading("MAPE", note="mean of absolute errors / KPI"),
        Heading("R²"),
        Heading("CRPS", note="error of the whole distribution / mean KPI; smaller is better"),
        Heading("Log score", note="mean log predictive density; larger is better"),
        Heading("In 50%", note="share inside the central 50 % of the prediction"),
        Heading("In 90%", note="share inside the central 90 % of the prediction"),
    )
    return Table("backtest_scores", headings, transposed(*columns))


def _splits(splits: pd.DataFrame) -> Table:
    """One row per split; a model that misses by more than a naive prediction is marked."""
    own, others = splits["wmape"].astype(float), [f"{name}_wmape" for name in (SEASONAL, NO_MEDIA)]
    naive = splits[others].astype(float).min(axis=1)
    wmape = [
        Cell(percent(value), value, numeric=True, tone="warn" if value > best else "")
        for value, best in zip(own, naive, strict=True)
    ]
    columns = [
        [Cell(str(name)) for name in splits["split"]],
        *([Cell(_days(*pair)) for pair in _pairs(splits, name)] for name in ("fitted", "tested")),
        wmape,
        *(column_cells(splits, name, percent) for name in others),
        column_cells(splits, "r2", ratio),
        *(column_cells(splits, name, percent) for name in ("crps", "coverage_90")),
        column_cells(splits, "max_rhat", _three),
        column_cells(splits, "divergences", whole),
        column_cells(splits, "seconds", whole),
    ]
    names = (("wMAPE", "of the model"), ("Year before", "wMAPE of the same week a year before"))
    headings = (
        *(Heading(name, numeric=False) for name in ("Split", "Fitted", "Held out")),
        *(Heading(name, note=note) for name, note in names),
        Heading("Without media", note="wMAPE of a regression without media"),
        Heading("R²"),
        Heading("CRPS"),
        Heading("In 90%"),
        Heading("R-hat", note="largest of what is interpreted"),
        Heading("Divergences"),
        Heading("Seconds"),
    )
    return Table("backtest_splits", headings, transposed(*columns), top=_SHOWN_SPLITS)


def _pairs(splits: pd.DataFrame, name: str) -> list[tuple[str, str]]:
    return list(zip(splits[f"{name}_from"].astype(str), splits[f"{name}_to"].astype(str), strict=True))


def _days(first: str, last: str) -> str:
    start, end = (day(date).replace(" ", SPACE) for date in (first, last))
    return f"{start}{SPACE}– {end}"


def _roi_chart(roi: pd.DataFrame, inputs: ReportInputs) -> Markup:
    """Range over splits beside this fit's own interval."""
    own = {str(row["channel"]): row for row in inputs.channel_summary.to_dict("records")}
    rows = []
    for row in roi.to_dict("records"):
        name, keys = str(row["channel"]), ("mean", "smallest", "largest")
        found = [estimate_of("mean over splits", row, keys, MUTED, "diamond", "smallest to largest")]
        if name in own:
            found.insert(0, estimate_of("this fit", own[name], ("roi_mean", "roi_q05", "roi_q95")))
        rows.append(Compared(name, tuple(found)))
    title = f"ROI ({inputs.outcome_unit} per {inputs.currency} spent)"
    return compared_chart(rows, title, "ROI across splits of the backtest", ratio)


def _roi(roi: pd.DataFrame) -> Table:
    """Spread over splits beside what each fit leaves open itself."""
    columns = [
        [Cell(str(name)) for name in roi["channel"]],
        column_cells(roi, "splits", whole),
        *(column_cells(roi, name, ratio) for name in ("mean", "smallest", "largest", "sd", "own_sd")),
        column_cells(roi, "spread", percent),
    ]
    headings = (
        Heading("Channel", numeric=False),
        Heading("Splits"),
        Heading("Mean ROI", note="mean over splits of posterior means"),
        Heading("Smallest"),
        Heading("Largest"),
        Heading("SD over splits"),
        Heading("SD within a fit", note="mean over splits of the posterior standard deviation"),
        Heading("Spread", note="standard deviation over splits / mean"),
    )
    return Table("backtest_roi", headings, transposed(*columns))


def _platforms(platforms: pd.DataFrame) -> Table:
    """Whether predictions get worse without a channel."""
    changes = change_cells(platforms["change"].astype(float).tolist())
    better = (platforms["change"].astype(float) < 0).tolist()
    columns = [
        [Cell(str(name)) for name in platforms["channel"]],
        *(column_cells(platforms, name, percent) for name in ("crps_with", "crps_without")),
        changes,
        [Cell("predicted better without it" if one else "", tone="warn" if one else "") for one in better],
    ]
    headings = (
        Heading("Channel", numeric=False),
        Heading("Error with it", note="CRPS / mean KPI of held-out weeks"),
        Heading("Error without it"),
        Heading("Change", note="above 0: predictions are worse without the channel"),
        Heading("", numeric=False),
    )
    return Table("backtest_platforms", headings, transposed(*columns))


def _three(value: float | None) -> str:
    return fixed(value, 3)
