"""Files of coming weeks for the made-up panels of `tests.factories`, and the configuration that reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.features.model_data import FloatArray, ModelData


@dataclass(frozen=True)
class RandomPlan:
    """Coming weeks right after a panel.  G geos, T weeks, M channels, K controls."""

    dates: np.ndarray
    media: FloatArray
    """(G, T, M)"""
    spend: FloatArray
    """(G, T, M)"""
    frequency: FloatArray
    """(G, T, M)"""
    revenue: FloatArray
    """(G, T)"""
    controls: FloatArray
    """(G, T, K)"""


def random_plan(data: ModelData, n_weeks: int, seed: int = 5) -> RandomPlan:
    """A plan of the size of the data."""
    rng = np.random.default_rng(seed)
    shape = (len(data.geos), n_weeks)
    typical = data.media.mean(axis=1, keepdims=True)
    media = typical * rng.gamma(2.0, 0.5, (*shape, len(data.channels))) * (rng.random((*shape, 1)) > 0.1)
    reach = np.array([kind == "reach_frequency" for kind in data.channel_kinds])
    paid = np.array([kind != "organic_media" for kind in data.channel_kinds])
    return RandomPlan(
        dates=data.dates[-1] + 7 * np.arange(1, n_weeks + 1),
        media=media,
        spend=media * rng.uniform(0.01, 0.02, (shape[0], 1, 1)) * paid,
        frequency=np.where(reach, rng.uniform(1.0, 4.0, media.shape), 1.0),
        revenue=rng.uniform(0.9, 1.1, shape),
        controls=data.control_values.mean(axis=1, keepdims=True)
        + rng.normal(size=(*shape, len(data.controls))) * data.control_values.std(axis=(0, 1)),
    )


def plan_table(data: ModelData, plan: RandomPlan) -> pd.DataFrame:
    """One row per geo and week, columns as `plan_config` names them; dates as text."""
    tables = []
    for g, geo in enumerate(data.geos):
        columns: dict[str, Any] = {"geo": geo, "week": [str(day) for day in plan.dates]}
        for m, (channel, kind) in enumerate(zip(data.channels, data.channel_kinds, strict=True)):
            units = "reach" if kind == "reach_frequency" else "media"
            columns[f"{channel}_{units}"] = plan.media[g, :, m]
            if kind == "reach_frequency":
                columns[f"{channel}_frequency"] = plan.frequency[g, :, m]
            if kind != "organic_media":
                columns[f"{channel}_spend"] = plan.spend[g, :, m]
        columns |= {name: plan.controls[g, :, k] for k, name in enumerate(data.controls)}
        tables.append(pd.DataFrame(columns | {"worth": plan.revenue[g], "people": data.population[g]}))
    return pd.concat(tables, ignore_index=True)


def plan_config(data: ModelData, future: dict[str, Any] | None, /, **sections: Any) -> Config:
    """The mapping of these columns, with `optimization.future`."""
    channels: dict[str, dict[str, str]] = {}
    organic = {}
    for channel, kind in zip(data.channels, data.channel_kinds, strict=True):
        if kind == "organic_media":
            organic[channel] = f"{channel}_media"
        else:
            units = ("reach", "frequency") if kind == "reach_frequency" else ("media",)
            channels[channel] = {name: f"{channel}_{name}" for name in ("spend", *units)}
    roles = zip(data.controls, data.control_roles, strict=True)
    treatments = [name for name, role in roles if role == "non_media_treatment"]
    mapping: dict[str, Any] = {
        "date_col": "week",
        "keys": [] if data.is_national else ["geo"],
        "kpi_col": "sold",
        "revenue_per_kpi_col": "worth",
        "population_col": "people",
        "channel_map": channels,
        "organic_media": organic,
        "controls": [name for name in data.controls if name not in treatments],
        "non_media_treatments": treatments,
    }
    return Config.model_validate(
        {
            **sections,
            "data": mapping | sections.get("data", {}),
            "optimization": {"future": future},
        }
    )


def write_plan(
    folder: Path, data: ModelData, plan: RandomPlan, without: Sequence[str] = (), **changes: Any
) -> dict[str, str]:
    """Write the file and return `optimization.future` that names it."""
    table = plan_table(data, plan).drop(columns=list(without)).assign(**changes)
    path = folder / "plan.csv"
    table.to_csv(path, index=False)
    return {"path": str(path)}
