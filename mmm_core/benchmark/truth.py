"""What is known of a data set besides what a model gets to see."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from mmm_core.errors import StorageError
from mmm_core.features.model_data import FloatArray, ModelData


@dataclass(frozen=True)
class KnownTruth:
    """True effects of the channels of a `ModelData`, in its order.  G geos, T weeks, M channels."""

    totals: FloatArray
    """(M,) KPI units over all geos and weeks."""
    contributions: FloatArray | None = None
    """(G, T, M) KPI units per week; None where only the totals are known."""

    @classmethod
    def of_contributions(cls, contributions: FloatArray) -> "KnownTruth":
        """Everything is known."""
        return cls(contributions.sum(axis=(0, 1)), contributions)

    def returns(self, data: ModelData) -> FloatArray | None:
        """(G, M) outcome per unit of spend, NaN where nothing is spent; None where only totals are known."""
        if self.contributions is None:
            return None
        outcome = np.einsum("gtm,gt->gm", self.contributions, data.outcome_per_kpi)
        spend = data.spend.sum(axis=1)
        return np.asarray(np.where(spend > 0, outcome, np.nan) / np.where(spend > 0, spend, 1.0), dtype=np.float64)

    def to_dataset(self) -> xr.Dataset:
        """As arrays."""
        variables: dict[str, Any] = {"totals": (("channel",), self.totals)}
        if self.contributions is not None:
            variables["contributions"] = (("geo", "time", "channel"), self.contributions)
        return xr.Dataset(variables)

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> "KnownTruth":
        """Inverse of `to_dataset`.

        Raises:
            StorageError: no totals.
        """
        if "totals" not in dataset:
            raise StorageError(
                "The stored truth of a benchmark data set has no totals; run again with --force-rerun."
            )
        weekly = dataset["contributions"].values if "contributions" in dataset else None
        return cls(dataset["totals"].values, weekly)
