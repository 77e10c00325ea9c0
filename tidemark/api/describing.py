"""What the service's routes take and answer, as OpenAPI describes it for people and programs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from tidemark.api import problems
from tidemark.api.answers import Question
from tidemark.api.intake import AT_ONCE, Entries, Result
from tidemark.api.kinds import EVENT_ID, Kind
from tidemark.api.state import State
from tidemark.declare import payload

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tidemark.api.service import Service

log = logging.getLogger(__name__)

ABOUT = f"""Post events, ask what became of them, and read answers from the star.

**202 means that the event is committed.** The same event may be posted any number of times: it is
kept once. Its id is in the header `Idempotency-Key`, or is made and told. Another event with the
same id gets 409. After a 503, a 429 or no answer at all, post it again with the same id.
`/v1/events` takes up to {AT_ONCE:,} events of any kinds.

Each request names a key: `Authorization: Bearer tm_…` (`tidemark keys create`).
"""

_JSON = "application/json"
_REASONS = {
    400: "The body is no JSON in UTF-8, or a header is there twice",
    401: "No key that is in force",
    403: "The key may not do this",
    404: "There is no such thing",
    408: "The body did not come in time",
    409: "There is another event with this id",
    413: "The body is too large",
    415: "The body is no JSON by its header",
    422: "Something is not as it is described here; `errors` names the fields",
    429: "The key makes too many requests; Retry-After says when to try again",
    503: "PostgreSQL can't do it now; Retry-After says when to try again",
}
_OF_ALL = (400, 401, 429, 503)
_OF_BODIES = (403, 408, 413, 415, 422)

Route = dict[str, Any]
"""What `add_api_route` is told of a route."""


def version() -> str:
    """Return the version of this package."""
    return metadata.version("tidemark")


def of_kind(kind: Kind) -> Route:
    """Describe where events of a kind are posted."""
    schema = kind.model.model_json_schema()
    header = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The id of the event; without one it gets a UUID.",
        "schema": {"type": "string", "pattern": EVENT_ID},
    }
    return {
        **_route(
            f"Post an event {kind.name}",
            kind.declared.description,
            (*_OF_ALL, *_OF_BODIES, 409),
            {202: ("The event is committed", _ref("Result"))},
        ),
        "tags": [kind.area],
        "operation_id": f"post_{kind.area}_{kind.name}",
        "openapi_extra": {
            **_secured(),
            "parameters": [header],
            **_body(schema, kind.example),
        },
    }


def of_events(service: Service) -> Route:
    """Describe where events of any kinds are posted."""
    events = [
        {"kind": kind.name, "event_id": f"order-17-{number}", "payload": kind.example}
        for number, kind in enumerate(service.kinds, 1)
        if kind.example
    ]
    results = {
        "type": "object",
        "required": ["events"],
        "properties": {"events": {"type": "array", "items": _ref("Result")}},
    }
    known = "\n".join(f"- `{one.name}` of {one.area}" for one in service.kinds)
    return {
        **_route(
            "Post events of any kinds",
            f"Those that can be kept are kept in one commit. There are these kinds:\n\n{known}",
            (*_OF_ALL, *_OF_BODIES),
            {
                202: ("All events are committed", results),
                207: ("Some events are not kept; those that are stored are committed", results),
            },
        ),
        "tags": ["events"],
        "operation_id": "post_events",
        "openapi_extra": {
            **_secured(),
            **_body(_ref("Entries"), {"events": events} if events else None),
        },
    }


def of_state(service: Service) -> Route:
    """Describe where it is told what became of an event."""
    return {
        **_route(
            "Tell what became of an event",
            "`received`: it waits for a batch. `taken`: a batch is under way with it. `loaded`: it "
            "is in the star. `refused`: it is not, and why.",
            (*_OF_ALL, 404, 422),
            {200: ("The event", _ref("State"))},
        ),
        "tags": ["events"],
        "operation_id": "get_event",
        "openapi_extra": {
            **_secured(),
            "parameters": [
                _parameter("event_id", "path", {"type": "string", "pattern": EVENT_ID}),
                {
                    **_parameter("area", "query", {"enum": service.kinds.areas}, required=False),
                    "description": "Needed where several areas have an event with this id.",
                },
            ],
        },
    }


def of_question(question: Question) -> Route:
    """Describe where a question is answered."""
    declared = question.declared
    in_path = declared.in_path(question.path)
    parameters = []
    for name, one in declared.parameters.items():
        told = _parameter(
            name,
            "path" if name in in_path else "query",
            _of_address(payload.schema(one.model_copy(update={"required": True}))),
            required=one.required,
        )
        about = {"description": one.description} if one.description else {}
        example = {} if one.example is None else {"example": one.example}
        parameters.append({**told, **about, **example})
    return {
        **_route(
            f"Ask for {question.path}",
            declared.description,
            (*_OF_ALL, 403, 404, 422),
            {200: ("The answer", {})},
        ),
        "tags": [question.area],
        "operation_id": f"get_{question.area}_{declared.function}",
        "openapi_extra": {**_secured(), "parameters": parameters},
    }


def of_health() -> Route:
    """Describe where it is told that the process lives."""
    return _own("Tell that the process lives", "health", {"status": {"const": "alive"}})


def of_ready() -> Route:
    """Describe where it is told that events can be taken."""
    return _own("Tell whether events can be taken", "ready", {"status": {"const": "ready"}}, 503)


def of_metrics() -> Route:
    """Describe where a monitoring system reads."""
    found = _route("Tell metrics, for Prometheus", "", (), {})
    found["responses"] = {200: {"description": "Metrics", "content": {"text/plain": {}}}}
    from fastapi.responses import PlainTextResponse

    return {**found, "response_class": PlainTextResponse, "tags": ["service"]}


def complete(app: FastAPI, service: Service) -> None:
    """Add to what FastAPI describes: schemas that routes refer to, and the keys."""
    entries = Entries.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions = entries.pop("$defs")
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            components = document.setdefault("components", {})
            components["schemas"] = {
                **components.get("schemas", {}),
                **definitions,
                "Entries": entries,
                "Result": _schema_of(Result),
                "State": _schema_of(State),
                "Problem": dict(problems.SCHEMA),
            }
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        return app.openapi_schema or document

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's manual says


def _route(
    summary: str,
    description: str,
    statuses: Sequence[int],
    answers: Mapping[int, tuple[str, Mapping[str, Any]]],
) -> Route:
    responses: dict[int, Any] = {
        status: {"description": told, "content": {_JSON: {"schema": dict(schema)}}}
        for status, (told, schema) in answers.items()
    }
    for status in sorted(statuses):
        content = {problems.MEDIA_TYPE: {"schema": _ref("Problem")}}
        responses[status] = {"description": _REASONS[status], "content": content}
    return {
        "summary": summary,
        "description": description,
        "responses": responses,
        "response_model": None,
        **({"status_code": min(answers)} if answers else {}),
    }


def _own(summary: str, name: str, properties: Mapping[str, Any], *statuses: int) -> Route:
    schema = {"type": "object", "required": [*properties], "properties": dict(properties)}
    told = _route(summary, "", statuses, {200: ("So it is", schema)})
    return {**told, "tags": ["service"], "operation_id": name}


def _secured() -> Route:
    return {"security": [{"key": []}]}


def _body(schema: Mapping[str, Any], example: Mapping[str, Any] | None) -> Route:
    content = {"schema": dict(schema), **({"example": dict(example)} if example else {})}
    return {"requestBody": {"required": True, "content": {_JSON: content}}}


def _parameter(name: str, place: str, schema: Mapping[str, Any], *, required: bool = True) -> Route:
    return {"name": name, "in": place, "required": required, "schema": dict(schema)}


def _of_address(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out of a path what no path can have."""
    return {"minLength": 1, **schema} if schema.get("type") == "string" else schema


def _ref(name: str) -> Route:
    return {"$ref": f"#/components/schemas/{name}"}


def _schema_of(value: type) -> Route:
    found = TypeAdapter(value).json_schema()
    for name, one in found.pop("$defs", {}).items():
        found["properties"]["reasons"]["items"] = one
        found["properties"]["reasons"]["items"].setdefault("title", name)
    return found
