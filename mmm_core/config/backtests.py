"""What is held out of fits, to see how well they predict it."""

from pydantic import Field

from mmm_core.config.base import Section


class RollingSplitsConfig(Section):
    """Fits to windows that end ever later, each of which predicts the weeks after it."""

    window_weeks: int | None = Field(104, ge=26)
    """Weeks that each fit sees; null: all from the first one on."""
    step_weeks: int = Field(13, ge=1)
    """Weeks from one split to the next."""
    horizon_weeks: int = Field(13, ge=2, le=104)
    """Weeks that each fit predicts."""
    splits: int = Field(6, ge=1, le=52)
    """Most splits, the latest ones; fewer where the history is too short for all."""


class GeoHoldoutConfig(Section):
    """Some geos lose the KPI of their last weeks; the fit predicts it from their past and the other geos."""

    folds: int = Field(4, ge=2, le=20)
    """Groups of geos, each held out once."""
    weeks: int = Field(26, ge=2)
    """Last weeks that are held out."""
    seed: int = Field(20240101, ge=0)
    """Of the random groups, which have about the same population."""


class ValidationStrategiesConfig(Section):
    """Ways of holding data out; none is on by default, as each costs fits."""

    temporal: bool = False
    """Rolling origin, by `training.rolling_splits`."""
    geo_holdout: GeoHoldoutConfig | None = None
    platform_holdout: bool = False
    """Leave one paid channel out at a time: does the prediction get worse, do other channels take its effect?"""
    draws: int = Field(500, ge=50)
    """Draws per chain of the fits, 2 chains."""
