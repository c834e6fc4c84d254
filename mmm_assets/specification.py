"""The model that is fitted: what the configuration says, what experiments tell, what the last fit leaves fixed."""

from dataclasses import dataclass

from mmm_assets.accepted import current_accepted
from mmm_assets.accepted_settings import kept_setting
from mmm_assets.io_managers import StoredFit
from mmm_assets.resources.project import Project
from mmm_core.config.schema import Config
from mmm_core.experiments.calibrate import Calibration, calibrated_spec
from mmm_core.experiments.registry import load_experiments
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from mmm_core.refresh.constants import with_kept_constants
from mmm_core.selection.choice import ModelChoice

CALIBRATION = frozenset({"calibration"})
"""Keys that experiments are read by; their file is an asset of its own."""
FIXED = frozenset({"refresh.fixed_scaling", "refresh.max_scale_change"})
"""Keys that say what a refit keeps of the last accepted fit."""


@dataclass(frozen=True)
class Refit:
    """The model of the next fit."""

    calibration: Calibration
    constants: str
    """Where its scaling constants come from, in one sentence."""


def refit(project: Project, config: Config, data: ModelData) -> Refit:
    """The model of the next fit, with constants kept from the last accepted one where they may be.

    Args:
        project: whose accepted fits.
        config: that of the project, or of the chosen model.
        data: what is fitted.

    Raises:
        SpecificationError: the model is impossible, or an experiment cannot be used as configured.
        DataError: the file of experiments is wrong; names row and remedy.
    """
    before = current_accepted(project) if config.refresh.fixed_scaling else None
    knots_stay = before is not None and _same_open_knots(project, config, before)
    posterior = None if before is None else before.posterior
    kept = with_kept_constants(build_spec(config, data), data, posterior, config.refresh, knots_stay)
    return Refit(calibrated_spec(kept.spec, data, load_experiments(config, data), config), kept.sentence)


def specified_as(config: Config, fitted: Posterior) -> Calibration:
    """The specification of a configuration for the data of a fit, with that fit's constants.

    Raises:
        SpecificationError: the model is impossible, or an experiment cannot be used as configured.
        DataError: the file of experiments is wrong; names row and remedy.
    """
    data = fitted.data
    before = None if fitted.spec.scaling is None else fitted
    spec = with_kept_constants(build_spec(config, data), data, before, config.refresh).spec
    return calibrated_spec(spec, data, load_experiments(config, data), config)


def _same_open_knots(project: Project, config: Config, before: StoredFit) -> bool:
    """Whether the configuration leaves the knots open, and did so in the same way for that fit."""
    setting = kept_setting(project, before.version)
    if setting is None or config.model.knots not in (None, "auto"):
        return False
    choice = None if before.model_choice is None else ModelChoice.from_record(before.model_choice)
    known = None if choice is None else choice.changes.knots
    return (setting.config.get("model.knots") if known is None else known) == config.model.knots
