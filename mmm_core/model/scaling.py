"""Constants that take data to the model's scale, fixed at fit time and saved with the posterior."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData


@dataclass(frozen=True)
class Scaling:
    """G geos, M channels, K controls."""

    kpi_mean: float
    """Mean of KPI per capita over geos and weeks."""
    kpi_sd: float
    """Standard deviation of KPI per capita over geos and weeks."""
    media_scale: FloatArray
    """(G, M) media units that count as 1 on the model's scale (population included)."""
    control_mean: FloatArray
    """(K,) mean over geos and weeks."""
    control_sd: FloatArray
    """(K,) standard deviation over geos and weeks."""
    population: FloatArray
    """(G,) divisor of the KPI."""

    def scale_kpi(self, kpi: FloatArray) -> FloatArray:
        """(..., G, T) KPI units -> standardised KPI per capita."""
        return (kpi / self.population[:, None] - self.kpi_mean) / self.kpi_sd

    def unscale_kpi(self, scaled: FloatArray) -> FloatArray:
        """Inverse of `scale_kpi`."""
        return (scaled * self.kpi_sd + self.kpi_mean) * self.population[:, None]

    def unscale_effect(self, scaled: FloatArray) -> FloatArray:
        """(..., G, T) difference on the model's scale -> difference in KPI units (no mean is added)."""
        return scaled * self.kpi_sd * self.population[:, None]

    def scale_media(self, media: FloatArray) -> FloatArray:
        """(..., G, T, M) media units -> model scale."""
        return media / self.media_scale[:, None, :]

    def scale_controls(self, values: FloatArray) -> FloatArray:
        """(..., G, T, K) control values -> standardised."""
        return (values - self.control_mean) / self.control_sd


def fit_scaling(data: ModelData, media_scaling: Literal["pooled_median", "geo_max"]) -> Scaling:
    """Compute the constants.

    `pooled_median`: the median over all geos and weeks of the non-zero per-capita media, times the
    geo's population (Meridian's `MediaTransformer`).  `geo_max`: each geo's own largest week; a geo
    without media in a channel takes the largest per-capita week of the other geos.

    Raises:
        SpecificationError: a KPI or control without variation, or a channel without media.
    """
    per_capita_kpi = data.kpi / data.population[:, None]
    kpi_sd = float(per_capita_kpi.std())
    if not np.isfinite(kpi_sd) or kpi_sd == 0:
        raise SpecificationError("The KPI does not vary over geos and weeks; there is nothing to explain.")
    empty = [name for m, name in enumerate(data.channels) if not data.media[:, :, m].any()]
    if empty:
        raise SpecificationError(f"No media in channel(s) {', '.join(empty)}; remove them from data.channel_map.")
    control_sd = data.control_values.std(axis=(0, 1))
    constant = [name for k, name in enumerate(data.controls) if control_sd[k] == 0]
    if constant:
        raise SpecificationError(f"Control(s) {', '.join(constant)} never vary; remove them from data.controls.")
    return Scaling(
        kpi_mean=float(per_capita_kpi.mean()),
        kpi_sd=kpi_sd,
        media_scale=_pooled_median(data) if media_scaling == "pooled_median" else _geo_max(data),
        control_mean=data.control_values.mean(axis=(0, 1)),
        control_sd=control_sd,
        population=data.population,
    )


def _pooled_median(data: ModelData) -> FloatArray:
    per_capita = data.media / data.population[:, None, None]
    medians = np.nanmedian(np.where(per_capita > 0, per_capita, np.nan), axis=(0, 1))
    return np.asarray(data.population[:, None] * medians, dtype=np.float64)


def _geo_max(data: ModelData) -> FloatArray:
    largest = data.media.max(axis=1)
    per_capita = (largest / data.population[:, None]).max(axis=0)
    return np.where(largest > 0, largest, data.population[:, None] * per_capita)
