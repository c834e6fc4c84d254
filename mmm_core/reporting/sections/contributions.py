"""What brought the KPI, week by week and in total."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.reporting.charts.stack import stack_chart
from mmm_core.reporting.formats import MISSING, percent
from mmm_core.reporting.inputs import MEDIA_KINDS, ReportInputs
from mmm_core.reporting.palette import BASE, INK, channel_colors
from mmm_core.reporting.sections.panels import LegendItem, Panels, shown_geos, shown_note, tooltip_data
from mmm_core.reporting.tables import Cell, Heading, Table, number_cells, text_cells, transposed

BASE_LABEL = "Base (without media)"
_KIND_WORDS = {
    "media": "paid media",
    "organic_media": "organic media",
    "control": "control",
    "non_media_treatment": "treatment",
    "holiday": "holidays",
    "seasonality": "seasonality",
    "baseline": "baseline",
}


@dataclass(frozen=True)
class ContributionsView:
    """Charts and table."""

    panels: Panels
    note: str
    """Which geos are not shown."""
    table: Table


def contributions_view(inputs: ReportInputs) -> ContributionsView:
    """Stacked areas in total and per geo, and the totals of every component."""
    dates = pd.DatetimeIndex(np.sort(inputs.contributions["date"].unique()))
    colors = channel_colors(inputs.channels)
    layers = _layers(inputs, dates)
    palette = [BASE, *(colors[channel] for channel in inputs.channels)]
    labels = [BASE_LABEL, *inputs.channels]
    charts = [
        stack_chart(dates, values, palette, f"{inputs.kpi_name} per week", f"Contributions, {geo}", number)
        for number, (geo, values) in enumerate(layers.items())
    ]
    with_sum = [np.vstack([values, values.sum(axis=0)]) for values in layers.values()]
    return ContributionsView(
        panels=Panels(
            name="contributions",
            options=tuple(layers),
            charts=tuple(charts),
            legend=tuple(LegendItem(label, color) for label, color in zip(labels, palette, strict=True)),
            data=tooltip_data(dates, [*labels, "Fitted total"], [*palette, INK], with_sum),
        ),
        note=shown_note(inputs),
        table=_table(inputs, colors),
    )


def _layers(inputs: ReportInputs, dates: pd.DatetimeIndex) -> dict[str, NDArray[np.float64]]:
    """geo -> (1 + M, T): all that is not media in one layer, then the channels; NaN where the geo is absent."""
    table = inputs.contributions
    layer = table["component"].astype(str).where(table["kind"].isin(MEDIA_KINDS), BASE_LABEL)
    sums = table.groupby([table["geo"].astype(str), layer, "date"], sort=False)["mean"].sum().unstack("date")
    names = [BASE_LABEL, *inputs.channels]
    geos = [str(geo) for geo in table["geo"].unique()]
    every = pd.MultiIndex.from_product([geos, names])
    flat = sums.reindex(index=every, columns=dates).fillna(0.0).to_numpy(dtype=np.float64)
    cube = flat.reshape(len(geos), len(names), len(dates))
    rows = table.groupby([table["geo"].astype(str), "date"], sort=False).size().unstack("date")
    absent = rows.reindex(index=geos, columns=dates).isna().to_numpy()
    layers = {geo: np.where(absent[g], np.nan, cube[g]) for g, geo in enumerate(geos)}
    if len(geos) == 1:
        return layers
    return {f"All {len(geos)} geos": cube.sum(axis=0), **{geo: layers[geo] for geo in shown_geos(inputs)}}


def _table(inputs: ReportInputs, colors: dict[str, str]) -> Table:
    """Totals of all components, the channels with intervals, largest first."""
    sums = inputs.contributions.groupby(["kind", "component"], sort=False)["mean"].sum()
    total = float(sums.sum())
    media = inputs.channel_summary.sort_values("contribution_mean", ascending=False)
    others = sums[~sums.index.get_level_values("kind").isin(MEDIA_KINDS)].sort_values(ascending=False)
    kind_of = dict(zip(inputs.contributions["component"], inputs.contributions["kind"], strict=True))
    kinds = [str(kind) for kind in others.index.get_level_values("kind")]
    names = [
        *(Cell(str(name), swatch=colors[str(name)]) for name in media["channel"]),
        *(Cell(str(name), swatch=BASE) for name in others.index.get_level_values("component")),
    ]
    none = [None] * (len(others) + 1)
    means = [*media["contribution_mean"].astype(float), *others.astype(float), total]
    shares = [*media["share"].astype(float), *((others / total) if total else others).astype(float), 1.0]
    intervals = [
        number_cells([*media[column].astype(float), *none]) for column in ("contribution_q05", "contribution_q95")
    ]
    rows = transposed(
        [*names, Cell("Fitted total")],
        text_cells(
            [
                *(_KIND_WORDS[kind_of[str(name)]] for name in media["channel"]),
                *(_KIND_WORDS.get(k, k) for k in kinds),
                "",
            ],
            "muted",
        ),
        number_cells(means),
        *intervals,
        _share_cells(shares),
    )
    return Table(
        key="contributions",
        headings=(
            Heading("Component", numeric=False),
            Heading("Kind", numeric=False),
            Heading(f"Contribution ({inputs.kpi_name})"),
            Heading("5%", note="5% quantile of the posterior"),
            Heading("95%", note="95% quantile of the posterior"),
            Heading("Share of fitted total"),
        ),
        rows=rows[:-1],
        total=rows[-1],
    )


def _share_cells(shares: list[float]) -> list[Cell]:
    """Shares with a bar each, except for the total."""
    return [
        Cell(
            percent(share) if np.isfinite(share) else MISSING,
            share,
            numeric=True,
            bar=min(max(share, 0.0), 1.0) if number < len(shares) - 1 else None,
        )
        for number, share in enumerate(shares)
    ]
