"""The console as a web application: its routes, who is let in, and the headers of each answer.

Only login and logout take anything but GET, and nothing that is typed reaches a statement but as a
bound parameter.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tidemark import logs
from tidemark.console import (
    alerts,
    area,
    batch,
    batches,
    checks,
    entity,
    fact,
    key,
    overview,
    refusals,
    shown,
)
from tidemark.console.access import Level
from tidemark.console.console import Console
from tidemark.console.logins import Login
from tidemark.console.page import UTC, Asked, Page, Refused
from tidemark.errors import ConnectError, TidemarkError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

log = logs.named(__name__)

Show = Callable[[Asked], Page]
Endpoint = Callable[["Request"], Any]

_ENTITY = "/areas/{area}/entities/{entity}"
PAGES: Iterable[tuple[str, Show, Level]] = (
    ("/", overview.show, "monitor"),
    ("/areas/{area}", area.show, "monitor"),
    ("/areas/{area}/batches", batches.show, "monitor"),
    ("/batches/{batch}", batch.show, "monitor"),
    (_ENTITY, entity.show, "monitor"),
    (f"{_ENTITY}/keys", key.show, "analyst"),
    (f"{_ENTITY}/facts", fact.show, "analyst"),
    ("/rejects", refusals.show, "monitor"),
    ("/checks", checks.show, "monitor"),
    ("/alerts", alerts.show, "monitor"),
)
"""Path, what shows it, and the level that it needs."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # A key may stand in the address of a page.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STATIC = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "key.js": "text/javascript",
}
_REFRESH = "x-refresh"
"""Header of a page that refreshes itself (console.js)."""
_COOKIE = "tidemark_console"
_FORM_COOKIE = "tidemark_form"
"""Of a form that somebody sees who is nobody yet."""
_LARGEST = 4_096
"""Bytes of a form."""
_WRONG = "This name and password are not let in here, or were tried too often. Try again later."
"""One text for whatever was wrong."""


def build(console: Console, hosts: Iterable[str], *, is_encrypted: bool = False) -> Starlette:
    """Make the application of a console.

    Args:
        console: entered by the caller.
        hosts: names under which people reach it; others are refused (DNS rebinding).
        is_encrypted: whether all requests come by TLS.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    doors = _Doors(console, is_encrypted=is_encrypted)
    return Starlette(
        routes=[
            Route("/login", doors.ask, methods=["GET"]),
            Route("/login", doors.log_in, methods=["POST"]),
            Route("/logout", doors.log_out, methods=["POST"]),
            Route("/static/{name}", _static(), methods=["GET"]),
            *(Route(path, _page(console, show, level)) for path, show, level in PAGES),
        ],
        middleware=[
            Middleware(BaseHTTPMiddleware, dispatch=_with_headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=[*hosts]),
        ],
        exception_handlers=dict.fromkeys((404, 405, 500), _told),
    )


async def _with_headers(request: Request, call: Any) -> Response:
    answer: Response = await call(request)
    answer.headers.update(HEADERS)
    return answer


def _static() -> Endpoint:
    from starlette.responses import Response

    folder = files("tidemark.console").joinpath("static")
    contents = {name: folder.joinpath(name).read_bytes() for name in _STATIC}

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in contents:
            return _refusal(Refused(404, "There is nothing at this address."), None)
        return Response(contents[name], media_type=_STATIC[name])

    return static


def _page(console: Console, show: Show, level: Level) -> Endpoint:
    from starlette.responses import RedirectResponse

    # No coroutine, so that it is called in a thread: it waits for servers.
    def answer(request: Request) -> Response:
        login = None
        try:
            is_person = _REFRESH not in request.headers
            login = console.logins.find(request.cookies.get(_COOKIE, ""), is_person=is_person)
            if login is None:
                return RedirectResponse(shown.link("/login", UTC, to=_place(request)), 303)
            with console.reading(login.access.level) as servers:
                path = {name: str(text) for name, text in request.path_params.items()}
                asked = Asked(console.areas, servers, login.access, path, _query(request))
                asked.require(level, "This page")
                return _shown(show(asked), asked, login, _place(request))
        except Refused as refused:
            return _refusal(refused, login)
        except TidemarkError as error:
            return _failure(error, login)

    return answer


class _Doors:
    """How somebody comes in, and goes out."""

    def __init__(self, console: Console, *, is_encrypted: bool) -> None:
        self._console, self._is_encrypted = console, is_encrypted

    async def ask(self, request: Request) -> Response:
        return self._form(request, request.query_params.get("to", "/"))

    async def log_in(self, request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        form = await _form_of(request)
        to = form.get("to", "/")
        given = request.cookies.get(_FORM_COOKIE, "")
        if not given or not secrets.compare_digest(given, form.get("form", "")):
            return self._form(request, to, "The form was too old. Try again.", 403)
        name, address = form.get("name", ""), request.client.host if request.client else ""
        token = None
        try:
            if self._console.attempts.take(name=name, address=address):
                token = await run_in_threadpool(self._begin, name, form.pop("password", ""))
        except ConnectError as error:
            log.warning("%s", error)
            return self._form(request, to, "The DWH can't be asked now. Try again later.", 503)
        if token is None:
            log.warning("a login was refused")
            return self._form(request, to, _WRONG, 403)
        answer = RedirectResponse(_inside(to), 303)
        self._set(answer, request, _COOKIE, token)
        answer.delete_cookie(_FORM_COOKIE)
        return answer

    def _begin(self, name: str, password: str) -> str | None:
        access = self._console.admit(name, password)
        return self._console.logins.begin(access) if access else None

    async def log_out(self, request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        form, token = await _form_of(request), request.cookies.get(_COOKIE, "")
        try:
            login = await run_in_threadpool(self._console.logins.find, token)
        except TidemarkError:
            login = None  # whoever it is wants to leave
            self._console.logins.end(token)
        if login and not secrets.compare_digest(login.form_token, form.get("form", "")):
            return _refusal(Refused(403, "This form is not one of yours. Log out here."), login)
        self._console.logins.end(token)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(_COOKIE)
        return answer

    def _form(self, request: Request, to: str, wrong: str = "", status: int = 200) -> Response:
        from starlette.responses import HTMLResponse

        token = secrets.token_urlsafe(32)
        values = {"title": "Log in", "to": _inside(to), "form": token, "wrong": wrong}
        answer = HTMLResponse(shown.page("login.html", {**values, "login": None}, UTC), status)
        self._set(answer, request, _FORM_COOKIE, token)
        return answer

    def _set(self, answer: Response, request: Request, name: str, token: str) -> None:
        forwarded = request.headers.get("x-forwarded-proto", "") == "https"
        answer.set_cookie(
            name,
            token,
            httponly=True,
            samesite="lax",
            secure=self._is_encrypted or forwarded,
            path="/",
        )


def _shown(page: Page, asked: Asked, login: Login, place: str) -> Response:
    from starlette.responses import HTMLResponse

    values = {"title": page.title, "login": login, "place": place, **page.values}
    return HTMLResponse(shown.page(page.template, values, asked.zone), page.status)


async def _told(_: Request, error: Any) -> Response:
    status = getattr(error, "status_code", 500)
    told = {404: "There is nothing at this address.", 405: "This address is for reading."}
    return _refusal(Refused(status, told.get(status, "The console failed; see its log.")), None)


def _failure(error: TidemarkError, login: Login | None) -> Response:
    log.warning("%s", error, extra=logs.fields(**logs.of_error(error)))
    is_away = isinstance(error, ConnectError)
    message = "A server is away. This page comes back with it." if is_away else str(error)
    return _refusal(Refused(503 if is_away else 500, message), login)


def _refusal(refused: Refused, login: Login | None) -> Response:
    from starlette.responses import HTMLResponse

    values = {
        "title": "Not shown",
        "message": refused.message,
        "comes_back": refused.status == 503,
        "login": login,
        "place": "",
    }
    return HTMLResponse(shown.page("refused.html", values, UTC), refused.status)


def _query(request: Request) -> dict[str, list[str]]:
    """Return what stands behind the `?`; what is empty is not given."""
    if any("\0" in text for pair in request.query_params.multi_items() for text in pair):
        raise Refused(400, "A parameter has a zero byte, which PostgreSQL keeps nowhere.")
    found = {name: request.query_params.getlist(name) for name in request.query_params}
    return {name: given for name, given in found.items() if any(given)}


def _place(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _inside(to: str) -> str:
    """Return an address of this console: whoever made the link may have put another one there."""
    is_own = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if is_own else "/"


async def _form_of(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            return {}
    try:
        read = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in read.items()}
