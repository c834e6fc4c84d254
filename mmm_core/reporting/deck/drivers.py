"""What drives the KPI, week by week."""

from datetime import date

import pandas as pd

from mmm_core.reporting.deck.phrases import indistinct, measured, numbers, of_channel, short_names, single, some
from mmm_core.reporting.deck.said import Said, fact, interval, say
from mmm_core.reporting.deck.slides import BOTTOM, TOP, Box, Chart, Column, Grid, Series, Slide, Words, halves
from mmm_core.reporting.formats import MISSING, compact, fixed, percent, span
from mmm_core.reporting.inputs import MEDIA_KINDS, ReportInputs
from mmm_core.reporting.palette import BASE, MUTED, channel_colors
from mmm_core.reporting.sections.contributions import BASE_LABEL
from mmm_core.reporting.sections.summary import media_share

_LAYERS = 6
"""Channels with a layer of their own."""


def drivers_slide(inputs: ReportInputs) -> Slide:
    """Stacked layers over time and totals with intervals."""
    left, right = halves(0.62, bottom=BOTTOM - 0.5)
    return Slide(
        _title(inputs),
        (
            _layers(inputs, left),
            _totals(inputs, right),
            Words(
                Box(left.left, BOTTOM - 0.4, right.left + right.width - left.left, 0.45),
                (
                    say(
                        "Base: what would have come without media (trend, season, price and the like). "
                        "Averages of the posterior; media counts when its effect falls. "
                        "–: a sum, whose interval is not that of its parts."
                    ),
                ),
                size=12,
                tone="muted",
            ),
        ),
    )


def share_of_media(inputs: ReportInputs) -> Said:
    """`34% (90% interval 31% to 39%)` of the KPI, from paid media."""
    share, known = media_share(inputs), inputs.totals.media_share
    shown = fact(percent(share), share, "contributions.csv: sum of paid media / sum of all components")
    if known is None:
        return shown
    return say(
        "{} ({})", shown, interval(*known, percent, "draws of the fit, share of paid media", ("q05", "q95"))
    )


def _title(inputs: ReportInputs) -> Said:
    table = _by_contribution(inputs)
    first = table.iloc[0]
    top = measured(first, "contribution", compact, of_channel(first["channel"]))
    kind = "Paid media" if inputs.has_organic else "Media"
    opening = say("{} brought {} of {}; ", kind, share_of_media(inputs), inputs.kpi_name)
    if len(table) == 1:
        return say("{}{} alone: {}", opening, str(first["channel"]), top)
    same = indistinct(table, "contribution")
    if not same:
        return say("{}{} clearly brought the most: {}", opening, str(first["channel"]), top)
    return say(
        "{}{} brought the most, {}, but is not distinguishable from {}",
        *(opening, str(first["channel"]), top, some(same, 1)),
    )


def _by_contribution(inputs: ReportInputs) -> pd.DataFrame:
    return inputs.channel_summary.sort_values("contribution_mean", ascending=False, kind="stable")


def _layers(inputs: ReportInputs, box: Box) -> Chart:
    """Base, the largest channels, and the others in one layer; one value per week, summed over geos."""
    table = inputs.contributions
    component = table["component"].astype(str).where(table["kind"].isin(MEDIA_KINDS), BASE_LABEL)
    sums = table["mean"].groupby([component, table["date"]]).sum().unstack("date").fillna(0.0)
    weekly = pd.DataFrame(sums).sort_index(axis=1)
    ranked = [str(name) for name in _by_contribution(inputs)["channel"]]
    shown, others = ranked[:_LAYERS], ranked[_LAYERS:]
    labels, colors = short_names(ranked), channel_colors(inputs.channels)
    series = (
        [Series(BASE_LABEL, numbers(list(weekly.loc[BASE_LABEL])), BASE)] if BASE_LABEL in weekly.index else []
    )
    series += [Series(labels[name], numbers(list(weekly.loc[name])), colors[name]) for name in shown]
    if others:
        rest = weekly.loc[others].sum(axis=0)
        series.append(Series(_others(others), numbers(rest.tolist()), MUTED))
    days = tuple(pd.Timestamp(str(day)).date() for day in weekly.columns)
    return Chart(
        box=box,
        kind="area",
        categories=days,
        series=tuple(series),
        unit=f"{inputs.kpi_name} per week",
        alt=_alt(inputs, days, [one.name for one in series]),
        source="contributions.csv, column mean, summed over geos; base: all components that are not media",
    )


def _others(names: list[str]) -> str:
    return f"{len(names)} other channel{'s' if len(names) > 1 else ''}"


def _alt(inputs: ReportInputs, days: tuple[date, ...], names: list[str]) -> str:
    return (
        f"Stacked areas of {inputs.kpi_name} per week from {days[0]} to {days[-1]}: {', '.join(names)}. "
        f"Paid media together: {percent(media_share(inputs))} of the total."
    )


def _totals(inputs: ReportInputs, box: Box) -> Grid:
    """Contribution and share, largest first, the rest in one row, base last."""
    table = _by_contribution(inputs)
    most = 10
    top, rest = table.head(most), table.iloc[most:]
    rows = [(row, of_channel(row["channel"])) for row in top.to_dict("records")]
    labels = short_names([str(name) for name in table["channel"]])
    names = [Said(labels[str(row["channel"])]) for row, _ in rows]
    means = [single(row, "contribution_mean", compact, source) for row, source in rows]
    spreads = [
        say(
            span("{}", "{}"),
            *(single(row, f"contribution_{end}", compact, source) for end in ("q05", "q95")),
        )
        for row, source in rows
    ]
    shares = [single(row, "share", percent, source) for row, source in rows]
    total = float(inputs.contributions["mean"].sum())
    media = inputs.contributions["kind"].isin(MEDIA_KINDS)
    further = [("Base", float(inputs.contributions.loc[~media, "mean"].sum()))]
    if len(rest):
        further.insert(0, (_others(list(rest["channel"])), float(rest["contribution_mean"].sum())))
    for name, value in further:
        names.append(say("{}", name))
        means.append(fact(compact(value), value, f"contributions.csv, sum of {name}"))
        spreads.append(Said(MISSING))
        share = value / total if total else 0.0
        shares.append(fact(percent(share), share, f"contributions.csv, sum of {name} / sum of all"))
    return Grid(
        Box(box.left, TOP, box.width, box.height),
        (
            Column("Brought by", tuple(names), numeric=False),
            Column("Total", tuple(means)),
            Column("90% interval", tuple(spreads)),
            Column("Share", tuple(shares)),
        ),
        alt=f"{inputs.kpi_name} by channel with 90% intervals; fitted total {fixed(total, 0)}.",
        source=f"channel_summary.csv, contribution_mean, _q05, _q95, share ({inputs.kpi_name}); contributions.csv",
    )
