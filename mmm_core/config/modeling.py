"""Sections about the fit: model, training, complexity."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from mmm_core.config.backtests import RollingSplitsConfig
from mmm_core.config.base import Section
from mmm_core.config.inputs import Interval, Name, Share
from mmm_core.config.prior_families import Family

BackendName = Literal["meridian", "pymc"]


class PriorConfig(Section):
    """A distribution, for example `{family: log_normal, mu: 0.2, sigma: 0.9}`."""

    family: Family
    value: float | None = None
    """`deterministic`."""
    mean: float | None = None
    """`normal`, `truncated_normal` (before truncation)."""
    sd: float | None = None
    """`normal`, `truncated_normal`, `half_normal` (before truncation)."""
    low: float | None = None
    """`uniform`, `truncated_normal`."""
    high: float | None = None
    """`uniform`, `truncated_normal`."""
    a: float | None = None
    """`beta`, `gamma`."""
    b: float | None = None
    """`beta`."""
    mu: float | None = None
    """`log_normal`, `shifted_log_normal`: mean of the logarithm."""
    sigma: float | None = None
    """`log_normal`, `shifted_log_normal`: sd of the logarithm."""
    shift: float | None = None
    """`shifted_log_normal`: smallest value."""
    rate: float | None = None
    """`exponential`, `gamma` (mean a / rate)."""


class ChannelPriorsConfig(Section):
    """Priors of one channel; what is not given keeps its default."""

    type: Literal["roi", "mroi", "contribution", "coefficient"] | None = None
    """What `effect` is a prior of; null: `model.media_prior_type`."""
    effect: PriorConfig | None = None
    """Prior of the ROI, mROI, share of the total outcome, or `beta_m`."""
    alpha: PriorConfig | None = None
    ec: PriorConfig | None = None
    slope: PriorConfig | None = None
    theta: PriorConfig | None = None
    """Second adstock parameter: peak in weeks (delayed) or shape (weibull)."""


class PriorsConfig(Section):
    """What is believed before the data is seen."""

    roi_bounds: dict[Name, Interval] = {}
    """channel -> [low, high]: log-normal ROI prior whose central 90 % is that interval."""
    channels: dict[Name, ChannelPriorsConfig] = {}
    """channel -> its priors."""
    spend_share_scaled: bool = False
    """Prior effect of each channel in proportion to its share of spend (prior type `coefficient`)."""
    eta: PriorConfig | None = None
    """Spread of effects over geos; null: half_normal(1)."""
    knot_values: PriorConfig | None = None
    """Baseline at the knots, in sd of the KPI; null: normal(0, 5)."""
    tau: PriorConfig | None = None
    """Geo intercepts, in sd of the KPI; null: normal(0, 5)."""
    gamma: PriorConfig | None = None
    """Control effects, in sd of the KPI; null: normal(0, 5)."""
    xi: PriorConfig | None = None
    """Spread of control effects over geos; null: half_normal(5)."""
    sigma: PriorConfig | None = None
    """Noise, in sd of the KPI; null: half_normal(5)."""


class CandidateConfig(Section):
    """A model in the choice; what is not given is as configured elsewhere."""

    slope: Literal["fixed", "free"] | None = None
    media_scaling: Literal["pooled_median", "geo_max"] | None = None
    saturation: Literal["hill", "logistic", "michaelis_menten", "none"] | None = None
    adstock: Literal["geometric", "binomial", "delayed", "weibull"] | None = None
    knots: int | Literal["auto"] | None = None
    annual_fourier_order: int | None = Field(None, ge=0, le=10)
    hill_before_adstock: bool | None = None


class SelectionConfig(Section):
    """Choice of the model by out-of-sample log score on rolling time slices."""

    enabled: bool = False
    """Compare the candidates before the fit and take the winner."""
    candidates: dict[Name, CandidateConfig] = {}
    """name -> what it changes, at least two, the preferred ones first (of candidates within half a standard
    error of the best score the first is taken); empty: slope free or fixed x both media scalings, a knot per
    quarter."""
    splits: int = Field(6, ge=1, le=20)
    """Time slices that are predicted, the last ones of the panel."""
    horizon_weeks: int = Field(8, ge=2, le=104)
    """Weeks per slice; the first one only sets the level."""
    draws: int = Field(250, ge=50)
    """Draws per chain of the fits that are compared (2 chains, as many adaptation steps)."""
    stacking: bool = False
    """Report the stacked posterior of all candidates beside the winner's."""


def _other_try(values: Mapping[str, Any]) -> Literal["pymc", "none"]:
    """Default of `model.fallback`: nobody who asks for pymc alone waits for the minutes of another backend."""
    return "none" if values.get("backend") == "pymc" else "pymc"


class ModelConfig(Section):
    """What is fitted, and by whom."""

    backend: BackendName = "meridian"
    fallback: Literal["meridian", "pymc", "none"] = Field(default_factory=_other_try)
    """Backend used when the first does not pass the convergence gate after one longer try; left out: pymc after
    meridian, none after pymc."""
    family: Literal["gaussian", "robust_log"] = "gaussian"
    """`robust_log`: Student-T noise on log(KPI + 1) (pymc only)."""
    knots: int | Literal["auto"] | tuple[Name, ...] | None = None
    """Knots of the baseline: how many, equally spaced; `auto`; or a list of dates.  null: one per 13 weeks
    (national: one per 26)."""
    media_effects_dist: Literal["log_normal", "normal"] = "log_normal"
    """Distribution of media effects over geos (a national model has no such distribution)."""
    media_prior_type: Literal["roi", "mroi", "contribution", "coefficient"] = "roi"
    """What is known of a paid channel's effect beforehand; organic media take `contribution` where this is
    `roi` or `mroi`."""
    hill_before_adstock: bool = False
    media_scaling: Literal["pooled_median", "geo_max"] = "pooled_median"
    unique_sigma_for_each_geo: bool = False
    priors: PriorsConfig = PriorsConfig()
    selection: SelectionConfig = SelectionConfig()


class TrainingConfig(Section):
    """Sampler settings of one try."""

    chains: int = Field(4, ge=2, le=16)
    tune: int | None = Field(None, ge=50)
    """Adaptation steps per chain, thrown away; null: what the backend needs (meridian 1000, pymc 400)."""
    draws: int = Field(1000, ge=50)
    """Kept draws per chain."""
    target_accept: float | None = Field(None, gt=0.5, lt=1)
    """Acceptance probability that adaptation aims at; lower is faster, but single divergences get likelier.
    null: what suits the backend (meridian 0.95, pymc 0.8, with lift tests in its likelihood 0.9)."""
    max_tree_depth: int = Field(10, ge=4, le=15)
    retry_factor: float = Field(2.0, ge=1.5, le=10)
    """The one longer try multiplies tune and draws by this."""
    seed: int = Field(20240101, ge=0)
    rolling_splits: RollingSplitsConfig = RollingSplitsConfig()
    max_runtime: float | None = Field(None, gt=0)
    """Minutes for all fits of a backtest together: after them no further fit begins; null: no limit."""


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
