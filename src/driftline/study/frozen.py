"""What all parts of ``study.json`` have in common."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A part of a result: never changed, finite numbers, no unknown fields."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, extra="forbid")
