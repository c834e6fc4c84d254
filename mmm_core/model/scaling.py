"""Constants that take data to the model's scale, fixed at fit time and saved with the posterior."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData

KpiTransform = Literal["per_capita", "log1p"]
_ROUNDING = 1e-12
"""Spread, relative to the largest value, up to which values count as equal."""


@dataclass(frozen=True)
class Scaling:
    """G geos, M channels, K controls."""

    kpi_mean: float
    """Mean of the transformed KPI over the cells where it is known."""
    kpi_sd: float
    """Its standard deviation; 1 for `log1p`."""
    media_scale: FloatArray
    """(G, M) media units (people reached for `reach_frequency`) that count as 1 on the model's scale;
    population included."""
    control_mean: FloatArray
    """(K,) mean over the present cells, after division by `control_divisor`."""
    control_sd: FloatArray
    """(K,) standard deviation, likewise."""
    population: FloatArray
    """(G,) divisor of the KPI (`per_capita`)."""
    control_divisor: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    """(G, K) population where the control is per capita, else 1; left out: 1."""
    kpi_transform: KpiTransform = "per_capita"
    """What is standardised: KPI / population, or log(KPI + 1) (the family `robust_log`)."""

    def __post_init__(self) -> None:
        """Fill what was left out."""
        if not self.control_divisor.size:
            shape = (len(self.population), len(self.control_mean))
            object.__setattr__(self, "control_divisor", np.ones(shape))

    def scale_kpi(self, kpi: FloatArray) -> FloatArray:
        """(..., G, T) KPI units -> model scale; NaN stays NaN."""
        return (_transformed(kpi, self.population, self.kpi_transform) - self.kpi_mean) / self.kpi_sd

    def unscale_kpi(self, scaled: FloatArray) -> FloatArray:
        """Inverse of `scale_kpi`."""
        transformed = scaled * self.kpi_sd + self.kpi_mean
        if self.kpi_transform == "log1p":
            return np.asarray(np.expm1(transformed), dtype=np.float64)
        return transformed * self.population[:, None]

    def unscale_effect(self, scaled: FloatArray) -> FloatArray:
        """(..., G, T) difference on the model's scale -> difference in KPI units (no mean is added).

        Raises:
            SpecificationError: for `log1p`, where a difference depends on what it is added to.
        """
        if self.kpi_transform == "log1p":
            raise SpecificationError("A difference of logarithms has no size in KPI units of its own.")
        return scaled * self.kpi_sd * self.population[:, None]

    def scale_media(self, media: FloatArray) -> FloatArray:
        """(..., G, T, M) media units -> model scale."""
        return media / self.media_scale[:, None, :]

    def scale_controls(self, values: FloatArray) -> FloatArray:
        """(..., G, T, K) control values -> per capita where it is so configured, standardised."""
        return (values / self.control_divisor[:, None, :] - self.control_mean) / self.control_sd


def fit_scaling(
    data: ModelData,
    media_scaling: Literal["pooled_median", "geo_max"],
    family: Literal["gaussian", "robust_log"] = "gaussian",
) -> Scaling:
    """Compute the constants: of the KPI where it is known, of the rest where the geo is present.

    Media before the window does not count.  `pooled_median`: the median over all geos and weeks of the
    non-zero per-capita media, times the geo's population (Meridian's `MediaTransformer`).  `geo_max`: each
    geo's own largest week; a geo without media in a channel takes the largest per-capita week of the others.

    Args:
        data: the window that is fitted.
        media_scaling: see above.
        family: `robust_log` centres log(KPI + 1) and leaves its scale.

    Raises:
        SpecificationError: a KPI or control without variation, or a channel without media; names it.
    """
    transform: KpiTransform = "log1p" if family == "robust_log" else "per_capita"
    kpi_mean, kpi_sd = _kpi_constants(data, transform)
    empty = [name for m, name in enumerate(data.channels) if not data.media[data.present][:, m].any()]
    if empty:
        raise SpecificationError(
            f"No media in channel(s) {', '.join(empty)}; remove them from data.channel_map or data.organic_media."
        )
    per_capita = np.array(data.control_per_capita, dtype=bool)
    divisor = np.where(per_capita, data.population[:, None], 1.0)
    control_mean, control_sd = _control_constants(data, divisor)
    return Scaling(
        kpi_mean=kpi_mean,
        kpi_sd=kpi_sd if transform == "per_capita" else 1.0,
        media_scale=media_scale(data, media_scaling),
        control_mean=control_mean,
        control_sd=control_sd,
        population=data.population,
        control_divisor=divisor,
        kpi_transform=transform,
    )


def media_scale(data: ModelData, media_scaling: Literal["pooled_median", "geo_max"]) -> FloatArray:
    """(G, M) media units that count as 1; see `fit_scaling`.  Every channel has media somewhere."""
    return _pooled_median(data) if media_scaling == "pooled_median" else _geo_max(data)


def _transformed(kpi: FloatArray, population: FloatArray, transform: KpiTransform) -> FloatArray:
    return np.log1p(kpi) if transform == "log1p" else kpi / population[:, None]


def _kpi_constants(data: ModelData, transform: KpiTransform) -> tuple[float, float]:
    known = _transformed(data.kpi, data.population, transform)[data.observed & data.present]
    if not known.size:
        raise SpecificationError("The KPI is known in no week; check the KPI column and data.windows.")
    if _is_constant(known[:, None])[0]:
        raise SpecificationError(
            f"The KPI does not vary over the {known.size} geo-weeks where it is known, so there is nothing to "
            "explain; check the KPI column."
        )
    return float(known.mean()), float(known.std())


def _control_constants(data: ModelData, divisor: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(K,) means and standard deviations."""
    values = (data.control_values / divisor[:, None, :])[data.present]
    constant = [name for name, same in zip(data.controls, _is_constant(values), strict=True) if same]
    if constant:
        raise SpecificationError(
            f"Control(s) {', '.join(constant)} never vary in the fitted weeks; remove them from data.controls "
            "(or data.non_media_treatments)."
        )
    return values.mean(axis=0), values.std(axis=0)


def _is_constant(values: FloatArray) -> NDArray[np.bool_]:
    """Which of the K columns of (N, K) values are the same everywhere, up to rounding."""
    spread = values.max(axis=0, initial=-np.inf) - values.min(axis=0, initial=np.inf)
    return np.asarray(spread <= _ROUNDING * np.abs(values).max(axis=0, initial=0.0))


def _pooled_median(data: ModelData) -> FloatArray:
    per_capita = (data.media / data.population[:, None, None])[data.present]
    medians = np.nanmedian(np.where(per_capita > 0, per_capita, np.nan), axis=0)
    return np.asarray(data.population[:, None] * medians, dtype=np.float64)


def _geo_max(data: ModelData) -> FloatArray:
    largest = np.where(data.present[:, :, None], data.media, 0.0).max(axis=1)
    per_capita = (largest / data.population[:, None]).max(axis=0)
    return np.where(largest > 0, largest, data.population[:, None] * per_capita)
