"""Which experiment to do next: a test per paid channel, with what it costs, detects and is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.attribution.returns import roi_draws
from mmm_core.config.schema import Config
from mmm_core.errors import StorageError
from mmm_core.experiment_planning.columns import PROPOSAL_COLUMNS, SPLIT_COLUMNS
from mmm_core.experiment_planning.decision import Decision
from mmm_core.experiment_planning.design import Design, design_of
from mmm_core.experiment_planning.matching import outcome_series
from mmm_core.experiment_planning.precision import (
    Precision,
    detectable_effect,
    power_of,
    precision_of,
    unexplained,
)
from mmm_core.experiment_planning.preposterior import uncertainty_after
from mmm_core.experiment_planning.proposal import Proposal, proposal_row, ranked
from mmm_core.experiment_planning.words import sentences
from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior
from mmm_core.stability.leave_one_out import thinned
from mmm_core.stability.records import table_from_record, table_record

_DRAWS = 1000
_POWER_STEPS = np.linspace(0.0, 3.0, 25)
"""Effects of the power curve, in multiples of the smallest detectable one."""
POWER_COLUMNS = ("channel", "effect", "share_of_effect", "power")
OTHERS_COLUMNS = ("tested", "channel", "sd_now", "sd_after", "reduction")


@dataclass(frozen=True)
class ExperimentPlan:
    """Proposals, best first."""

    proposals: pd.DataFrame
    """`PROPOSAL_COLUMNS`, one row per paid channel that can be tested (meaning: `proposal`)."""
    geo_split: pd.DataFrame
    """channel, geo, role (`test` or `control`), population, weight (of the geo's outcome in the comparison: 1 in
    test geos, w in controls, see `precision`)."""
    power: pd.DataFrame
    """channel, effect (size, in outcome), share_of_effect (of what is expected of the test), power."""
    uncertainty: pd.DataFrame
    """tested, channel, sd_now, sd_after, reduction: sd of every paid channel's ROI, expected after a test of
    `tested`."""
    notes: tuple[str, ...]
    """What is proposed, and what it rests on, in sentences."""

    def to_record(self) -> dict[str, Any]:
        """For JSON."""
        tables = {name: table_record(getattr(self, name)) for name in _TABLES}
        return {**tables, "notes": list(self.notes)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ExperimentPlan":
        """Inverse of `to_record`.

        Raises:
            StorageError: the record is not one.
        """
        try:
            tables = {name: table_from_record(record[name]) for name in _TABLES}
            return cls(**tables, notes=tuple(record["notes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"The stored experiment plan cannot be read ({error!r}); materialize it again."
            ) from error


_TABLES = ("proposals", "geo_split", "power", "uncertainty")


def is_wanted(config: Config) -> bool:
    """Whether experiments are to be planned after a fit."""
    return config.calibration.planner.enabled


def plan_experiments(posterior: Posterior, config: Config) -> ExperimentPlan:
    """A test for each paid channel, ranked by what it is worth per money moved (`proposal`).

    At most 1,000 draws are used.  Nothing is refitted; everything is seeded (`calibration.planner.seed`).

    Args:
        posterior: the fit.
        config: `calibration.planner`, and `optimization` for the decision that tests may change.

    Raises:
        InputError: the data have too few weeks for such a test.
        BudgetError: the budget decision cannot be made (`Decision.of`).
    """
    settings, few = config.calibration.planner, thinned(posterior, max(_DRAWS, posterior.info.chains))
    data, outcome = few.data, outcome_series(few.data)
    designs = {channel: design_of(data, outcome, channel, settings) for channel in data.paid_channels}
    there = [design for design in designs.values() if design is not None]
    idle = tuple(channel for channel, design in designs.items() if design is None)
    decision = Decision.of(few, config.optimization)
    roi = roi_draws(few)[:, : len(data.paid_channels)]
    compared = unexplained(few, outcome) if settings.adjust else outcome
    errors = [precision_of(few, design, outcome, compared) for design in there]
    found = [
        _proposal(few, design, precision, roi, decision, settings.seed)
        for design, precision in zip(there, errors, strict=True)
    ]
    rows = [proposal_row(one, data, settings, config.optimization.margin) for one in found]
    proposals = ranked(pd.DataFrame(rows, columns=list(PROPOSAL_COLUMNS)))
    return ExperimentPlan(
        proposals,
        _table([row for one in found for row in _split_rows(few, one.design, outcome)], SPLIT_COLUMNS),
        _table([row for one in found for row in _power_rows(one, settings.level, settings.power)], POWER_COLUMNS),
        _table([row for one in found for row in _uncertainty_rows(one, data.paid_channels)], OTHERS_COLUMNS),
        sentences(proposals, idle, data, settings),
    )


def _proposal(
    posterior: Posterior, design: Design, precision: Precision, roi: FloatArray, decision: Decision, seed: int
) -> Proposal:
    effect = design.effect_draws(posterior)
    known = np.nan_to_num(roi)  # a channel without spend has no ROI
    uncertainty = uncertainty_after(known, effect, precision.se, seed)
    value = decision.value_of_information(effect, precision.se, seed)
    return Proposal(design, effect, precision, uncertainty, value)


def _split_rows(posterior: Posterior, design: Design, outcome: FloatArray) -> list[tuple[Any, ...]]:
    data, split = posterior.data, design.split
    weight = design.control_weight(outcome)
    rows = [(g, "test", 1.0) for g in split.test] + [(g, "control", weight) for g in split.control]
    return [
        (design.channel, data.geos[g], role, float(data.population[g]), share) for g, role, share in sorted(rows)
    ]


def _power_rows(one: Proposal, level: float, power: float) -> list[tuple[Any, ...]]:
    se, expected = one.precision.se, abs(float(one.effect.mean()))
    effects = _POWER_STEPS * detectable_effect(se, level, power)
    found = power_of(effects, se, level)
    shares = effects / expected if expected > 0 else np.full(len(effects), np.nan)
    rows = zip(effects.tolist(), shares.tolist(), found.tolist(), strict=True)
    return [(one.design.channel, *row) for row in rows]


def _uncertainty_rows(one: Proposal, channels: tuple[str, ...]) -> list[tuple[Any, ...]]:
    now, after = one.uncertainty.now, one.uncertainty.after
    return [
        (one.design.channel, channel, float(now[m]), float(after[m]), one.reduction(m))
        for m, channel in enumerate(channels)
    ]


def _table(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))
