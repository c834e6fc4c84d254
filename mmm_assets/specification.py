"""The model that is fitted: what the configuration says, with what experiments tell."""

from mmm_core.config.schema import Config
from mmm_core.experiments.calibrate import Calibration, calibrated_spec
from mmm_core.experiments.registry import load_experiments
from mmm_core.features.model_data import ModelData
from mmm_core.model.specification import build_spec

CALIBRATION = frozenset({"calibration"})
"""Keys that experiments are read by; their file is an asset of its own."""


def specified(config: Config, data: ModelData) -> Calibration:
    """The specification of a configuration for these data, and how experiments have changed its priors.

    Raises:
        SpecificationError: the model is impossible, or an experiment cannot be used as configured.
        DataError: the file of experiments is wrong; names row and remedy.
    """
    return calibrated_spec(build_spec(config, data), data, load_experiments(config, data), config)
