"""The model that is fitted: what the configuration says, what experiments tell, what the last fit leaves fixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmm_assets.accepted import current_accepted
from mmm_assets.accepted_settings import kept_setting
from mmm_assets.io_managers import StoredFit
from mmm_assets.resources.project import Project
from mmm_core.config.modeling import ModelConfig
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

_BY_SELECTION = "left to model.selection"
"""Default candidates have a knot per quarter: as open as no number at all."""


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
    new_knots = None if before is None else _why_new_knots(project, config, before)
    posterior = None if before is None else before.posterior
    number = _wish(project.config.model, config.model.knots)
    n_knots = number if isinstance(number, int) else None
    kept = with_kept_constants(build_spec(config, data), data, posterior, config.refresh, new_knots, n_knots)
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


def _why_new_knots(project: Project, config: Config, before: StoredFit) -> str | None:
    """Why knots may not stay where that fit had them: they are not wished in the same way; None: they may."""
    now = _wish(project.config.model, config.model.knots)
    if isinstance(now, tuple):
        return "model.knots lists their dates"
    setting = kept_setting(project, before.version)
    if setting is None:
        return "how model.knots was set for that fit is not known"
    then = _wish_then(setting.config, before)
    return None if then == now else f"model.knots was {_shown(then)} and is {_shown(now)}"


def _wish(model: ModelConfig, chosen: Any) -> Any:
    """What `model.knots` asks for: that of the chosen model; `_BY_SELECTION` where default candidates differ."""
    selection = model.selection
    open_candidates = selection.enabled and not selection.candidates and model.knots is None
    return _BY_SELECTION if open_candidates else chosen


def _wish_then(config: Mapping[str, Any], before: StoredFit) -> Any:
    """The same of a fit and of what was kept beside it."""
    wished = config.get("model.knots")
    if before.model_choice is None:
        return wished
    configured = any(key.startswith("model.selection.candidates") and value for key, value in config.items())
    if wished is None and not configured:
        return _BY_SELECTION
    chosen = ModelChoice.from_record(before.model_choice).changes.knots
    return wished if chosen is None else chosen


def _shown(wish: Any) -> str:
    return "null" if wish is None else str(wish)
