"""Every error as a problem answer: our own, HTTP's, and those nobody expected."""

import json
import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from auth_api.errors import PROBLEM_JSON, ApiError, problem
from auth_api.reading import drain

_LOG = logging.getLogger(__name__)
_DETAILS = {
    400: "The request is not as HTTP has it.",
    404: "There is nothing here.",
    405: "This cannot be done here; the header Allow names what can.",
    413: "The body is too long.",
}


def install(app: Flask) -> None:
    """Answer every error of an application with a problem."""
    app.register_error_handler(ApiError, _of_ours)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unexpected)


def _of_ours(error: ApiError) -> Response:
    if error.status == 500:
        return _unexpected(error)
    if error.status == 503 and not error.quiet:
        _LOG.warning("%s (%s)", error.detail, error.__cause__ or "no cause named")
    body = problem(error.status, error.title, error.detail, error.type, error.errors)
    return _answer(body, error.status, error.headers)


def _of_http(error: HTTPException) -> Response:
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        drain(request.environ["wsgi.input"])
    kept = {name: value for name, value in error.get_headers(request.environ) if name in {"Allow", "Retry-After"}}
    return _answer(problem(status, error.name, _DETAILS.get(status, error.name)), status, kept)


def _unexpected(error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(problem(500, "Internal Server Error", "The service has failed; its log says why."), 500, {})


def _answer(body: dict[str, object], status: int, headers: dict[str, str]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, headers, mimetype=PROBLEM_JSON)
