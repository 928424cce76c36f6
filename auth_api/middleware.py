"""What is done around the application for every request, below Flask: paths as they were sent, and headers."""

import re
from typing import Any, Final
from urllib.parse import unquote_to_bytes

_ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)
_ALWAYS: Final = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
_POLICY: Final = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
_DOCS_POLICY: Final = (
    "Content-Security-Policy",
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
)
_NO_STORE: Final = ("Cache-Control", "no-store")


class EncodedSlashes:
    """Leave `%2F` in a path encoded, so that it is part of a name and not a border between two."""

    def __init__(self, application: Any) -> None:  # noqa: ANN401  # a WSGI callable
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401  # WSGI
        """Answer a request."""
        path = str(environ.get("RAW_URI", "")).partition("?")[0]
        if path.startswith("/") and _ENCODED_SLASH.search(path):
            environ["PATH_INFO"] = unquote_to_bytes(_ENCODED_SLASH.sub("%252F", path)).decode("latin-1")
        return self._application(environ, start_response)


class SafeHeaders:
    """Add the headers that every answer has; an answer that says how it may be cached stays as it is in that."""

    def __init__(self, application: Any) -> None:  # noqa: ANN401  # a WSGI callable
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401  # WSGI
        """Answer a request."""
        path = environ.get("PATH_INFO", "")
        policy = _DOCS_POLICY if path == "/docs" or path.startswith("/docs/") else _POLICY

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:  # noqa: ANN401  # WSGI
            added = [*headers, *_ALWAYS, policy]
            if not any(name.lower() == "cache-control" for name, _ in headers):
                added.append(_NO_STORE)
            return start_response(status, added, *rest)

        return self._application(environ, start)
