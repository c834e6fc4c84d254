"""What a simulation knows about its own data, and its JSON form."""

import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mmm_core.errors import StorageError


@dataclass(frozen=True)
class Truth:
    """Known effects behind simulated data, in the model's own terms."""

    roi: dict[str, float]
    """channel -> incremental revenue per unit of spend over the whole window."""
    alpha: dict[str, float]
    """channel -> share of an effect that is carried to the next week."""
    ec: dict[str, float]
    """channel -> half-saturation, in units of the channel's median non-zero media per capita."""
    eta: dict[str, float]
    """channel -> spread over geos of the logarithm of the effect."""
    spend: dict[str, float]
    """channel -> total spend."""
    contributions: pd.DataFrame
    """geo, date, component, value: KPI units; components are the channels, the controls, `seasonality` and
    `baseline`, and sum to the expected KPI (controls and seasonality count from their mean)."""
    slope: dict[str, float] = field(default_factory=dict)
    """channel -> exponent of the Hill curve; none given: 1."""
    roi_by_geo: dict[str, dict[str, float]] = field(default_factory=dict)
    """geo -> channel -> incremental revenue per unit of spend there (channels with spend there)."""

    def to_json(self) -> str:
        """As JSON text, numbers in full precision."""
        wide = self.contributions.pivot_table(
            index="component", columns=["geo", "date"], values="value", sort=False
        )
        geos = list(dict.fromkeys(wide.columns.get_level_values("geo")))
        dates = list(dict.fromkeys(wide.columns.get_level_values("date")))
        cube = wide.to_numpy().reshape(len(wide), len(geos), len(dates))
        stored = {
            "roi": self.roi,
            "alpha": self.alpha,
            "ec": self.ec,
            "eta": self.eta,
            "spend": self.spend,
            "slope": self.slope,
            "roi_by_geo": self.roi_by_geo,
            "geos": geos,
            "dates": [date.strftime("%Y-%m-%d") for date in dates],
            "contributions": dict(zip(wide.index, cube.tolist(), strict=True)),
        }
        return json.dumps(stored)

    @classmethod
    def from_json(cls, text: str) -> "Truth":
        """Inverse of `to_json`.

        Raises:
            StorageError: not JSON, or something is missing.
        """
        try:
            stored = json.loads(text)
            parameters = {name: stored[name] for name in ("roi", "alpha", "ec", "eta", "spend")}
            parameters |= {name: stored.get(name, {}) for name in ("slope", "roi_by_geo")}
            cube = np.array(list(stored["contributions"].values()), dtype=np.float64)
            dates = pd.to_datetime(stored["dates"])
            table = contribution_frame(list(stored["contributions"]), stored["geos"], dates, cube)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise StorageError(f"The stored truth of the simulation cannot be read: {error!r}.") from error
        return cls(**parameters, contributions=table)


def contribution_frame(
    components: list[str], geos: list[str], dates: pd.DatetimeIndex, cube: np.ndarray
) -> pd.DataFrame:
    """(component, geo, date) array as a long table `geo, date, component, value`."""
    index = pd.MultiIndex.from_product([components, geos, dates], names=["component", "geo", "date"])
    return pd.DataFrame({"value": cube.ravel()}, index=index).reset_index()[["geo", "date", "component", "value"]]
