"""Simulated panels of stated size and difficulty, as `ingest.simulator.preset` and the benchmark name them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A weekly panel; its channels take the spend patterns in turn (linear, seasonal, delayed start, on/off)."""

    n_geos: int
    n_weeks: int
    n_channels: int
    n_controls: int
    geo_spread: float = 0.15
    """Spread over geos of the logarithm of media effects (a national panel has none)."""
    demand_coupling: float = 0.0
    """By how much the logarithm of spend follows one sd of demand that no column shows: 0 for planned spend."""
    demand_share: float = 0.0
    """Size of that demand in the KPI, one sd as a share of the KPI without media."""
    flights: bool = False
    """Each channel is on and off by chance, in each geo by itself, instead of the patterns."""
    slopes: tuple[float, float] = (0.8, 1.8)
    """Ends between which each channel's Hill slope is drawn."""
    returns: tuple[float, float] | None = None
    """Ends between which each channel's ROI is drawn by itself, uniform in its logarithm; None: the channels'
    returns are spread evenly."""

    @property
    def sizes(self) -> dict[str, int]:
        """As keys of `ingest.simulator`."""
        names = ("n_geos", "n_weeks", "n_channels", "n_controls")
        return {name: getattr(self, name) for name in names}


PRESETS: Mapping[str, Preset] = {
    "small_business": Preset(1, 104, 4, 2),
    "growing_business": Preset(2, 131, 6, 2),
    "medium_business": Preset(8, 156, 8, 4),
    "large_business": Preset(50, 208, 30, 10),
    "geo_effects": Preset(20, 156, 5, 2, geo_spread=0.5),
    "endogenous": Preset(8, 156, 5, 2, demand_coupling=0.5, demand_share=0.12),
}
"""`geo_effects`: what media do differs much from geo to geo.  `endogenous`: budgets follow demand, so that a
model which does not see demand credits media with it."""
