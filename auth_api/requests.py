"""What happens around every view: who calls, what is refused before, what is added and logged after."""

import inspect
import logging
import time
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Final, TypeVar

from flask import Flask, Request, Response, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import ValidationError

from auth_api.errors import UnauthenticatedError
from auth_api.logs import request_line
from auth_api.queries import sessions
from auth_api.queries.sessions import Caller
from auth_api.reading import check_query, refuse_invalid, refuse_too_large
from auth_api.schemas.types import Model
from auth_api.services import services
from auth_api.tokens import AccessClaims, session_ended

T = TypeVar("T")
_LOG = logging.getLogger("auth_api.request")
_UNKNOWN: Final = "unknown"
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})


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


def quick(view: Callable[..., T]) -> Callable[..., T]:
    """Let a view that is called often have its path and query parsed here, in a third of the library's time.

    A query that is empty, as most are, is parsed once for all.
    """
    path_model: type[Model] | None = view.__annotations__.get("path")
    query_model: type[Model] | None = view.__annotations__.get("query")
    unasked = _parsed(query_model, {}) if query_model is not None and _may_be_empty(query_model) else None

    @wraps(view)
    def parse_and_call(**names: str) -> T:
        given: dict[str, object] = {}
        if path_model is not None:
            given["path"] = _parsed(path_model, names)
        if query_model is not None:
            is_empty = unasked is not None and not request.query_string
            given["query"] = unasked if is_empty else _parsed(query_model, request.args.to_dict())
        return view(**given)

    parse_and_call.__delay_validate_request__ = True  # type: ignore[attr-defined]  # what the library's own decorator sets
    return parse_and_call


def _may_be_empty(model: type[Model]) -> bool:
    return not any(field.is_required() for field in model.model_fields.values())


def _parsed(model: type[Model], given: Mapping[str, str]) -> Model:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        refuse_invalid(error)


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
    return request.remote_addr or _UNKNOWN


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
        known = _known_query(current_app.view_functions[request.endpoint])
        check_query([name for name, _ in request.args.items(multi=True)], known)


@cache
def _known_query(view: Callable[..., object]) -> frozenset[str]:
    model = inspect.unwrap(view).__annotations__.get("query")
    fields = model.model_fields if model is not None else {}
    return frozenset(field.alias or name for name, field in fields.items())


def _finish(response: Response) -> Response:
    asked = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # so named, and public in Flask
    if asked.method == "OPTIONS" and response.status_code == 200:
        response.status_code = 204
        response.headers.pop("Content-Type", None)
    _measure(asked, response.status_code)
    return response


def _measure(asked: Request, status: int) -> None:
    began = g.get("began")
    seconds = time.perf_counter() - began if began is not None else 0.0
    route = asked.url_rule.rule if asked.url_rule else "none"
    method = asked.method if asked.method in _METHODS else "other"
    services().metrics.answered(method, route, status, seconds)
    level = logging.DEBUG if asked.path in _QUIET else logging.INFO
    if _LOG.isEnabledFor(level):
        _LOG.log(level, request_line(asked.method, asked.path, status, seconds, asked.remote_addr or _UNKNOWN))


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
