"""One lift test mends the return of a channel whose spend follows demand that no column holds."""

from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.experiments.calibrate import calibrated_spec
from mmm_core.experiments.comparison import experiment_table
from mmm_core.model.backend import get_backend, sampler_settings
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.experiments.confounded import CONFOUNDED, Confounded, confounded_panel

_LARGEST_GROWTH = 0.10


def _fit(panel: Confounded, use: str) -> Posterior:
    sections: dict[str, Any] = {
        "model": {"backend": "pymc", "fallback": "none"},
        "training": {"chains": 2, "tune": 300, "draws": 300, "seed": 5},
        "calibration": {"use": use},
    }
    config = Config.model_validate(sections)
    spec = calibrated_spec(build_spec(config, panel.data), panel.data, (panel.experiment,), config).spec
    return get_backend("pymc").sample(panel.data, spec, sampler_settings(config))


def _errors(posterior: Posterior, panel: Confounded) -> np.ndarray:
    """(M,) relative error of each channel's mean ROI."""
    return np.asarray(np.abs(posterior.stacked("roi_m").mean(axis=0) / panel.roi - 1))


@pytest.mark.slow
def test_one_lift_test_halves_the_error_of_the_confounded_channel_and_harms_no_other() -> None:
    panel = confounded_panel(seed=1)
    fits = {use: _fit(panel, use) for use in ("off", "prior", "likelihood")}
    errors = {use: _errors(fit, panel) for use, fit in fits.items()}
    assert errors["off"][CONFOUNDED] > 0.5
    others = np.arange(len(panel.roi)) != CONFOUNDED
    for use in ("prior", "likelihood"):
        assert errors[use][CONFOUNDED] < 0.5 * errors["off"][CONFOUNDED]
        assert (errors[use][others] - errors["off"][others]).max() < _LARGEST_GROWTH
    settings = Config().calibration
    distance = {use: experiment_table(fit, (panel.experiment,), settings) for use, fit in fits.items()}
    assert distance["likelihood"]["used_in_fit"].item()
    assert abs(distance["prior"]["z"].item()) < abs(distance["off"]["z"].item())
