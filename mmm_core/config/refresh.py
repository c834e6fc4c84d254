"""Section `refresh`: what a refit takes over from the last accepted fit, and when a change counts."""

from pydantic import Field

from mmm_core.config.base import Section


class RefreshConfig(Section):
    """A fit to a few more weeks: see docs/refresh.md."""

    fixed_scaling: bool = True
    """Scaling constants, and the dates of knots while `model.knots` is the same, are those of the last accepted
    fit, so that numbers of old weeks do not move because the constants did."""
    max_scale_change: float = Field(0.25, gt=0, le=1)
    """How far today's data may lie from these constants, as a fraction (of a standard deviation for means), before
    all of them are renewed."""
    certainty: float = Field(0.95, gt=0.5, lt=1)
    """Probability from which a change of a posterior mean counts as more than noise of the sampler."""
