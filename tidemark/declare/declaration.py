"""What all models of `area.yml` and `project.yml` have in common."""

from pydantic import BaseModel, ConfigDict


class Declaration(BaseModel):
    """A frozen model; a key that it does not know is refused."""

    # A model that is only used in another one is built as a part of that one, and not for itself.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
