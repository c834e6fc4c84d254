"""Which experiment to do next."""

from pydantic import Field, field_validator

from mmm_core.config.base import Section
from mmm_core.config.inputs import Share


class ExperimentPlannerConfig(Section):
    """The test that is proposed for each paid channel."""

    enabled: bool = False
    """Propose a test for each paid channel after the fit."""
    weeks: int = Field(4, ge=1, le=52)
    """Weeks in which spend is changed."""
    post_weeks: int = Field(0, ge=0, le=26)
    """Weeks after them that are measured too, for what is carried over."""
    change: float = Field(-1.0, ge=-1, le=10)
    """Relative change of the channel's spend in the test geos: -1 switches it off, 0.5 spends half more; not 0."""
    max_geo_share: Share = Field(0.5, gt=0, lt=1)
    """Largest share of the geos in which spend is changed; the others are the controls."""
    power: float = Field(0.8, gt=0.5, lt=1)
    """Probability with which the smallest detectable effect is told from none."""
    level: float = Field(0.9, ge=0.5, lt=1)
    """Level of the two-sided interval that has to leave out 0."""
    adjust: bool = False
    """Compare geos after taking off what the fit says of media, controls and trend, as an analysis may that knows
    them; otherwise the outcome is compared as it is, and the other channels' flighting counts as noise."""
    seed: int = Field(20240401, ge=0)
    """Of the split of the geos and of the simulated results."""

    @field_validator("change")
    @classmethod
    def _changes_something(cls, change: float) -> float:
        if change == 0:
            raise ValueError("received 0, which tests nothing; use -1 to switch off, or e.g. 0.5 for half more")
        return change
