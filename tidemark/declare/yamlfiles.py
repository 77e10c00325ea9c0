"""Read a YAML file into a pydantic model; an error names the file, the key and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, Tag, ValidationError

from tidemark.errors import ConfigError, did_you_mean

T = TypeVar("T", bound=BaseModel)

_Error = Mapping[str, Any]
"""What pydantic says of one key."""

_MISSPELT = "extra_forbidden"
_TRUTH = "tag:yaml.org,2002:bool"

KIND = "~"
"""First character of the tags of values that may be of several kinds. They are no keys of the file,
though pydantic says them like keys."""


def parsed(path: Path, where: str) -> Any:
    """Read a file as YAML; None for an empty one. ConfigError says `where` it can't be read."""
    return loaded(path.read_text("utf-8"), where)


def loaded(text: str, where: str) -> Any:
    """Read a text as YAML; see `parsed`."""
    try:
        return yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise ConfigError(f"{where}: not readable as YAML: {said}") from None


@cache
def _loader() -> Any:
    """Return a loader for which only `true` and `false` are truth values, as in YAML 1.2.

    In YAML 1.1 `on` is one as well, and so would be the key `on` of a check, and the country NO.
    """
    resolvers = {
        first: [(tag, spelled) for tag, spelled in known if tag != _TRUTH]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})
    loader.add_implicit_resolver(
        _TRUTH, re.compile(r"(?:true|false)\Z", re.IGNORECASE), list("tTfF")
    )
    return loader


def validated(declared: object, where: str, model: type[T]) -> T:
    """Make a model of what was read; ConfigError names each key that is wrong."""
    try:
        return model.model_validate(declared)
    except ValidationError as error:
        raise ConfigError(_explained(where, error, model)) from None


def _explained(where: str, error: ValidationError, root: type[BaseModel]) -> str:
    """Say all that is wrong, a line for each key, misspelt ones first."""
    found = sorted(error.errors(), key=lambda one: one["type"] != _MISSPELT)
    told = [one for one in found if not _follows(one, found)]
    return "\n".join(f"{where}: {_said(one, root)}" for one in told)


def _follows(one: _Error, found: Sequence[_Error]) -> bool:
    """Whether an error follows from another: a name is a key of the file, and was told there.

    The key that a misspelt one was meant to be is missing, which is no second fault either.
    """
    *parents, last = one["loc"] or ("the file",)
    if _is_handed_down(one, found):
        return True
    beside = [other for other in found if [*other["loc"][:-1]] == parents and other["loc"]]
    if one["type"] == "missing":
        misspelt = [str(other["loc"][-1]) for other in beside if other["type"] == _MISSPELT]
        return bool(did_you_mean(str(last), misspelt))
    return last == "name" and any(other["loc"][-1] == "[key]" for other in beside)


def _is_handed_down(one: _Error, found: Sequence[_Error]) -> bool:
    """Whether an entity has from its source what is wrong: it was told there."""
    if one["loc"][:1] != ("entities",):
        return False
    above = [other for other in found if other["loc"][:1] == ("source",)]
    return any((other["loc"][-1], other["msg"]) == (one["loc"][-1], one["msg"]) for other in above)


def _said(one: _Error, root: type[BaseModel]) -> str:
    named = [str(part) for part in one["loc"] if not str(part).startswith(KIND)]
    place = ".".join(named) or "the file"
    if one["type"] == _MISSPELT:
        fields = _model_at(one["loc"][:-1], root).model_fields
        known = [field.alias or name for name, field in fields.items()]
        hint = did_you_mean(str(one["loc"][-1]), known) or f"Known: {', '.join(known)}."
        return f"{place}: unknown key. {hint}"
    if one["type"] == "missing":
        return f"{place} is missing. Add it."
    reason = one["msg"].removeprefix("Value error, ").rstrip(".")
    reason = reason.replace("Tuple", "List").replace("valid tuple", "list")
    return f"{place}: {reason}{'' if reason.endswith('?') else '.'}"


def _model_at(location: tuple[int | str, ...], root: type[BaseModel]) -> type[BaseModel]:
    """Find the model that declares the keys at a place of the file."""
    model, parts = root, iter(location)
    annotation: object = root
    for part in parts:
        if str(part).startswith(KIND):
            annotation = _of_kind(annotation, str(part)) or annotation
        else:
            annotation = model.model_fields[str(part)].annotation
        model = _model_in(annotation) or model
        if get_origin(annotation) in (Mapping, tuple):
            next(parts, None)  # A name, or a position, of the user's own.
    return model


def _of_kind(annotation: object, kind: str) -> object | None:
    """Find the one of several kinds that has this tag."""
    if any(isinstance(one, Tag) and one.tag == kind for one in get_args(annotation)):
        return annotation
    return next(filter(None, (_of_kind(one, kind) for one in get_args(annotation))), None)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
