"""The service as a web application: routes, and what each of them reads and answers.

Bodies and parameters are read here and not by FastAPI, which takes `0` for a time and reads JSON
that loses digits. FastAPI routes, and makes the description of the routes (`describing`).
"""

# FastAPI reads the annotations of what it calls, so they are no texts here. It is in an extra, so
# it is imported when a service is made.
import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from tidemark.api import bodies, describing, keys, problems
from tidemark.api.answers import Question
from tidemark.api.intake import Result
from tidemark.api.kinds import Kind
from tidemark.api.metrics import Counted
from tidemark.api.problems import Problem
from tidemark.api.service import Service
from tidemark.errors import TidemarkError
from tidemark.results import as_json

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

_MOST_OF_AN_ID = 200
_ONCE = ("Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key")
"""Headers that a request may have once."""


def build(service: Service) -> "FastAPI":
    """Make the application of a service."""
    from fastapi_offline import FastAPIOffline

    app = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        static_url="/docs/static",
        title="Tidemark",
        version=describing.version(),
        description=describing.ABOUT,
        swagger_ui_parameters={"validatorUrl": None, "tryItOutEnabled": False},
    )
    app.add_middleware(Counted, metrics=service.metrics)
    _add_problems(app)
    for kind in service.kinds:
        if kind.path:
            _add_kind(app, service, kind)
    _add_events(app, service)
    for question in service.questions:
        _add_question(app, service, question)
    _add_health(app, service)
    describing.complete(app, service)
    return app


def _add_problems(app: "FastAPI") -> None:
    """Let all that goes wrong be told as a problem."""
    from fastapi import Request, Response

    def told(problem: Problem) -> Response:
        headers = dict(problem.headers)
        return Response(problem.body, problem.status, headers, problems.MEDIA_TYPE)

    async def of_problem(_: Request, error: Any) -> Response:
        return told(error)

    async def of_error(_: Request, error: Any) -> Response:
        describing.log.warning("%s", error)
        return told(problems.of_error(error))

    async def of_status(_: Request, error: Any) -> Response:
        detail = {404: "There is nothing at this address.", 405: "Another method is needed."}
        headers = getattr(error, "headers", None) or {}
        status = getattr(error, "status_code", 500)
        return told(Problem(status, detail.get(status, "The service failed."), headers=headers))

    app.add_exception_handler(Problem, of_problem)
    app.add_exception_handler(TidemarkError, of_error)
    for status in (404, 405, 500):
        app.add_exception_handler(status, of_status)


def _add_kind(app: "FastAPI", service: Service, kind: Kind) -> None:
    from fastapi import Request, Response

    async def post(request: Request) -> Response:
        intake = service.intake
        with intake.counting(kind):
            key = _key(request)
            body = await _body(request, service)
            event_id = request.headers.get("idempotency-key")
            event_id = str(uuid4()) if event_id is None else event_id.strip(" \t")
            result = await _in_thread(intake.one, key, kind, event_id, body)
            where = f"/v1/events/{quote(result.event_id, safe='')}?area={kind.area}"
            return _json(_shown(result), 202, {"Location": where})

    app.add_api_route(f"/v1/{kind.path}", post, methods=["POST"], **describing.of_kind(kind))


def _add_events(app: "FastAPI", service: Service) -> None:
    from fastapi import Request, Response

    async def post_events(request: Request) -> Response:
        intake = service.intake
        with intake.counting(None):
            key = _key(request)
            body = await _body(request, service)
            results = await _in_thread(intake.several, key, body)
            is_kept = all(one.status in {"stored", "repeated"} for one in results)
            return _json({"events": [_shown(one) for one in results]}, 202 if is_kept else 207)

    async def get_event(request: Request) -> Response:
        key, event_id = _key(request), str(request.path_params["event_id"])
        given = request.query_params.multi_items()
        if [name for name, _ in given] not in ([], ["area"]):
            raise Problem(422, "Give no other parameters than `area`, and that once.")
        area = given[0][1] if given else None
        if len(event_id) > _MOST_OF_AN_ID or not event_id.isprintable():
            raise Problem(404, "No event has such an id.")
        state = await _in_thread(service.state, key, area, event_id)
        return _answered(as_json(state))

    app.add_api_route("/v1/events", post_events, methods=["POST"], **describing.of_events(service))
    app.add_api_route(
        "/v1/events/{event_id:path}", get_event, methods=["GET"], **describing.of_state(service)
    )


def _add_question(app: "FastAPI", service: Service, question: Question) -> None:
    from fastapi import Request, Response

    async def get(request: Request) -> Response:
        key = _key(request)
        given = [(name, str(text)) for name, text in request.path_params.items()]
        given += request.query_params.multi_items()
        return _answered(await _in_thread(service.answer, key, question, given))

    app.add_api_route(
        f"/v1/{question.route}", get, methods=["GET"], **describing.of_question(question)
    )


def _add_health(app: "FastAPI", service: Service) -> None:
    from fastapi import Response

    async def health() -> Response:
        return _json({"status": "alive"})

    async def ready() -> Response:
        await _in_thread(service.refuse_unready)
        return _json({"status": "ready"})

    async def metrics() -> Response:
        text, media_type = await _in_thread(service.measured)
        return Response(text, media_type=media_type)

    app.add_api_route("/health", health, methods=["GET"], **describing.of_health())
    app.add_api_route("/ready", ready, methods=["GET"], **describing.of_ready())
    app.add_api_route("/metrics", metrics, methods=["GET"], **describing.of_metrics())


def _key(request: "Request") -> str:
    """Return what looks like a key of a request.

    Raises:
        Problem: there is none; or a header is there twice, of which each reader may take another.
    """
    for name in _ONCE:
        if len(request.headers.getlist(name)) > 1:
            raise Problem(400, f"The header {name} is there twice.")
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not keys.is_one(key.strip()):
        raise problems.unauthorized()
    return key.strip()


async def _body(request: "Request", service: Service) -> bytes:
    return await bodies.read(request.receive, request.headers, service.settings.largest)


async def _in_thread(do: Callable[..., Any], *args: Any) -> Any:
    from fastapi.concurrency import run_in_threadpool

    return await run_in_threadpool(do, *args)


def _shown(result: Result) -> dict[str, Any]:
    shown = dataclasses.asdict(result)
    if not result.reasons:
        del shown["reasons"]
    return shown


def _json(value: object, status: int = 200, headers: Any = None) -> "Response":
    return _answered(json.dumps(value), status, headers)


def _answered(text: str, status: int = 200, headers: Any = None) -> "Response":
    from fastapi import Response

    return Response(text, status, headers, "application/json")
