"""The posterior that a refresh may start from: the last accepted fit, if it is of the same model on other data."""

import logging

from mmm_assets.accepted import current_accepted
from mmm_assets.metadata import model_data_version
from mmm_assets.resources.project import Project
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec


def last_accepted(project: Project, data: ModelData, spec: ModelSpec, log: logging.Logger) -> Posterior | None:
    """The last accepted fit, of the same model on other data; None (and a line in the log) otherwise.

    A fit that a verdict rejected is no start, however well its chains agree.  On the same data a fit starts cold,
    so that it gives the same draws again.
    """
    if not project.config.runtime.warm_start:
        return None
    before = current_accepted(project)
    if before is None:
        log.info("Cold start: there is no accepted fit to start from.")
        return None
    reason = _difference(before.posterior, data, spec)
    if reason is not None:
        log.info(f"Cold start: {reason}.")
        return None
    return before.posterior


def _difference(posterior: Posterior, data: ModelData, spec: ModelSpec) -> str | None:
    """Why that posterior is no start for this fit."""
    if posterior.sampler is None:
        return f"the last accepted fit is of backend {posterior.info.backend}, which keeps no state to start from"
    for what, old, new in (
        ("geos", posterior.data.geos, data.geos),
        ("channels", posterior.spec.channels, spec.channels),
        ("controls", posterior.spec.controls, spec.controls),
        ("model.family", (posterior.spec.family,), (spec.family,)),
    ):
        if old != new:
            return f"the last accepted fit has {what} {', '.join(old)}, this model has {', '.join(new)}"
    if model_data_version(posterior.data) == model_data_version(data):
        return "the last accepted fit is of the same data, so a fit is to repeat it"
    return None
