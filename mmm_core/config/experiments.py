"""What experiments tell the model."""

from typing import Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.experiment_planner import ExperimentPlannerConfig
from mmm_core.config.inputs import Name


class CalibrationConfig(Section):
    """Lift tests, and what is made of them."""

    experiments: Name | None = None
    """File of lift tests (CSV, Parquet or Excel), one per row; null: none."""
    use: Literal["prior", "likelihood", "off"] = "prior"
    """`prior`: each test becomes its channel's ROI prior (both backends); `likelihood`: the model's own
    counterfactual of each test has to come near what was measured (pymc only); `off`: tests are only compared
    with the fit."""
    age_half_life_weeks: float | None = Field(104, gt=0)
    """Weeks after its end in which a test loses half of its weight as a prior; null: never."""
    geo_spread: float = Field(0.2, ge=0, le=2)
    """Believed sd of a channel's effect over geos, in logarithms: the doubt about the other geos where a test
    ran in some of them."""
    max_conflict: float = Field(2.0, gt=0)
    """Largest distance of fit and test, in standard deviations, that is no conflict."""
    planner: ExperimentPlannerConfig = ExperimentPlannerConfig()
