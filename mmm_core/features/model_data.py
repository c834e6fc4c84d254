"""The aligned cube that a model is fitted to, and its netCDF form."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mmm_core.errors import StorageError

FloatArray = NDArray[np.float64]
ControlRole = Literal["control", "seasonality"]
KpiType = Literal["revenue", "non_revenue"]


@dataclass(frozen=True)
class ModelData:
    """All geos, aligned on the same weeks.  G geos, T weeks, M channels, K controls."""

    geos: tuple[str, ...]
    """G geo names; `("national",)` for a national panel."""
    dates: NDArray[np.datetime64]
    """(T,) first day of each week, datetime64[D], 7 days apart."""
    channels: tuple[str, ...]
    """M paid media channels."""
    controls: tuple[str, ...]
    """K control names, seasonality terms included."""
    control_roles: tuple[ControlRole, ...]
    """(K,) to which component each control's contribution is added."""
    kpi: FloatArray
    """(G, T) KPI units per week, >= 0."""
    kpi_type: KpiType
    """`revenue`: the KPI is money."""
    revenue_per_kpi: FloatArray | None
    """(G, T) money per KPI unit; None when the KPI is revenue or no value is known."""
    population: FloatArray
    """(G,) people (or any measure of size), > 0; ones where the source has none."""
    media: FloatArray
    """(G, T, M) media units per week, >= 0 (spend where a channel has no media column)."""
    spend: FloatArray
    """(G, T, M) money per week, >= 0."""
    control_values: FloatArray
    """(G, T, K) control values as in the source."""
    currency: str
    """Currency of spend and revenue."""
    data_version: str
    """Content hash of the source snapshot."""

    @property
    def is_national(self) -> bool:
        """Whether there is only one geo, so nothing varies over geos."""
        return len(self.geos) == 1

    @property
    def outcome_per_kpi(self) -> FloatArray:
        """(G, T) what one KPI unit is worth in ROI terms: revenue per KPI, or 1."""
        return np.ones_like(self.kpi) if self.revenue_per_kpi is None else self.revenue_per_kpi

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
        }
        if self.revenue_per_kpi is not None:
            variables["revenue_per_kpi"] = (("geo", "time"), self.revenue_per_kpi)
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
            )
        except KeyError as error:
            raise StorageError(f"Stored model data lacks {error}; materialize model_data again.") from error
