"""Read a YAML file into a pydantic model; an error names the file, the key and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from tidemark.errors import ConfigError

T = TypeVar("T", bound=BaseModel)


def parsed(path: Path, where: str) -> Any:
    """Read a file as YAML; None for an empty one. ConfigError says `where` it can't be read."""
    return loaded(path.read_text("utf-8"), where)


def loaded(text: str, where: str) -> Any:
    """Read a text as YAML; see `parsed`."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise ConfigError(f"{where}: not readable as YAML: {said}") from None


def validated(declared: object, where: str, model: type[T]) -> T:
    """Make a model of what was read; ConfigError names the first key that is wrong."""
    try:
        return model.model_validate(declared)
    except ValidationError as error:
        raise ConfigError(_explained(where, error, model)) from None


def _explained(where: str, error: ValidationError, root: type[BaseModel]) -> str:
    # A misspelt key comes first. The key that was meant is missing then, which is no second fault.
    first, *others = sorted(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        fields = _model_at(first["loc"][:-1], root).model_fields
        known = [field.alias or name for name, field in fields.items()]
        nearest = get_close_matches(key, known, n=1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Known: {', '.join(known)}."
        message = f"{where}: {place}: unknown key. {hint}"
    elif first["type"] == "missing":
        message = f"{where}: {place} is missing. Add it."
    else:
        reason = first["msg"].removeprefix("Value error, ").rstrip(".")
        reason = reason.replace("Tuple", "List").replace("valid tuple", "list")
        message = f"{where}: {place}: {reason}."
    return message + (f" ({len(others)} more like it.)" if others else "")


def _model_at(location: tuple[int | str, ...], root: type[BaseModel]) -> type[BaseModel]:
    """Find the model that declares the keys at a place of the file."""
    model, parts = root, iter(location)
    for part in parts:
        annotation = model.model_fields[str(part)].annotation
        model = _model_in(annotation) or model
        if get_origin(annotation) in (Mapping, tuple):
            next(parts, None)  # A name, or a position, of the user's own.
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
