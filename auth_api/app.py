"""The application: everything wired together."""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from auth_api import problems, requests
from auth_api.middleware import EncodedSlashes, SafeHeaders
from auth_api.openapi import SECURITY_SCHEMES, keep_operations
from auth_api.reading import StrictRequest, refuse_invalid
from auth_api.schemas.service import Problem
from auth_api.services import EXTENSION, build
from auth_api.settings import Settings, load_all
from auth_api.views import (
    blocks,
    conversations,
    docs,
    export,
    groups,
    health,
    keys,
    me,
    messages,
    search,
    sessions,
    users,
)


class _Json(DefaultJSONProvider):
    """Writes JSON in a tenth of the time that the standard library takes: a page is some kilobytes of it."""

    def dumps(self, obj: object, **_: object) -> str:
        return orjson.dumps(obj).decode()

    def response(self, *args: object, **kwargs: object) -> Response:
        return Response(orjson.dumps(self._prepare_response_obj(args, kwargs)), mimetype=self.mimetype)


class _Api(OpenAPI):
    request_class = StrictRequest
    json_provider_class = _Json

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view as it is. None is asynchronous, and Flask would look whether it is at each call."""
        return func


class _Device(BaseConverter):
    """A device in a path. What is another path stays apart, or `Allow` would promise there what can be done here."""

    regex = r"(?!refresh$)[^/]+"


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application; opens no connection. Raises KeyFilesError; a bad setting ends the program."""
    settings = settings or load_all()
    app = _Api(
        "auth_api",
        info=Info(title="Nightjar", version="1", description="Accounts, sessions, MQTT credentials and history."),
        security_schemes=SECURITY_SCHEMES,
        validation_error_model=Problem,
        validation_error_callback=refuse_invalid,
        doc_ui=False,
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.body_bytes
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.url_map.converters["device"] = _Device
    app.extensions[EXTENSION] = build(settings)
    requests.install(app)
    problems.install(app)
    for resource in (users, sessions, me, export, blocks, groups, conversations, messages, search, keys, health):
        for api in resource.blueprints():
            keep_operations(app.paths, api.paths)
            app.register_api(api)
    docs.install(app, settings)
    app.wsgi_app = SafeHeaders(EncodedSlashes(app.wsgi_app))  # type: ignore[method-assign]  # how Flask takes middleware
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)  # type: ignore[method-assign]  # how Flask takes middleware
    return app
