"""What every configuration section has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A closed, frozen group of keys: unknown keys are refused, values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, validate_default=True)
