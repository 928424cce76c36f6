"""`/openapi.json`, and `/docs`: a page that shows it, from the package's own files."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

from flask import Response, send_from_directory
from flask_openapi3.openapi import OpenAPI

from auth_api.openapi import complete
from auth_api.settings import Settings

_ASSETS: Final = {
    "swagger-ui.css": "css/swagger-ui.css",
    "swagger-ui-bundle.js": "js/swagger-ui-bundle.js",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Nightjar API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});
"""


def install(app: OpenAPI, settings: Settings) -> None:
    """Serve the specification and the page."""
    complete(app.api_doc, settings)
    specification = app.json.dumps(app.api_doc)
    folder = Path(str(files("flask_openapi3_swagger"))) / "templates" / "swagger"
    app.add_url_rule("/openapi.json", "openapi", lambda: Response(specification, mimetype="application/json"))
    app.add_url_rule("/docs", "docs", lambda: Response(_PAGE, mimetype="text/html"))
    app.add_url_rule("/docs/start.js", "docs_start", lambda: Response(_START, mimetype="text/javascript"))
    for name, path in _ASSETS.items():
        app.add_url_rule(f"/docs/{name}", name.replace(".", "_"), _sender(folder, path))


def _sender(folder: Path, path: str) -> Callable[[], Response]:
    def send() -> Response:
        return send_from_directory(folder, path, max_age=3600)

    return send
