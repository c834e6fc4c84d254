"""Coming weeks: the forecast, and when the money is spent."""

from datetime import date

import pandas as pd

from mmm_core.reporting.deck.phrases import measured, numbers, short_names, spent
from mmm_core.reporting.deck.said import Said, fact, say
from mmm_core.reporting.deck.slides import BOTTOM, Chart, Series, Slide, body, note
from mmm_core.reporting.deck.verdict import recommendation
from mmm_core.reporting.formats import compact, day
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, CHANNEL_COLORS, INK, MUTED, channel_colors
from mmm_core.reporting.sections.scenarios import scenario_title

_LINES = 3
"""Further scenarios with a line."""
_LAYERS = 6


def forecast_slide(inputs: ReportInputs) -> Slide | None:
    """The KPI by week under the recommended scenario with its interval, others beside it; None without."""
    table = inputs.decisions.present().get("forecast")
    if table is None:
        return None
    table = _whole(table)
    names = [str(name) for name in table["scenario"].unique()]
    if not names:
        return None
    found = recommendation(inputs)
    main = found.plan.name if found is not None and found.plan.name in names else names[0]
    part = table[table["scenario"] == main].sort_values("date", kind="stable")
    meaning = (
        f"Solid: expected {inputs.kpi_name} under {scenario_title(main)}; dashed: 90% interval of each week, the "
        "noise of single weeks included. It assumes that what is not planned goes on as in the data."
    )
    return Slide(
        _forecast_title(part, main, inputs),
        (
            _lines(table, part, main, [name for name in names if name != main][:_LINES], inputs),
            note(meaning, 0.5),
        ),
    )


def flighting_slide(inputs: ReportInputs) -> Slide | None:
    """Recommended spend by week; None without a plan by weeks."""
    table = inputs.decisions.present().get("flighting")
    if table is None:
        return None
    found = recommendation(inputs)
    names = [str(name) for name in table["scenario"].unique()]
    main = found.plan.name if found is not None and found.plan.name in names else names[0]
    part = table[table["scenario"] == main]
    meaning = f"Scenario {scenario_title(main)}; spend is a decision and has no interval. By geo: flighting.csv."
    return Slide(
        _flighting_title(part, main, inputs),
        (
            _columns(part, main, inputs),
            note(meaning, 0.4),
        ),
    )


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """All geos together, or the only geo."""
    together = table[table["geo"] == "all"]
    return together if len(together) or table["geo"].nunique() > 1 else table


def _forecast_title(part: pd.DataFrame, main: str, inputs: ReportInputs) -> Said:
    first, last = part.iloc[0], part.iloc[-1]
    words = []
    for row in (first, last):
        source = f"forecast.csv, scenario {main}, {_date(row['date'])}"
        renamed = {"kpi_mean": row["kpi_mean"], "kpi_q05": row["q05"], "kpi_q95": row["q95"]}
        words += [
            fact(day(row["date"]), str(_date(row["date"])), source),
            measured(renamed, "kpi", compact, source),
        ]
    if len(part) == 1:
        return say("In the week of {} the plan should bring {} {}", words[0], words[1], inputs.kpi_name)
    return say(
        "Expected {}: {} in the week of {} and {} in that of {}",
        *(inputs.kpi_name, words[1], words[0], words[3], words[2]),
    )


def _date(value: object) -> date:
    return pd.Timestamp(str(value)).date()


def _lines(table: pd.DataFrame, part: pd.DataFrame, main: str, others: list[str], inputs: ReportInputs) -> Chart:
    days = tuple(_date(value) for value in part["date"])
    series = [
        Series(f"{scenario_title(main)}: expected", numbers(part["kpi_mean"].tolist()), ACCENT),
        Series("5%", numbers(part["q05"].tolist()), ACCENT, dashed=True),
        Series("95%", numbers(part["q95"].tolist()), ACCENT, dashed=True),
    ]
    for number, name in enumerate(others):
        same = table[table["scenario"] == name].set_index("date")["kpi_mean"].reindex(part["date"])
        series.append(Series(scenario_title(name), numbers(same.tolist()), CHANNEL_COLORS[1 + number]))
    return Chart(
        box=body(bottom=BOTTOM - 0.6),
        kind="lines",
        categories=days,
        series=tuple(series),
        unit=f"{inputs.kpi_name} per week",
        alt=f"Lines of expected {inputs.kpi_name} per week from {days[0]} to {days[-1]} with 90% interval: "
        f"{compact(float(part['kpi_mean'].iloc[0]))} to {compact(float(part['kpi_mean'].iloc[-1]))}.",
        source=f"forecast.csv, geo all, scenarios {', '.join([main, *others])}: kpi_mean, q05, q95",
    )


def _flighting_title(part: pd.DataFrame, main: str, inputs: ReportInputs) -> Said:
    weekly = part.groupby("date")["optimal_spend"].sum().sort_index()
    show, source = spent(inputs), f"flighting.csv, scenario {main}: optimal_spend summed over geos and channels"
    low, high = float(weekly.min()), float(weekly.max())
    if show(low) == show(high):
        return say("The plan spends {} every week", fact(show(high), high, f"{source}, largest week"))
    return say(
        "The plan spends {} to {} a week, most in the week of {}",
        fact(show(low), low, f"{source}, smallest week"),
        fact(show(high), high, f"{source}, largest week"),
        fact(day(weekly.idxmax()), str(_date(weekly.idxmax())), source),
    )


def _columns(part: pd.DataFrame, main: str, inputs: ReportInputs) -> Chart:
    """Stacked columns of the channels with most money, the others together, and today's total in the alt text."""
    weekly = (
        part.groupby(["channel", "date"])["optimal_spend"].sum().unstack("date").fillna(0.0).sort_index(axis=1)
    )
    ranked = [str(name) for name in weekly.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    shown, others = ranked[:_LAYERS], ranked[_LAYERS:]
    labels, colors = short_names(ranked), channel_colors(inputs.channels)
    series = [Series(labels[name], numbers(list(weekly.loc[name])), colors.get(name, INK)) for name in shown]
    if others:
        series.append(
            Series(f"{len(others)} other channels", numbers(weekly.loc[others].sum(axis=0).tolist()), MUTED)
        )
    days = tuple(_date(value) for value in weekly.columns)
    return Chart(
        box=body(bottom=BOTTOM - 0.5),
        kind="columns",
        categories=days,
        series=tuple(series),
        unit=f"recommended spend per week ({inputs.currency})",
        alt=f"Stacked columns of recommended spend per week from {days[0]} to {days[-1]}: "
        f"{', '.join(labels[name] for name in shown)}.",
        source=f"flighting.csv, scenario {main}: optimal_spend summed over geos",
    )
