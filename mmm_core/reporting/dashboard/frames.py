"""Dimensions and long forms, made of the tables of a report."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.attribution.returns import delivered_media
from mmm_core.errors import StorageError
from mmm_core.features.model_data import ModelData
from mmm_core.reporting.dashboard.description import Unit, unit_words
from mmm_core.reporting.dashboard.star import METRICS
from mmm_core.reporting.inputs import MEDIA_KINDS, ReportInputs
from mmm_core.reporting.palette import channel_colors

_ALL_GEOS = "all"
_UNITS: Mapping[str, Unit] = {
    **dict.fromkeys(("roi", "mroi", "roi_prior"), "return"),
    "contribution": "kpi",
    "cpik": "cost",
    "effectiveness": "effect",
}


def star_frames(
    inputs: ReportInputs, data: ModelData, facts: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Name -> table of `STAR_TABLES`.

    Args:
        inputs: of the report.
        data: what was fitted (spend and media by week).
        facts: the exported tables, whose weeks and scenarios the dimensions have.
    """
    return {
        "calendar": calendar_frame(facts.values(), data),
        "geo": geo_frame(data),
        "channel": channel_frame(data),
        "component": component_frame(inputs.contributions),
        "scenario": scenario_frame(facts),
        "run": run_frame(inputs),
        "weekly_channels": weekly_frame(inputs, data),
        "channel_metrics": metric_frame(inputs),
        "budget_long": budget_frame(inputs.budget_plan),
        "checks": check_frame(inputs),
    }


def calendar_frame(tables: Iterable[pd.DataFrame], data: ModelData) -> pd.DataFrame:
    """Every `date` of any table and of the fit, in order."""
    fitted = pd.DatetimeIndex(data.dates.astype("datetime64[ns]"))
    dates = fitted
    for table in tables:
        if "date" in table:
            dates = dates.union(pd.DatetimeIndex(pd.to_datetime(table["date"].unique())).dropna())
    iso = dates.isocalendar()
    return pd.DataFrame(
        {
            "date": dates,
            "year": dates.year,
            "quarter": dates.quarter,
            "month": dates.month,
            "year_quarter": [f"{date.year}-Q{date.quarter}" for date in dates],
            "year_month": [f"{date:%Y-%m}" for date in dates],
            "iso_year": iso["year"].to_numpy(),
            "iso_week": iso["week"].to_numpy(),
            "in_fit": dates.isin(fitted),
        }
    )


def geo_frame(data: ModelData) -> pd.DataFrame:
    """Every geo, then `all`."""
    population = dict(zip(data.geos, data.population.tolist(), strict=True))
    names = [*data.geos, *([_ALL_GEOS] if _ALL_GEOS not in population else [])]
    return pd.DataFrame(
        {
            "geo": names,
            "position": np.arange(1, len(names) + 1),
            "is_total": [name not in population for name in names],
            "population": [population.get(name, sum(population.values())) for name in names],
        }
    )


def channel_frame(data: ModelData) -> pd.DataFrame:
    """Every channel with its colour in the report."""
    colors = channel_colors(data.channels)
    return pd.DataFrame(
        {
            "channel": data.channels,
            "position": np.arange(1, len(data.channels) + 1),
            "kind": data.channel_kinds,
            "is_paid": [kind != "organic_media" for kind in data.channel_kinds],
            "color": [colors[name] for name in data.channels],
        }
    )


def component_frame(contributions: pd.DataFrame) -> pd.DataFrame:
    """Every component in its order."""
    table = contributions[["component", "kind"]].drop_duplicates("component").reset_index(drop=True)
    return table.assign(position=np.arange(1, len(table) + 1), is_media=table["kind"].isin(MEDIA_KINDS))[
        ["component", "position", "kind", "is_media"]
    ]


def scenario_frame(facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every scenario of any table, those of the budget plan first."""
    planned = dict.fromkeys(str(name) for name in facts["budget_plan"]["scenario"].unique())
    names = planned | dict.fromkeys(
        str(name) for table in facts.values() if "scenario" in table for name in table["scenario"].unique()
    )
    return pd.DataFrame(
        {
            "scenario": list(names),
            "position": np.arange(1, len(names) + 1),
            "has_plan": [name in planned for name in names],
        }
    )


def run_frame(inputs: ReportInputs) -> pd.DataFrame:
    """One row about the fit."""
    keys = ("backend", "chains", "draws", "max_rhat", "min_ess_bulk", "r2", "mape", "coverage_90")
    row = {
        "project": inputs.project,
        "title": inputs.title,
        "kpi": inputs.kpi_name,
        "currency": inputs.currency,
        "outcome_unit": inputs.outcome_unit,
        "generated_at": inputs.generated_at,
        "data_version": inputs.data_version,
        **{key: inputs.diagnostics[key] for key in keys},
        "model_version": inputs.model_version or "",
    }
    return pd.DataFrame([row])


def weekly_frame(inputs: ReportInputs, data: ModelData) -> pd.DataFrame:
    """Contributions of channels beside what was spent on them, by geo and week.

    Raises:
        StorageError: the contributions are not of these data.
    """
    table = inputs.contributions[inputs.contributions["kind"].isin(MEDIA_KINDS)]
    where = _cells(table, data)
    outcome = "mean_revenue" if "mean_revenue" in table else "mean"
    return pd.DataFrame(
        {
            "geo": table["geo"],
            "date": table["date"],
            "channel": table["component"],
            "spend": data.spend[where],
            "media_units": delivered_media(data)[where],
            **{f"contribution_{name}": table[name] for name in ("mean", "q05", "q50", "q95")},
            "outcome_mean": table[outcome],
        }
    ).reset_index(drop=True)


def metric_frame(inputs: ReportInputs) -> pd.DataFrame:
    """The channel summary with one row per channel and measure."""
    summary, parts = inputs.channel_summary, []
    for metric in (name for name in METRICS if f"{name}_mean" in summary):
        words = unit_words(_UNITS[metric], inputs.kpi_name, inputs.currency, inputs.outcome_unit)
        columns = {"channel": summary["channel"], "metric": metric, "unit": words}
        for name in ("mean", "q05", "q50", "q95"):
            columns[name] = summary.get(f"{metric}_{name}", pd.Series(np.nan, index=summary.index))
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def budget_frame(plan: pd.DataFrame) -> pd.DataFrame:
    """The budget plan with one row per scenario, geo, channel and plan."""
    parts = [
        plan[["scenario", "geo", "channel"]].assign(
            plan=words, spend=plan[f"{name}_spend"], outcome=plan[f"{name}_outcome"]
        )
        for name, words in (("current", "current"), ("optimal", "recommended"))
    ]
    return pd.concat(parts, ignore_index=True)


def check_frame(inputs: ReportInputs) -> pd.DataFrame:
    """Every check in its order."""
    rows = [
        (n, asset, check.name, check.passed, check.severity, check.value, check.threshold, check.message)
        for n, (asset, check) in enumerate(inputs.checks, start=1)
    ]
    columns = ["position", "asset", "check_name", "passed", "severity", "value", "threshold", "message"]
    return pd.DataFrame(rows, columns=columns)


def _cells(table: pd.DataFrame, data: ModelData) -> tuple[NDArray[np.intp], ...]:
    """Index of geo, week and channel of each row."""
    dates = pd.DatetimeIndex(data.dates.astype("datetime64[ns]"))
    names: tuple[pd.Index, ...] = (pd.Index(data.geos), dates, pd.Index(data.channels))
    columns = (table["geo"], pd.to_datetime(table["date"]), table["component"])
    found = []
    for known, column in zip(names, columns, strict=True):
        at = known.get_indexer(pd.Index(column))
        if (at < 0).any():
            raise StorageError(
                f"contributions.csv has {column[at < 0].iloc[0]} in its column {column.name}, which the fitted "
                "data have not; materialize contributions again."
            )
        found.append(at)
    return tuple(found)
