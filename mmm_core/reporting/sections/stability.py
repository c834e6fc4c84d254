"""Whether answers stay when something that should not matter changes."""

from collections.abc import Callable, Mapping

import pandas as pd

from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.stability_draws import (
    hard_weeks_part,
    leave_one_out_part,
    priors_part,
    refresh_part,
)
from mmm_core.reporting.sections.stability_part import StabilityPart
from mmm_core.reporting.sections.stability_refits import geos_part, noise_part, placebo_part

_PARTS: Mapping[str, Callable[[pd.DataFrame, ReportInputs], StabilityPart]] = {
    "refresh": refresh_part,
    "prior_sensitivity": priors_part,
    "input_noise": noise_part,
    "leave_one_geo_out": geos_part,
    "placebo": placebo_part,
    "leave_one_out": leave_one_out_part,
    "hard_weeks": hard_weeks_part,
}


def stability_view(inputs: ReportInputs) -> tuple[StabilityPart, ...]:
    """Every question that was asked, in a fixed order; empty where none was."""
    found = {name: inputs.trust.table(f"stability:{name}") for name in _PARTS}
    return tuple(_PARTS[name](table, inputs) for name, table in found.items() if table is not None)
