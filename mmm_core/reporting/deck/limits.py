"""What is not known, and how good the model is."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mmm_core.reporting.deck.budget import extrapolated
from mmm_core.reporting.deck.phrases import indistinct, numbers, some
from mmm_core.reporting.deck.returns import paid_returns
from mmm_core.reporting.deck.said import Said, fact, say
from mmm_core.reporting.deck.slides import Box, Chart, Series, Slide, Words, halves
from mmm_core.reporting.deck.trust import trust_points
from mmm_core.reporting.deck.verdict import recommendation
from mmm_core.reporting.formats import MISSING, compact, counted, is_number, percent, plain
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, INK
from mmm_core.reporting.sections.summary import WIDE, fallback_backend


def limits_slide(inputs: ReportInputs) -> Slide:
    """Fit over time beside gates, warnings and open questions."""
    left, right = halves(0.55)
    return Slide(
        _title(inputs),
        (_fit(inputs, left), Words(right, tuple(_points(inputs)), size=16, bullets=True)),
        notes=tuple(f"{asset}: {check.message}" for asset, check in (*inputs.blocking, *inputs.warnings))[:12],
    )


def _title(inputs: ReportInputs) -> Said:
    return say(
        "The model misses a week’s {} by {} on average; {} of weeks lie inside their 90% interval",
        *(inputs.kpi_name, _diagnostic(inputs, "mape"), _diagnostic(inputs, "coverage_90")),
    )


def _diagnostic(inputs: ReportInputs, key: str) -> Said:
    value = inputs.diagnostics[key]
    if not is_number(value):
        return Said(MISSING)
    show = percent if key in ("mape", "coverage_90", "r2") else plain if "rhat" in key else compact
    return fact(show(float(value)), float(value), f"diagnostics.json: {key}")


def _fit(inputs: ReportInputs, box: Box) -> Chart:
    """Actual dots, predicted line and the band of all geos together."""
    table = _summed(inputs)
    days = tuple(pd.Timestamp(str(value)).date() for value in table["date"])
    series = [
        Series("observed", numbers(table["actual"].tolist()), INK, dashed=True, dots=True),
        Series("model", numbers(table["predicted_mean"].tolist()), ACCENT),
    ]
    if table["q05"].notna().any():
        series += [
            Series("5%", numbers(table["q05"].tolist()), ACCENT, dashed=True),
            Series("95%", numbers(table["q95"].tolist()), ACCENT, dashed=True),
        ]
    where = "summed over geos" if len(inputs.geos) > 1 else f"geo {inputs.geos[0]}"
    return Chart(
        box=box,
        kind="lines",
        categories=days,
        series=tuple(series),
        unit=f"{inputs.kpi_name} per week",
        alt=f"Observed and modelled {inputs.kpi_name} per week, {where}, {days[0]} to {days[-1]}; the model "
        f"misses by {_diagnostic(inputs, 'mape').text} on average.",
        source=f"fit.csv, {where}; bounds of a sum over geos from the draws of the fit",
    )


def _summed(inputs: ReportInputs) -> pd.DataFrame:
    """date, actual, predicted_mean, q05, q95; bounds missing where those of the sum are not known."""
    if len(inputs.geos) == 1:
        return inputs.fit.sort_values("date", kind="stable")
    if inputs.totals.fit is not None:
        return inputs.totals.fit.sort_values("date", kind="stable")
    grouped = inputs.fit.groupby("date", sort=True)
    total = grouped[["predicted_mean"]].sum()
    total["actual"] = grouped["actual"].sum(min_count=1).where(grouped["actual"].count() == grouped.size())
    return total.assign(q05=np.nan, q95=np.nan).reset_index()


def _points(inputs: ReportInputs) -> Iterator[Said]:
    """Blocking checks first, then doubts, then what is well."""
    for _, check in inputs.blocking[:3]:
        yield say("Blocked: {}.", _worded(check.name))
    if inputs.warnings:
        names = sorted({_worded(check.name) for _, check in inputs.warnings})
        yield say("{}: {}.", counted(len(inputs.warnings), "warning").capitalize(), some(names, 4))
    yield from trust_points(inputs)
    yield from _doubts(inputs)
    yield (
        say(
            "Sampling: largest R-hat {} (1 is perfect), smallest effective sample {}. R² {}.",
            *(_diagnostic(inputs, _interpreted(inputs, *keys)) for keys in _CONVERGENCE),
            _diagnostic(inputs, "r2"),
        )
        if not inputs.blocking
        else Said("See the report for what failed, and fit again.")
    )
    yield Said(
        "A good fit does not prove causes: if a driver of demand is missing from the data and moves with media, "
        "media gets its credit."
    )


_CONVERGENCE = (("interpreted_max_rhat", "max_rhat"), ("interpreted_min_ess", "min_ess_bulk"))


def _interpreted(inputs: ReportInputs, wanted: str, otherwise: str) -> str:
    """The gate judges what is interpreted, where that is given."""
    return wanted if is_number(inputs.diagnostics.get(wanted)) else otherwise


def _doubts(inputs: ReportInputs) -> Iterator[Said]:
    """Order of returns, wide intervals, spends never seen, another backend than asked, simulated data."""
    table = paid_returns(inputs, "roi")
    same = indistinct(table, "roi") if len(table) else []
    if same:
        yield say("Not known: which returns most, of {}.", some([str(table["channel"].iloc[0]), *same], 4))
    wide = wide_channels(inputs)
    if wide:
        yield say("Known only roughly: the return of {} (wide 90% interval).", some(wide, 3))
    found = recommendation(inputs)
    flags = {} if found is None else extrapolated(inputs, found.plan.name)
    if flags:
        yield say("Recommended spends never seen before: {}.", some(list(flags), 3))
    switched = fallback_backend(inputs)
    if switched:
        yield say("Fitted with {}, because the fit with {} was not accepted.", switched[1], switched[0])
    if inputs.truth_roi is not None:
        yield Said("The data is simulated: the true returns are known and in the report.")


def wide_channels(inputs: ReportInputs) -> list[str]:
    """Channels whose 90 % interval of the return is too wide to act on, those with most spend first."""
    table = paid_returns(inputs, "roi")
    width = (table["roi_q95"] - table["roi_q05"]).astype(float)
    wide = table[width > WIDE * table["roi_mean"].abs()]
    return [str(name) for name in wide.sort_values("spend", ascending=False, kind="stable")["channel"]]


def _worded(name: str) -> str:
    return name.replace("_", " ")
