"""What all models of `area.yml` and `project.yml` have in common."""

from pydantic import BaseModel, ConfigDict


class Declaration(BaseModel):
    """A frozen model; a key that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
