"""The posterior that a refresh may start from: the stored one, if it passed its gate and is of the same model."""

import logging

from upath import UPath

from mmm_assets.io_managers import PosteriorIOManager
from mmm_assets.metadata import model_data_version
from mmm_assets.resources.project import Project
from mmm_core.errors import StorageError
from mmm_core.evaluation.convergence import check_convergence
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec


def last_accepted(project: Project, data: ModelData, spec: ModelSpec, log: logging.Logger) -> Posterior | None:
    """The stored posterior of the same model on other data; None (and a line in the log) otherwise.

    On the same data a fit starts cold, so that it gives the same draws again.
    """
    if not project.config.runtime.warm_start:
        return None
    manager = PosteriorIOManager(UPath(project.assets))
    path = manager.path_of("posterior")
    if not path.exists():
        return None
    try:
        stored = manager.stored(path, "posterior")
    except (StorageError, OSError, KeyError, ValueError) as error:
        log.info(f"Cold start: the stored posterior cannot be read ({error}).")
        return None
    checks = check_convergence(stored.diagnostics, project.config.complexity.identifiability)
    reason = _difference(stored.posterior, data, spec)
    if any(check.blocks for check in checks):
        reason = "the stored posterior did not pass its convergence gate"
    if reason is not None:
        log.info(f"Cold start: {reason}.")
        return None
    return stored.posterior  # type: ignore[no-any-return]


def _difference(posterior: Posterior, data: ModelData, spec: ModelSpec) -> str | None:
    """Why that posterior is no start for this fit."""
    if posterior.sampler is None:
        return f"the stored posterior is of backend {posterior.info.backend}, which keeps no state to start from"
    for what, old, new in (
        ("geos", posterior.data.geos, data.geos),
        ("channels", posterior.spec.channels, spec.channels),
        ("controls", posterior.spec.controls, spec.controls),
        ("model.family", (posterior.spec.family,), (spec.family,)),
    ):
        if old != new:
            return f"the stored posterior has {what} {', '.join(old)}, this model has {', '.join(new)}"
    if model_data_version(posterior.data) == model_data_version(data):
        return "the stored posterior is of the same data, so a fit is to repeat it"
    return None
