"""The aligned cube that a model is fitted to, and its netCDF form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mmm_core.errors import StorageError

FloatArray = NDArray[np.float64]
ChannelKind = Literal["media", "reach_frequency", "organic_media"]
ControlRole = Literal["control", "seasonality", "holiday", "non_media_treatment"]
KpiType = Literal["revenue", "non_revenue"]


@dataclass(frozen=True)
class ModelData:
    """All geos, aligned on the same weeks.  G geos, T weeks, P lead weeks, M channels, K controls.

    Channels are everything with carryover and saturation: paid channels first (`media` and
    `reach_frequency` in the order of the configuration), then `organic_media`.  Controls are everything
    with a linear effect of the same week.
    """

    geos: tuple[str, ...]
    """G geo names; `("national",)` for a national panel."""
    dates: NDArray[np.datetime64]
    """(T,) first day of each week, datetime64[D], 7 days apart."""
    channels: tuple[str, ...]
    """M channel names, paid ones first."""
    controls: tuple[str, ...]
    """K names: controls, custom and baseline terms, then non-media treatments, events, holidays, seasonality and
    calendar terms."""
    control_roles: tuple[ControlRole, ...]
    """(K,) to which component each control's contribution is added.  A non-media treatment (events too) counts
    from its smallest value, every other from its mean."""
    kpi: FloatArray
    """(G, T) KPI units per week, >= 0; NaN where it is not known (such weeks do not enter the likelihood)."""
    kpi_type: KpiType
    """`revenue`: the KPI is money."""
    revenue_per_kpi: FloatArray | None
    """(G, T) money per KPI unit, never NaN; None when the KPI is revenue or no value is known."""
    population: FloatArray
    """(G,) people (or any measure of size), > 0; ones where the source has none."""
    media: FloatArray
    """(G, T, M) media units per week, >= 0 (spend where a channel has no media column; reach for
    `reach_frequency`); 0 in weeks that are not `present`."""
    spend: FloatArray
    """(G, T, M) money per week, >= 0; 0 for organic media and in weeks that are not `present`."""
    control_values: FloatArray
    """(G, T, K) control values as in the source; the control's mean in weeks that are not `present`."""
    currency: str
    """Currency of spend and revenue."""
    data_version: str
    """Content hash of the source snapshot."""
    channel_kinds: tuple[ChannelKind, ...] = ()
    """(M,) kind of each channel; left out: all paid `media`."""
    frequency: FloatArray | None = None
    """(G, T, M) average frequency of the reached, >= 0; 1 for channels that are not `reach_frequency`.
    None: no channel is."""
    lead_media: FloatArray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    """(G, P, M) media of the P weeks before the first, oldest first; they feed carryover only."""
    lead_frequency: FloatArray | None = None
    """(G, P, M) their frequency; None as `frequency`."""
    present: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
    """(G, T) weeks inside each geo's own date range; left out: all of them.  Outside, there is neither KPI
    nor media, and outcome counts for nothing."""
    control_per_capita: tuple[bool, ...] = ()
    """(K,) whether a control is divided by population before it is scaled; left out: none."""
    excluded_geos: Mapping[str, str] = field(default_factory=dict)
    """Geo of the source that is not among `geos` -> why (`data.on_bad_geo: exclude`)."""

    def __post_init__(self) -> None:
        """Fill what was left out."""
        geos, weeks, channels = self.media.shape
        if not self.channel_kinds:
            object.__setattr__(self, "channel_kinds", ("media",) * channels)
        if not self.lead_media.size:
            object.__setattr__(self, "lead_media", np.zeros((geos, self.lead_media.shape[1], channels)))
        if not self.present.size:
            object.__setattr__(self, "present", np.ones((geos, weeks), dtype=bool))
        if not self.control_per_capita:
            object.__setattr__(self, "control_per_capita", (False,) * len(self.controls))

    @property
    def paid_channels(self) -> tuple[str, ...]:
        """The channels that cost money; they are the first ones of `channels`."""
        kinds = zip(self.channels, self.channel_kinds, strict=True)
        return tuple(channel for channel, kind in kinds if kind != "organic_media")

    @property
    def observed(self) -> NDArray[np.bool_]:
        """(G, T) where the KPI is known."""
        return np.isfinite(self.kpi)

    @property
    def is_national(self) -> bool:
        """Whether there is only one geo, so nothing varies over geos."""
        return len(self.geos) == 1

    @property
    def outcome_per_kpi(self) -> FloatArray:
        """(G, T) what one KPI unit is worth in ROI terms: revenue per KPI, or 1; 0 where not `present`."""
        worth = 1.0 if self.revenue_per_kpi is None else self.revenue_per_kpi
        return np.asarray(self.present * worth, dtype=np.float64)

    @property
    def has_revenue(self) -> bool:
        """Whether outcomes can be given in money."""
        return self.kpi_type == "revenue" or self.revenue_per_kpi is not None

    def to_dataset(self) -> xr.Dataset:
        """Labelled arrays with dims (geo, time, channel, control); scalars as attributes."""
        variables: dict[str, Any] = {
            "kpi": (("geo", "time"), self.kpi),
            "population": (("geo",), self.population),
            "media": (("geo", "time", "channel"), self.media),
            "spend": (("geo", "time", "channel"), self.spend),
            "control_values": (("geo", "time", "control"), self.control_values),
            "lead_media": (("geo", "lead_time", "channel"), self.lead_media),
            "present": (("geo", "time"), self.present),
        }
        if self.revenue_per_kpi is not None:
            variables["revenue_per_kpi"] = (("geo", "time"), self.revenue_per_kpi)
        if self.frequency is not None:
            variables["frequency"] = (("geo", "time", "channel"), self.frequency)
        if self.lead_frequency is not None:
            variables["lead_frequency"] = (("geo", "lead_time", "channel"), self.lead_frequency)
        return xr.Dataset(
            variables,
            coords={
                "geo": np.array(self.geos, dtype=object),
                "time": self.dates.astype("datetime64[ns]"),
                "channel": np.array(self.channels, dtype=object),
                "control": np.array(self.controls, dtype=object),
            },
            attrs={
                "kpi_type": self.kpi_type,
                "currency": self.currency,
                "data_version": self.data_version,
                "control_roles": list(self.control_roles),
                "control_per_capita": [int(flag) for flag in self.control_per_capita],
                "channel_kinds": list(self.channel_kinds),
                "excluded_geos": json.dumps(dict(self.excluded_geos)),
            },
        )

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> "ModelData":
        """Inverse of `to_dataset`.

        Raises:
            StorageError: a variable or attribute is missing.
        """
        try:
            roles = dataset.attrs["control_roles"]
            revenue = dataset["revenue_per_kpi"].values if "revenue_per_kpi" in dataset else None
            return cls(
                geos=tuple(str(geo) for geo in dataset["geo"].values),
                dates=dataset["time"].values.astype("datetime64[D]"),
                channels=tuple(str(channel) for channel in dataset["channel"].values),
                controls=tuple(str(control) for control in dataset["control"].values),
                control_roles=tuple(np.atleast_1d(roles).tolist()),
                kpi=dataset["kpi"].values,
                kpi_type=dataset.attrs["kpi_type"],
                revenue_per_kpi=revenue,
                population=dataset["population"].values,
                media=dataset["media"].values,
                spend=dataset["spend"].values,
                control_values=dataset["control_values"].values,
                currency=dataset.attrs["currency"],
                data_version=dataset.attrs["data_version"],
                channel_kinds=tuple(np.atleast_1d(dataset.attrs["channel_kinds"]).tolist()),
                frequency=dataset["frequency"].values if "frequency" in dataset else None,
                lead_media=dataset["lead_media"].values,
                lead_frequency=dataset["lead_frequency"].values if "lead_frequency" in dataset else None,
                present=dataset["present"].values.astype(bool),
                control_per_capita=tuple(
                    bool(flag) for flag in np.atleast_1d(dataset.attrs["control_per_capita"])
                ),
                excluded_geos=json.loads(dataset.attrs.get("excluded_geos", "{}")),
            )
        except KeyError as error:
            raise StorageError(f"Stored model data lacks {error}; materialize model_data again.") from error
