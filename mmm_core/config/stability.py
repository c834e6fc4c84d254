"""Whether a fit's answers stay when something that should not matter changes, and what platforms claim."""

from typing import Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name, Share


class InputNoiseConfig(Section):
    """One fit to media and spend that are a little off."""

    noise: float = Field(0.02, gt=0, le=0.5)
    """Standard deviation of the log-normal noise that multiplies media and spend of every cell."""
    max_change: float = Field(0.08, gt=0)
    """Largest change of a channel's ROI, as a fraction."""


class PlaceboConfig(Section):
    """One fit with a further paid channel that did nothing."""

    kind: Literal["permuted", "simulated"] = "permuted"
    """`permuted`: the channel of about average spend with its blocks of four weeks shuffled, anew in each geo;
    `simulated`: random weeks."""
    max_odds: float = Field(10.0, gt=1)
    """Largest odds against a small effect (the lowest tenth of its prior) at which it still counts as possible."""
    min_share: Share = 0.01
    """Share of the KPI below which an effect is too small to matter."""


class LeaveOneGeoOutConfig(Section):
    """One fit for each of the largest geos, which does not know that geo's KPI."""

    geos: int = Field(3, ge=1)
    """How many, by population (by KPI where populations are equal)."""
    max_change: float = Field(0.3, gt=0)
    """Largest change of a channel's ROI in the other geos, as a fraction."""


class StabilityConfig(Section):
    """Limits for the comparison with the last accepted fit, for priors, and for refits (off by default)."""

    max_change: float = Field(0.15, gt=0)
    """Largest mean change of ROI, and of contributions, against the last accepted fit, as a fraction."""
    max_change_sd: float = Field(2.0, gt=0)
    """Largest change of a channel's ROI against the last accepted fit, in posterior sd of that fit."""
    power: float = Field(1.25, gt=1, le=2)
    """Priors and likelihood are taken to this power and to its inverse (Kallioinen et al. 2023)."""
    min_sensitivity: float = Field(0.05, gt=0)
    """Distance of the two posteriors of a channel's ROI per doubling of the power, above which it counts."""
    max_conflict: float = Field(3.0, gt=0)
    """Largest distance between what prior and data say of a channel's ROI, in standard deviations of what both
    together leave open."""
    max_prior_share: Share = 0.8
    """Largest share of what is known about a channel's ROI that is from its prior."""
    max_unreliable_share: Share = 0.1
    """Largest share of geo-weeks whose leave-one-out density importance sampling cannot tell (Pareto k > 0.7)."""
    draws: int = Field(300, ge=50)
    """Draws per chain of the refits, 2 chains."""
    seed: int = Field(20240301, ge=0)
    """Of the noise, of the placebo and of the refits."""
    input_noise: InputNoiseConfig | None = None
    placebo: PlaceboConfig | None = None
    leave_one_geo_out: LeaveOneGeoOutConfig | None = None


class ClaimLimitsConfig(Section):
    """How much a platform may claim; what is left out is the general value."""

    unit: Literal["kpi", "outcome"] | None = None
    min_ratio: float | None = Field(None, ge=0)
    max_ratio: float | None = Field(None, gt=0)


class DigitalChecksConfig(Section):
    """Conversions that platforms attribute to themselves (`features.attribution`) against the model."""

    unit: Literal["kpi", "outcome"] = "kpi"
    """What platforms count: KPI units, or the outcome of ROI (revenue)."""
    min_ratio: float = Field(0.5, ge=0)
    """Smallest claimed / incremental."""
    max_ratio: float = Field(3.0, gt=0)
    """Largest claimed / incremental."""
    channels: dict[Name, ClaimLimitsConfig] = {}
    """channel -> its own limits."""
