"""Sections about the fit: model, training, complexity."""

from typing import Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Interval, Name, Share

BackendName = Literal["meridian", "pymc"]


class PriorsConfig(Section):
    """What is believed before the data is seen."""

    roi_bounds: dict[Name, Interval] = {}
    """channel -> [low, high]: log-normal ROI prior whose central 90 % is that interval."""


class ModelConfig(Section):
    """What is fitted, and by whom."""

    backend: BackendName = "meridian"
    fallback: Literal["meridian", "pymc", "none"] = "pymc"
    """Backend used when the first does not pass the convergence gate after one longer try."""
    knots: int | None = Field(None, ge=1)
    """Equally spaced knots of the baseline; null means one per 13 weeks (national: one per 26)."""
    media_scaling: Literal["pooled_median", "geo_max"] = "pooled_median"
    unique_sigma_for_each_geo: bool = False
    priors: PriorsConfig = PriorsConfig()


class TrainingConfig(Section):
    """Sampler settings of one try."""

    chains: int = Field(4, ge=2, le=16)
    tune: int = Field(1000, ge=50)
    """Adaptation steps per chain, thrown away."""
    draws: int = Field(1000, ge=50)
    """Kept draws per chain."""
    target_accept: float = Field(0.95, gt=0.5, lt=1)
    """Acceptance probability that adaptation aims at; lower is faster, but single divergences get likelier."""
    max_tree_depth: int = Field(10, ge=4, le=15)
    retry_factor: float = Field(2.0, ge=1.5, le=10)
    """The one longer try multiplies tune and draws by this."""
    seed: int = Field(20240101, ge=0)


class ConvergenceLimitsConfig(Section):
    """Limits that a fit must keep to be interpreted."""

    max_rhat: float = Field(1.01, gt=1, le=2)
    """Largest rank-normalised split R-hat of what is interpreted: channel parameters, ROI,
    contributions, sigma."""
    min_ess: float = Field(400, ge=10)
    """Smallest bulk and tail effective sample size of what is interpreted."""
    nuisance_max_rhat: float = Field(1.05, gt=1, le=2)
    """The same for single knots, geo intercepts and control effects."""
    nuisance_min_ess: float = Field(100, ge=10)
    max_divergent_share: Share = 0.001
    """Largest share of kept draws that diverged; any divergence at all is a warning."""
    min_ebfmi: float = Field(0.3, ge=0, le=2)
    max_tree_depth_share: Share = 0.01
    """Largest share of draws that hit `training.max_tree_depth`."""


class ComplexityConfig(Section):
    """When a fit counts as converged."""

    identifiability: ConvergenceLimitsConfig = ConvergenceLimitsConfig()
