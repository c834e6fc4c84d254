"""What is known and what stands out: the parts of the data page about completeness, geos and extreme values."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from mmm_core.exploration.completeness import STATES
from mmm_core.exploration.exploration import Exploration
from mmm_core.reporting.charts.heat import heat_map
from mmm_core.reporting.charts.ranges import Range, range_chart
from mmm_core.reporting.charts.small import histogram_chart
from mmm_core.reporting.formats import MISSING, compact, counted, day, fixed, listed, percent, plain, ratio
from mmm_core.reporting.sections.exploration_spend import HeatMaps, week_dates
from mmm_core.reporting.sections.panels import embedded_json
from mmm_core.reporting.tables import Cell, Heading, Table, number_cells, text_cells, transposed

MAX_RANGES = 40
MAX_GEO_ROWS = 100
MAX_CHANGE_ROWS = 60
_WORDS = {
    "observed": "observed",
    "filled": "partly filled in",
    "masked": "KPI unknown, left out",
    "absent": "no row in the source",
    "outside": "outside the geo’s dates",
}
_COLORS = {
    "observed": "#cfe3f1",
    "filled": "#e69f00",
    "masked": "#a3195b",
    "absent": "#1f2933",
    "outside": "#f4f6f8",
}


def completeness_map(found: Exploration) -> HeatMaps | None:
    """What is known of each week, in geos with at least one that is not observed; None without such geos."""
    dates = week_dates(found)
    geos = _incomplete(found)
    if not geos:
        return None
    codes = np.full((len(geos), len(dates)), STATES.index("outside"), dtype=np.int64)
    row_of = {geo: row for row, geo in enumerate(geos)}
    table = found.stretches[found.stretches["geo"].isin(geos)]
    starts = dates.get_indexer(pd.DatetimeIndex(table["start"]))
    for geo, start, weeks, state in zip(table["geo"], starts, table["weeks"], table["state"], strict=True):
        codes[row_of[str(geo)], start : start + weeks] = STATES.index(str(state))
    steps = [(_COLORS[state], _WORDS[state]) for state in STATES]
    chart = heat_map(codes, geos, dates, steps, "What is known of each geo and week", data_states="yes")
    data = {
        "dates": [f"{date:%Y-%m-%d}" for date in dates],
        "rows": list(geos),
        "words": list(_WORDS.values()),
        "codes": ["".join(str(code) for code in row) for row in codes.tolist()],
    }
    return HeatMaps(("KPI",), (chart,), embedded_json(data))


def completeness_sentence(found: Exploration) -> str:
    """Share of weeks with a known KPI, and what became of the rest."""
    sums = {state: int(found.geos[state].sum()) for state in STATES}
    inside = sum(sums.values()) - sums["outside"]
    noun = "geo-week" if found.n_geos > 1 else "week"
    known = sums["observed"] + sums["filled"]
    gaps = [
        f"{counted(sums[state], noun)} {words}"
        for state, words in (
            ("masked", "whose KPI is not known"),
            ("absent", "without a row in the source"),
            ("filled", "with a KPI, spend or media value that was filled in"),
        )
        if sums[state]
    ]
    if not gaps:
        return f"The KPI of all {counted(inside, noun)} is known, and nothing was filled in."
    whose = " within the geos’ own dates" if found.n_geos > 1 else ""
    first = f"The KPI is known in {fixed(known, 0)} of {counted(inside, noun)}{whose}"
    return f"{first}; there are {listed(gaps)}."


def completeness_note(found: Exploration) -> str:
    """Which geos are not shown."""
    incomplete = int((found.geos[list(STATES[1:])].sum(axis=1) > 0).sum())
    complete, notes = found.n_geos - incomplete, []
    if incomplete > len(_incomplete(found)):
        notes.append(
            f"Of {counted(incomplete, 'geo')} with gaps, the {len(_incomplete(found))} with most are shown."
        )
    if complete and incomplete:
        notes.append(f"{counted(complete, 'geo')} without any gap {'is' if complete == 1 else 'are'} not shown.")
    return " ".join(notes)


def _incomplete(found: Exploration) -> tuple[str, ...]:
    """Geos of `stretches` with at least one week that is not observed."""
    table = found.stretches
    return tuple(str(geo) for geo in table.loc[table["state"] != "observed", "geo"].unique())


def change_table(found: Exploration) -> Table | None:
    """Totals of what cleaning changed, by rule and column; None if nothing was changed."""
    table = found.changes.head(MAX_CHANGE_ROWS)
    if table.empty:
        return None
    rows = transposed(
        text_cells([str(rule) for rule in table["rule"]]),
        text_cells([str(column) for column in table["column"]]),
        number_cells(table["cells"].astype(float).tolist(), lambda value: fixed(value, 0)),
        number_cells(table["geos"].astype(float).tolist(), lambda value: fixed(value, 0)),
        number_cells(table["sum_before"].astype(float).tolist(), compact),
        number_cells(table["sum_after"].astype(float).tolist(), compact),
    )
    headings = (
        Heading("Rule", numeric=False),
        Heading("Column", numeric=False),
        Heading("Values"),
        Heading("Geos"),
        Heading("Sum before", note="Empty cells count as 0"),
        Heading("Sum after", note="Empty cells count as 0"),
    )
    return Table("exploration_changes", headings, rows)


def outlier_rows(found: Exploration) -> Table:
    """Extreme values per column, as they go into the fit."""
    rows = [_outlier_row(record) for record in found.outliers.to_dict("records")]
    headings = (
        Heading("Column", numeric=False),
        Heading("Extreme weeks"),
        Heading("Share", note="Of the weeks above zero"),
        Heading("Most extreme"),
        Heading("Against median", note="The most extreme value as a multiple of its geo’s median week above zero"),
        Heading("Where", numeric=False),
    )
    return Table("outliers", headings, tuple(rows))


def _outlier_row(record: Mapping[Hashable, Any]) -> tuple[Cell, ...]:
    count, weeks = int(record["outliers"]), int(record["weeks"])
    share = count / weeks if weeks else 0.0
    name = "KPI" if record["column"] == "kpi" else str(record["column"])
    shares = Cell("under 0.1%" if 0 < share < 0.0005 else percent(share), share, numeric=True)
    first = (Cell(name), Cell(fixed(count, 0), float(count), numeric=True), shares)
    if not count:
        return (*first, Cell(MISSING, numeric=True), Cell(MISSING, numeric=True), Cell(MISSING))
    largest, median = float(record["largest"]), float(record["median"])
    times = largest / median if median else math.nan
    return (
        *first,
        Cell(compact(largest), largest, numeric=True),
        Cell(f"{ratio(times)} ×" if math.isfinite(times) else MISSING, times, numeric=True),
        Cell(f"{record['geo']}, week of {day(record['date'])}", tone="muted"),
    )


def outlier_note(found: Exploration) -> str:
    """What counts as extreme."""
    return (
        f"A week is extreme if it lies more than {plain(found.iqr_factor)} interquartile ranges outside the "
        "quartiles of its geo’s weeks above zero, after cleaning."
    )


def range_figure(found: Exploration, kpi_name: str) -> tuple[Markup | None, str]:
    """Where the KPI of each geo lies, largest first, and which geos are shown; None with one geo."""
    table = found.geos.dropna(subset=["mean"]).sort_values("mean", ascending=False, kind="stable")
    if len(table) < 2:
        return None, ""
    kept, note = table, ""
    if len(table) > MAX_RANGES:
        kept = table.iloc[np.unique(np.linspace(0, len(table) - 1, MAX_RANGES).round().astype(int))]
        note = f" {len(kept)} of {len(table):,} geos are shown, evenly from the largest to the smallest."
    columns = ["q05", "q25", "q50", "q75", "q95"]
    rows = [
        Range(str(geo), (float(a), float(b), float(c), float(d), float(e)))
        for geo, (a, b, c, d, e) in zip(kept["geo"], kept[columns].to_numpy(), strict=True)
    ]
    words = "Dot: median week. Thick line: the middle half of weeks. Thin line: nine of ten weeks."
    return range_chart(rows, f"{kpi_name} per week", f"{kpi_name} per week by geo"), words + note


def histogram_figure(found: Exploration) -> Markup:
    """Distribution of the KPI, geos made comparable."""
    table = found.histogram
    edges = [*table["low"].astype(float), float(table["high"].iloc[-1])]
    titles = ("KPI of a week (1 = the geo’s mean week)", "geo-weeks")
    return histogram_chart(edges, table["weeks"].astype(int).tolist(), titles, "Distribution of the weekly KPI")


def geo_rows(found: Exploration, kpi_name: str) -> tuple[Table, int]:
    """Scale per geo, the largest KPI first, and how many geos the table leaves out."""
    every = found.geos.sort_values("kpi", ascending=False, kind="stable")
    table = every.head(MAX_GEO_ROWS)
    kpi, spend = table["kpi"].astype(float), table["spend"].astype(float)
    known = table["observed"] + table["filled"]
    inside = known + table["masked"] + table["absent"]
    columns = [
        text_cells([str(geo) for geo in table["geo"]]),
        number_cells(kpi.tolist(), compact),
        number_cells((kpi / (every["kpi"].sum() or math.nan)).tolist(), percent),
        number_cells(spend.tolist(), compact),
        number_cells((spend / (every["spend"].sum() or math.nan)).tolist(), percent),
        number_cells((kpi / spend.where(spend > 0)).tolist(), ratio),
        [
            Cell(f"{fixed(a, 0)} of {fixed(b, 0)}", float(a), numeric=True)
            for a, b in zip(known, inside, strict=True)
        ],
    ]
    headings = [
        Heading("Geo", numeric=False),
        Heading(kpi_name),
        Heading("Share"),
        Heading(f"Spend ({found.currency})"),
        Heading("Share"),
        Heading(f"{kpi_name} per {found.currency}", note="A ratio of totals, not a return on spend"),
        Heading("Weeks with KPI"),
    ]
    if found.per_person:
        columns.insert(1, number_cells(table["population"].astype(float).tolist(), compact))
        headings.insert(1, Heading("Population"))
    return Table("exploration_geos", tuple(headings), transposed(*columns)), len(every) - len(table)
