"""From one frame per geo to the aligned cube that a model is fitted to."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.naming import natural_order
from mmm_core.data.panel import CONTROL, DATE, KPI, MEDIA, POPULATION, REVENUE_PER_KPI, SEASON, SPEND, with_prefix
from mmm_core.errors import DataError
from mmm_core.features.model_data import ControlRole, FloatArray, ModelData


def assemble_model_data(
    frames: Mapping[str, pd.DataFrame], mapping: ColumnMapping, config: Config, data_version: str
) -> ModelData:
    """Stack the features of all geos, in natural order of their names.

    A channel without a media column takes spend as media.  Population is the mean over weeks, one where the
    source has none.  Seasonality terms become the last controls, under their column names.

    Args:
        frames: geo -> features panel, at least one geo.
        mapping: which channels and controls there are.
        config: gives the currency.
        data_version: content hash of the source.

    Raises:
        DataError: no geo, a geo without a column, or geos that cover different weeks.
    """
    if not frames:
        raise DataError("There is no geo to model; materialize source_snapshot and features first.")
    geos = sorted(frames, key=natural_order)
    ordered = [frames[geo].sort_values(DATE) for geo in geos]
    seasonality = with_prefix(ordered[0].columns, SEASON)
    _check_columns(geos, ordered, [*mapping.numeric_columns, *seasonality])
    _check_weeks(geos, ordered)

    def cube(columns: Sequence[str]) -> FloatArray:
        return np.stack([frame[list(columns)].to_numpy(dtype=np.float64) for frame in ordered])

    spend = [f"{SPEND}{channel}" for channel in mapping.channels]
    media = [
        f"{MEDIA}{channel}" if f"{MEDIA}{channel}" in mapping.numeric_columns else f"{SPEND}{channel}"
        for channel in mapping.channels
    ]
    controls = [f"{CONTROL}{control}" for control in mapping.controls]
    has_population = mapping.population is not None
    return ModelData(
        geos=tuple(geos),
        dates=ordered[0][DATE].to_numpy().astype("datetime64[D]"),
        channels=mapping.channels,
        controls=(*mapping.controls, *seasonality),
        control_roles=_roles(len(controls), len(seasonality)),
        kpi=cube([KPI])[:, :, 0],
        kpi_type=mapping.kpi_type,
        revenue_per_kpi=None if mapping.revenue_per_kpi is None else cube([REVENUE_PER_KPI])[:, :, 0],
        population=cube([POPULATION])[:, :, 0].mean(axis=1) if has_population else np.ones(len(geos)),
        media=cube(media),
        spend=cube(spend),
        control_values=cube([*controls, *seasonality]),
        currency=config.project.currency,
        data_version=data_version,
    )


def _roles(n_controls: int, n_seasonality: int) -> tuple[ControlRole, ...]:
    control: ControlRole = "control"
    season: ControlRole = "seasonality"
    return (control,) * n_controls + (season,) * n_seasonality


def _check_columns(geos: Sequence[str], frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> None:
    for geo, frame in zip(geos, frames, strict=True):
        missing = [column for column in columns if column not in frame]
        if missing:
            raise DataError(
                f"Features of geo {geo} lack {', '.join(missing)}; they were made with another configuration, "
                "materialize them again."
            )


def _check_weeks(geos: Sequence[str], frames: Sequence[pd.DataFrame]) -> None:
    """All geos cover the weeks that most of them cover."""
    weeks = {geo: pd.DatetimeIndex(frame[DATE]) for geo, frame in zip(geos, frames, strict=True)}
    usual = pd.DatetimeIndex(Counter(tuple(dates) for dates in weeks.values()).most_common(1)[0][0])
    different = [geo for geo in geos if not weeks[geo].equals(usual)]
    if not different:
        return
    geo = different[0]
    absent, extra = usual.difference(weeks[geo]), weeks[geo].difference(usual)
    parts = [f"lacks {calendar.iso(absent)}"] if len(absent) else []
    parts += [f"has {calendar.iso(extra)} besides"] if len(extra) else []
    others = f" {len(different)} geos differ: {', '.join(different[:10])}." if len(different) > 1 else ""
    first = max(dates.min() for dates in weeks.values())
    last = min(dates.max() for dates in weeks.values())
    shared = f" (shared by all: {first:%Y-%m-%d} to {last:%Y-%m-%d})" if first <= last else ""
    raise DataError(
        f"All geos must cover the same weeks, but geo {geo} {' and '.join(parts)}; most geos run from "
        f"{usual[0]:%Y-%m-%d} to {usual[-1]:%Y-%m-%d}.{others} Add the weeks to the source, cut all geos to the "
        f"same range{shared}, or leave the geo out."
    )
