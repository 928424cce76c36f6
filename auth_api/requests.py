"""What happens around every view: who calls, what is refused before, what is added and logged after."""

import inspect
import logging
import time
from typing import Final

from flask import Flask, Response, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint

from auth_api.errors import UnauthenticatedError
from auth_api.logs import request_line
from auth_api.queries import sessions
from auth_api.queries.sessions import Caller
from auth_api.reading import check_query, refuse_too_large
from auth_api.services import services
from auth_api.tokens import AccessClaims, session_ended

_LOG = logging.getLogger("auth_api.request")
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_DOCS_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)
_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


def require_session(api: APIBlueprint) -> APIBlueprint:
    """Let only callers with an access token of a live session reach a blueprint's views."""
    api.before_request(_verify)
    api.before_request(_find_caller)
    api.before_request(_refuse_unknown_query)
    return api


def require_token(api: APIBlueprint) -> APIBlueprint:
    """Let only callers with a sound access token reach a blueprint's views.

    Whether its session lasts is for what they call to find out, in the same statement as all else.
    """
    api.before_request(_verify)
    api.before_request(_refuse_unknown_query)
    return api


def open_to_all(api: APIBlueprint) -> APIBlueprint:
    """Let anybody reach a blueprint's views."""
    api.before_request(_refuse_unknown_query)
    return api


def caller() -> Caller:
    """Return who calls."""
    found: Caller = g.caller
    return found


def claims() -> AccessClaims:
    """Return what the access token says."""
    found: AccessClaims = g.claims
    return found


def address() -> str:
    """Return the address that the request came from."""
    return request.remote_addr or "unknown"


def install(app: Flask) -> None:
    """Put the steps around every view of an application."""
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> None:
    g.began = time.perf_counter()
    refuse_too_large(request)


def _verify() -> None:
    if request.method == "OPTIONS":
        return
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("Send the access token in the header Authorization: Bearer …")
    g.claims = services().access_tokens.read(token.strip())


def _find_caller() -> None:
    if request.method == "OPTIONS":
        return
    with services().pool.reading() as cur:
        found = sessions.caller(cur, claims().device_id)
        if found is None or found.user.username != claims().username:
            raise session_ended()
        if not found.seen_lately:
            sessions.seen(cur, found.device_id)
    g.caller = found


def _refuse_unknown_query() -> None:
    if request.args and request.endpoint is not None:
        view = inspect.unwrap(current_app.view_functions[request.endpoint])
        model = view.__annotations__.get("query")
        known = frozenset(model.model_fields) if model is not None else frozenset[str]()
        check_query([name for name, _ in request.args.items(multi=True)], known)


def _finish(response: Response) -> Response:
    if request.method == "OPTIONS" and response.status_code == 200:
        response.status_code = 204
        response.headers.pop("Content-Type", None)
    docs = request.path == "/docs" or request.path.startswith("/docs/")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Content-Security-Policy"] = _DOCS_POLICY if docs else _POLICY
    response.headers.setdefault("Cache-Control", "no-store")
    _measure(response)
    return response


def _measure(response: Response) -> None:
    seconds = time.perf_counter() - g.began if "began" in g else 0.0
    route = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in _METHODS else "other"
    metrics = services().metrics
    metrics.requests.labels(method, route, str(response.status_code)).inc()
    metrics.seconds.labels(method, route).observe(seconds)
    level = logging.DEBUG if request.path in _QUIET else logging.INFO
    if _LOG.isEnabledFor(level):
        _LOG.log(level, request_line(request.method, request.path, response.status_code, seconds, address()))


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
