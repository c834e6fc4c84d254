"""Section about budgets: what is maximised, under which limits, in which scenarios."""

from typing import Annotated, Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Interval, Name, Share

Objective = Literal[
    "roas",
    "kpi",
    "profit",
    "target_roas",
    "target_mroi",
    "mean_minus_sd",
    "quantile",
    "cvar",
    "probability_better",
]
Allocation = Literal["channel", "geo_channel"]
Change = Annotated[float, Field(gt=-1, le=10)]
Preset = Literal["conservative", "aggressive"]
Money = Annotated[float, Field(ge=0)]


class SpendLimitsConfig(Section):
    """Limits of the spend of a channel, a geo, or a group of channels; what is left out does not limit."""

    min_spend: Money | None = None
    """Least money over the fit window."""
    max_spend: Money | None = None
    """Most money over the fit window."""
    min_share: Share | None = None
    """Least share of the total budget, as a fraction (of the scenario's budget where that is flexible)."""
    max_share: Share | None = None
    """Largest share of the total budget, as a fraction."""
    min_change: float | None = Field(None, ge=-1)
    """Least relative change against the current plan scaled with the scenario's budget (-0.2: 20 % less)."""
    max_change: float | None = Field(None, ge=-1)
    """Largest relative change (0.5: 50 % more); for a channel it replaces `platform_constraints.max_change`."""


class GroupLimitsConfig(SpendLimitsConfig):
    """Limits of the spend of several channels together."""

    channels: tuple[Name, ...] = Field(min_length=1)
    """Channels of the group; one may be in several groups."""


class PlatformConstraintsConfig(Section):
    """Limits of every channel's recommended spend."""

    min_spend_pct: Share = 0.0
    """Smallest share of the total budget for each channel, as a fraction."""
    max_spend_pct: Share = 1.0
    """Largest share of the total budget for each channel, as a fraction."""
    max_change: float = Field(0.5, gt=0)
    """Largest relative change of a channel's spend against the current plan (0.5: between half and
    one and a half times), scaled with the scenario's budget; with `allocation: geo_channel` of every channel
    in every geo."""
    channels: dict[Name, SpendLimitsConfig] = {}
    """channel -> its own limits, beside those of every channel."""
    geos: dict[Name, SpendLimitsConfig] = {}
    """geo -> limits of what is spent there; only with `allocation: geo_channel`."""
    groups: dict[Name, GroupLimitsConfig] = {}
    """name -> channels whose spend together is limited."""
    fixed: tuple[Name, ...] = ()
    """What keeps its current spend: `channel`, or `channel@geo` with `allocation: geo_channel`."""
    min_geo_share: Share = 0.0
    """Each geo gets at least this part of its current spend, scaled with the scenario's budget
    (`allocation: geo_channel`; otherwise geos keep their shares of each channel)."""
    step: float | None = Field(None, gt=0)
    """Spends are whole multiples of this amount of money; null: any amount."""


class RiskConfig(Section):
    """How careful the risk-aware objectives are."""

    aversion: float = Field(1.0, ge=0)
    """`mean_minus_sd`: standard deviations that are taken off the mean outcome."""
    quantile: float = Field(0.1, gt=0, lt=1)
    """`quantile`: the posterior quantile of the outcome that is maximised."""
    tail: float = Field(0.1, gt=0, le=1)
    """`cvar`: the mean outcome of this worst part of the draws is maximised."""
    least_gain: float = Field(0.01, ge=0)
    """`probability_better`: relative gain over the current plan's outcome that counts as better (0: any gain,
    which the smallest of changes reaches most surely)."""


class ScenarioConfig(Section):
    """A scenario of its own; what is left out is as in the section `optimization`."""

    change: Change = 0.0
    """Relative change of the total budget against the current plan."""
    budget: float | None = Field(None, gt=0)
    """Total budget in money, in place of `change`."""
    objective: Objective | None = None
    target: float | None = Field(None, gt=0)
    allocation: Allocation | None = None
    constraints: PlatformConstraintsConfig | None = None
    """In place of `optimization.platform_constraints`, as a whole."""


class FuturePlanConfig(Section):
    """Coming weeks that budgets are planned for, in place of the fit window once more."""

    path: Name | None = None
    """CSV, Parquet or Excel file of the coming weeks with the source's columns: media and spend, and of controls,
    population and revenue per KPI what is known; null: the same weeks a year before are planned again."""
    weeks: int | None = Field(None, ge=1, le=104)
    """How many weeks are planned, from the week after the last one of the data; null: all weeks of the file, or
    without one a year (52 weeks)."""
    credit_carryover: bool = True
    """Count what the plan's last weeks bring after its end."""
    cost_changes: dict[Name, Change] = {}
    """channel -> relative change of the price of a media unit (CPM) against the plan's own (0.1: 10 % dearer)."""


class FlightingConfig(Section):
    """Money of a channel moves between periods of the plan as well."""

    period_weeks: int = Field(1, ge=1, le=13)
    """Weeks of a period, counted from the plan's first; the split over weeks inside a period stays as planned."""
    max_change: float = Field(1.0, gt=0, le=10)
    """Largest relative change of a channel's spend in a period against its plan, scaled with the scenario."""
    min_period_share: Share = 0.0
    """Each period gets at least this share of a channel's average spend per period."""
    max_period_share: float | None = Field(None, gt=0)
    """Each period gets at most this multiple of a channel's average spend per period."""


class OverlapConfig(Section):
    """Two channels reach partly the same people."""

    channels: tuple[Name, Name]
    share: Share
    """Share of what the smaller of the two brings under the current plan that the larger one reaches too."""


class OptimizationConfig(Section):
    """How budgets are recommended."""

    objective: Objective = "roas"
    """`roas`: the largest outcome (revenue where known) from a fixed total budget, hence the largest return;
    `kpi`: the same in KPI units; `profit`: `margin` times outcome minus spend; `target_roas` and `target_mroi`:
    the largest outcome whose return, or whose last money's return, reaches `target` (these three choose the
    total within `budget_range`); `mean_minus_sd`, `quantile`, `cvar`, `probability_better`: careful ones."""
    allocation: Allocation = "channel"
    """`channel`: each channel keeps its split over geos; `geo_channel`: money moves between geos too."""
    margin: float = Field(1.0, gt=0)
    """`profit`: profit before media cost that one unit of outcome brings (0.3: 30 % of revenue)."""
    target: float | None = Field(None, gt=0)
    """Return that `target_roas` or `target_mroi` must reach: outcome per unit of money."""
    budget_range: Interval = (-0.5, 0.5)
    """Where the total is flexible: its least and largest relative change against the scenario's budget."""
    tolerance: float = Field(1e-4, gt=0, le=0.1)
    """Proven relative distance to the best plan at which the search ends."""
    risk: RiskConfig = RiskConfig()
    platform_constraints: PlatformConstraintsConfig = PlatformConstraintsConfig()
    scenario_presets: dict[Name, Change | Preset] = {"current_budget": 0.0}
    """scenario -> relative change of the total budget against the current plan (-0.2: 20 % less), or
    `conservative` (the same budget, no channel changes by more than 20 %, the mean of the worst draws counts) or
    `aggressive` (the same budget, channels may double or vanish)."""
    scenarios: dict[Name, ScenarioConfig] = {}
    """Further scenarios with an objective, a budget or limits of their own."""
    frontier: tuple[Change, ...] = ()
    """Relative changes of the total budget for the table of the efficient frontier (best outcome by budget)."""
    future: FuturePlanConfig | None = None
    """Plan coming weeks; null: the fit window once more."""
    flighting: FlightingConfig | None = None
    """Move money between weeks too; null: each channel keeps its split over weeks."""
    audience_overlap: tuple[OverlapConfig, ...] = ()
    """Pairs of channels whose audiences overlap; spending more on both brings less than the sum."""
    creative_fatigue: dict[Name, Annotated[float, Field(ge=0, le=10)]] = {}
    """channel -> how fast its creatives wear out beyond the current plan: k times the media counts like
    `1 + (1 - exp(-rate * (k - 1))) / rate` times for k > 1 (0: no wear)."""
