"""One proposed test as a row, and the order of the rows.

`change of outcome` is what the fit expects of the test in its geos and measured weeks; `cost` is the money it
takes: `spend_change - margin * change of outcome` (< 0: the test pays for itself, since what is saved is more than
what is lost; missing where outcome is no money).  `value_of_information` is per year (`decision`), and
`net_value = margin * value_of_information - cost`.

Order: tests with control geos before those without; then by `value_per_spend`, the value of information per money
that the test moves (the size of `spend_change`: `cost` may be negative, and a test should not come first because
of what is saved meanwhile); where that is equal, by `reduction`.  How precise a test is counts through its worth.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.config.experiment_planner import ExperimentPlannerConfig
from mmm_core.experiment_planning.design import Design
from mmm_core.experiment_planning.precision import Precision, detectable_effect, power_of
from mmm_core.experiment_planning.preposterior import FEWEST_EFFECTIVE, Uncertainty
from mmm_core.features.model_data import FloatArray, ModelData


@dataclass(frozen=True)
class Proposal:
    """All that is known of one proposed test."""

    design: Design
    effect: FloatArray
    """(S,) change of the outcome because of it."""
    precision: Precision
    uncertainty: Uncertainty
    """Of the ROI of every paid channel."""
    value_of_information: float

    def reduction(self, channel: int) -> float:
        """By which part a channel's sd is expected to fall (< 0 only by simulation error)."""
        now = float(self.uncertainty.now[channel])
        return 1 - float(self.uncertainty.after[channel]) / now if now > 0 else 0.0


def proposal_row(
    one: Proposal, data: ModelData, settings: ExperimentPlannerConfig, margin: float
) -> dict[str, Any]:
    """`columns.PROPOSAL_COLUMNS` but for `rank`, which comes with the others.

    Args:
        one: the test.
        data: the panel of the fit.
        settings: `calibration.planner`.
        margin: profit before media cost per unit of outcome.
    """
    design, precision, m = one.design, one.precision, data.channels.index(one.design.channel)
    mde, money = (
        detectable_effect(precision.se, settings.level, settings.power),
        design.spend(data) * design.change,
    )
    expected = float(one.effect.mean())
    cost = money - margin * expected if data.has_revenue else float("nan")
    return {
        "channel": design.channel,
        "weeks": design.weeks,
        "test_geos": len(design.split.test),
        "control_geos": len(design.split.control),
        "start": str(data.dates[design.first]),
        "end": str(data.dates[design.first + design.weeks - 1] + 6),
        "share_of_spend": design.share_of_spend(data),
        "spend_change": money,
        **_outcome_change(one.effect),
        "standard_error": precision.se,
        "error_source": precision.source,
        "error_model": precision.model,
        "error_placebo": precision.placebo,
        "mde_outcome": mde,
        "mde_roas": mde / abs(money),
        "mde_share_of_effect": mde / abs(expected) if expected else float("nan"),
        "detects": bool(abs(expected) >= mde),
        "expected_power": float(power_of(one.effect, precision.se, settings.level).mean()),
        "sd_now": float(one.uncertainty.now[m]),
        "sd_after": float(one.uncertainty.after[m]),
        "sd_after_normal": float(one.uncertainty.normal[m]),
        "effective_draws": one.uncertainty.effective_draws,
        "reduction": one.reduction(m),
        "value_of_information": one.value_of_information,
        "cost": cost,
        "net_value": margin * one.value_of_information - cost,
        "value_per_spend": one.value_of_information / abs(money),
        "note": _note(one, abs(expected) >= mde, cost > max(0.0, margin * one.value_of_information)),
    }


def ranked(proposals: pd.DataFrame) -> pd.DataFrame:
    """The rows in order (see above), `rank` from 1."""
    keys = pd.DataFrame(
        {
            "weak": proposals["control_geos"] == 0,
            "worth": -proposals["value_per_spend"],
            "reduction": -proposals["reduction"],
        }
    )
    order = keys.sort_values(list(keys.columns), kind="stable").index
    found = proposals.loc[order].reset_index(drop=True)
    return found.assign(rank=np.arange(1, len(found) + 1))


def _outcome_change(effect: FloatArray) -> dict[str, float]:
    q05, q95 = np.quantile(effect, (0.05, 0.95))
    names = ("outcome_change_mean", "outcome_change_q05", "outcome_change_q95")
    return dict(zip(names, (float(effect.mean()), float(q05), float(q95)), strict=True))


def _note(one: Proposal, detects: bool, dear: bool) -> str:
    """What to know about a proposal, in sentences; empty: nothing."""
    notes = []
    if not one.design.split.control:
        notes.append(
            "There are no control geos, so this compares before with after, which is weak: whatever else changes "
            "in these weeks counts as effect."
        )
    if not detects:
        notes.append(
            "The expected effect is below what the test detects; more weeks or geos, or more change, help."
        )
    if dear:
        notes.append("It costs more than the better budget is worth in a year.")
    if not one.uncertainty.reliable:
        notes.append(
            f"The test is so precise that fewer than {FEWEST_EFFECTIVE:.0f} draws keep weight, so the expected sd "
            "is that of the normal formula."
        )
    if not np.isfinite(one.precision.placebo):
        notes.append("The history is too short for placebo tests, so the standard error is the model's alone.")
    return " ".join(notes)
