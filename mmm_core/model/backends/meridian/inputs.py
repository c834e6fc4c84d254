"""From ModelData and ModelSpec to Meridian's own objects.

Non-media treatments are given as controls: with a coefficient prior, Meridian's model of the two is the
same, and what counts from where is a matter of the forward model.

Weeks in which the KPI is not known are held out.  Meridian still wants a number there, and checks its
variation before it samples; it gets the geo's mean, which enters nothing else (`scaled.py`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.meridian.groups import ChannelGroup, channel_groups
from mmm_core.model.backends.meridian.priors import prior_distribution
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored, import_meridian
from mmm_core.model.backends.meridian.scaled import put_scaling
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.scaling import Scaling

_SATURATION = {"hill": "hill", "michaelis_menten": "hill", "none": "none"}
_PRIOR_TYPE_KEYS = {"m": "media_prior_type", "rf": "rf_prior_type", "om": "organic_media_prior_type"}
_WEEK = np.timedelta64(7, "D")


def build_model(data: ModelData, spec: ModelSpec, scaling: Scaling) -> Any:
    """`meridian.model.model.Meridian` of this data and specification, not yet sampled.

    Args:
        data: what is fitted to.
        spec: one that Meridian can fit (`unsupported_by_meridian`).
        scaling: the constants that it uses.

    Raises:
        SpecificationError: Meridian refuses the data or the specification.
    """
    import_meridian()
    from meridian.model.model import Meridian

    unit = media_unit(data, spec, scaling)
    try:
        with expected_warnings_ignored():
            model = Meridian(input_data=input_data(data, unit), model_spec=model_spec(data, spec))
    except ValueError as error:
        raise SpecificationError(
            f"Meridian refuses this data or specification: {error} Correct it, or set model.backend to pymc."
        ) from error
    put_scaling(model.model_context, data, scaling, unit)
    return model


def media_unit(data: ModelData, spec: ModelSpec, scaling: Scaling) -> FloatArray:
    """(G, M) what media is divided by before Meridian gets it.

    Meridian's scales are proportional to population; for `geo_max`, whose are not, the rest is done here.
    """
    if spec.media_scaling == "pooled_median":
        return np.ones_like(scaling.media_scale)
    return scaling.media_scale / data.population[:, None]


def input_data(data: ModelData, unit: FloatArray) -> Any:
    """Meridian's `InputData`, geos in the order of `data`.

    The outcome per KPI unit is always given, ones included: without it Meridian would replace the ROI
    prior by one of its own.

    Args:
        data: what is fitted to.
        unit: (G, M) what media is divided by.
    """
    from meridian.data.input_data import InputData

    arrays = _Arrays(data)
    fields = {
        "kpi": arrays.named("kpi", filled_kpi(data), "geo", "time"),
        "population": arrays.named("population", data.population, "geo"),
        "revenue_per_kpi": arrays.named("revenue_per_kpi", data.outcome_per_kpi, "geo", "time"),
    }
    if data.controls:
        fields["controls"] = arrays.named("controls", data.control_values, "geo", "time", "control_variable")
    media = np.concatenate([data.lead_media, data.media], axis=1) / unit[:, None, :]
    for group in channel_groups(data):
        fields |= arrays.of_group(group, media)
    return InputData(kpi_type="non_revenue", **fields)


@dataclass(frozen=True)
class _Arrays:
    """Labelled arrays as Meridian wants them."""

    data: ModelData

    def named(self, name: str, values: FloatArray, *dims: str) -> xr.DataArray:
        return xr.DataArray(values, dims=dims, coords={dim: self._labels(dim) for dim in dims}, name=name)

    def of_group(self, group: ChannelGroup, media: FloatArray) -> dict[str, xr.DataArray]:
        """What Meridian has of these channels; media is (G, P + T, M)."""
        chosen = list(group.channels)
        media_dims, spend_dims = ("geo", "media_time", group.dimension), ("geo", "time", group.dimension)
        if group.kind == "organic_media":
            return {"organic_media": self.named("organic_media", media[:, :, chosen], *media_dims)}
        spend = self.data.spend[:, :, chosen]
        if group.kind == "media":
            return {
                "media": self.named("media", media[:, :, chosen], *media_dims),
                "media_spend": self.named("media_spend", spend, *spend_dims),
            }
        return {
            "reach": self.named("reach", media[:, :, chosen], *media_dims),
            "frequency": self.named("frequency", self._frequency()[:, :, chosen], *media_dims),
            "rf_spend": self.named("rf_spend", spend, *spend_dims),
        }

    def _frequency(self) -> FloatArray:
        """(G, P + T, M)."""
        data = self.data
        lead = np.ones_like(data.lead_media) if data.lead_frequency is None else data.lead_frequency
        window = np.ones_like(data.media) if data.frequency is None else data.frequency
        return np.concatenate([lead, window], axis=1)

    def _labels(self, dim: str) -> list[str]:
        data = self.data
        if dim == "geo":
            return list(data.geos)
        if dim == "control_variable":
            return list(data.controls)
        if dim in ("time", "media_time"):
            n_lead = data.lead_media.shape[1] if dim == "media_time" else 0
            lead = data.dates[0] - _WEEK * np.arange(n_lead, 0, -1)
            dates = np.concatenate([lead.astype(data.dates.dtype), data.dates])
            return [str(date) for date in np.datetime_as_string(dates, unit="D")]
        group = next(group for group in channel_groups(data) if group.dimension == dim)
        return [data.channels[m] for m in group.channels]


def filled_kpi(data: ModelData) -> FloatArray:
    """(G, T) KPI, with the geo's mean (of all geos per head, where it has none) where it is not known."""
    per_head = float(np.nanmean(data.kpi / data.population[:, None]))
    filled = data.kpi.copy()
    for g, known in enumerate(data.observed):
        filled[g, ~known] = data.kpi[g, known].mean() if known.any() else per_head * data.population[g]
    return filled


def model_spec(data: ModelData, spec: ModelSpec) -> Any:
    """Meridian's `ModelSpec`; its baseline geo is the most populous one, as it is for Meridian itself."""
    from meridian.model.spec import ModelSpec as MeridianSpec

    per_capita = [name for name, flag in zip(data.controls, data.control_per_capita, strict=True) if flag]
    prior_types = {_PRIOR_TYPE_KEYS[group.suffix]: group.prior_types(spec)[0] for group in channel_groups(data)}
    return MeridianSpec(
        prior=prior_distribution(data, spec),
        media_effects_dist="normal" if data.is_national else spec.media_effects,
        hill_before_adstock=spec.hill_before_adstock,
        max_lag=spec.max_lag_weeks,
        unique_sigma_for_each_geo=spec.unique_sigma_for_each_geo,
        knots=list(spec.knots),
        baseline_geo=int(np.argmax(data.population)),
        holdout=_holdout(data),
        population_scaled_controls=per_capita or None,
        adstock_decay_spec=dict(zip(data.channels, spec.adstock, strict=True)),
        saturation_spec=dict(zip(data.channels, (_SATURATION[family] for family in spec.saturation), strict=True)),
        **prior_types,
    )


def _holdout(data: ModelData) -> Any:
    """Weeks without a known KPI, as Meridian's `HoldoutSpec`; None if there are none."""
    from meridian.model.spec import DateRange, GeoHoldoutSpec, HoldoutSpec

    held_out = [
        GeoHoldoutSpec(geos=[geo], date_ranges=[DateRange(date, date) for date in _days(data.dates[~known])])
        for geo, known in zip(data.geos, data.observed, strict=True)
        if not known.all()
    ]
    return HoldoutSpec(spec=held_out) if held_out else None


def _days(dates: Any) -> list[str]:
    return [str(date) for date in np.datetime_as_string(dates, unit="D")]
