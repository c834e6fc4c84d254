"""Section `promotion`: which fits become versions of the model, and when a new one takes over."""

from typing import Annotated

from pydantic import Field, StringConstraints

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name

ModelName = Annotated[str, StringConstraints(pattern=r"^[^/:\s][^/:]*$")]


class PromotionConfig(Section):
    """Versions of the model in MLflow's registry: see docs/promotion.md."""

    enabled: bool = True
    """Register every accepted fit as a version."""
    automatic: bool = True
    """A newer version becomes the champion by itself, once it is accepted and passes `must_pass`; false: it stays
    a challenger until `mmm promote`.  The first accepted fit is the champion in any case."""
    model_name: ModelName | None = None
    """Name in the registry; null: `project.name`."""
    must_pass: tuple[Name, ...] = ("refresh_roi", "refresh_contribution", "refresh_surprise", "excluded_geos")
    """Checks of a fit that a version has to pass, warnings included, before it is promoted by itself: by default
    those against the last accepted fit, and that no geo is left out (`data.on_bad_geo: exclude`)."""
    draws: int | None = Field(1000, ge=100)
    """Draws that the served model keeps, of all chains together; null: all."""
