"""HTTP to the REST server: bounded, never trusting, with one kind of error for people."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpx

from mqtt_client.errors import ApiError, InputError, OutOfReachError
from mqtt_client.text import shortened, visible
from wire.trust import tls_trouble

ANSWER_MAX = 64 * 1024 * 1024
"""Bytes of an answer: a page of 100 messages of 64 KiB, each byte written as six, fits."""
CALL_SECONDS = 60.0
"""Of a whole call, however steadily the server sends a byte now and then."""
_SILENT_SECONDS = 15.0
"""For which nothing comes, also of connecting: a machine that is short of time may take five."""
_NO_SUCCESS = 300
"""The least HTTP status that says so."""
_UNAVAILABLE = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no error. `clock_ahead` says by how many seconds the server's clock is ahead of ours."""

    status: int
    content: bytes
    clock_ahead: float

    def json(self) -> object:
        """Read the content as JSON. Raises ApiError."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise ApiError("the server's answer is no JSON: is this a Nightjar server?", self.status) from error


class Transport:
    """Requests to one server. Use as an asynchronous context manager."""

    def __init__(self, server: str) -> None:
        """Name the server by its URL, http or https."""
        self.server = server
        self._client = httpx.AsyncClient(
            timeout=_SILENT_SECONDS,
            verify=_trust(server),
            follow_redirects=False,
            trust_env=not _is_loopback(server),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "nightjar"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str | int] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Ask the server and read its whole answer. `path` begins with a slash; `seconds` bounds all of it.

        Raises ApiError for an error status, OutOfReachError when there is no answer, InputError for a URL that is none.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with (
                asyncio.timeout(CALL_SECONDS if seconds is None else seconds),
                self._client.stream(method, self.server + path, json=body, params=query, headers=headers) as response,
            ):
                content = await _read(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            raise InputError(f"{self.server} is no URL of a server: {error}") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise OutOfReachError(f"{self.server} does not answer in time") from error
        except httpx.HTTPError as error:
            raise OutOfReachError(f"{self.server} is out of reach: {_why(error)}") from error
        _raise_for_status(response, content)
        return Answer(response.status_code, content, _clock_ahead(response))

    @asynccontextmanager
    async def stream(self, path: str, *, token: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Ask for something of any size; yield its parts as they come, checked for nothing. Errors as above."""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._client.stream("GET", self.server + path, headers=headers) as response:
                if response.status_code >= _NO_SUCCESS:
                    _raise_for_status(response, await _read(response))
                yield response.aiter_raw()
        except httpx.TimeoutException as error:
            raise OutOfReachError(f"{self.server} does not answer in time") from error
        except httpx.HTTPError as error:
            raise OutOfReachError(f"{self.server} is out of reach: {_why(error)}") from error


async def _read(response: httpx.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiError("the server answered in an encoding that was not asked for", response.status_code)
    content = bytearray()
    async for part in response.aiter_raw():
        content += part
        if len(content) > ANSWER_MAX:
            raise ApiError("the server's answer is too large", response.status_code)
    return bytes(content)


def _raise_for_status(response: httpx.Response, content: bytes) -> None:
    status = response.status_code
    if status < _NO_SUCCESS:
        return
    if status < 400:
        where = shortened(visible(response.headers.get("Location", "elsewhere")), 200)
        raise ApiError(f"the server sends us on to {where}: give that URL as --server", status)
    reason = problem_text(content) or f"HTTP status {status}: is this a Nightjar server?"
    if status in _UNAVAILABLE:
        raise OutOfReachError(f"the server cannot serve now: {reason}")
    retry_after = response.headers.get("Retry-After", "")
    seconds = int(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 9 else None
    says_when = status != 429 or seconds is None or "again in" in reason
    raise ApiError(reason if says_when else f"{reason}; try again in {seconds} s", status, seconds)


def problem_text(content: bytes) -> str | None:
    """Read an RFC 9457 problem as one safe line; None when it is none."""
    try:
        problem = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(problem, dict):
        return None
    fields = problem.get("errors")
    entries = fields[:5] if isinstance(fields, list) else []
    named = [
        f"{entry.get('field')}: {entry['message']}"
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("message"), str)
    ]
    words = [problem.get("detail"), problem.get("title")]
    said = "; ".join(named) or next((word for word in words if isinstance(word, str) and word), None)
    return shortened(visible(said.rstrip(".")), 400) if said else None


def _clock_ahead(response: httpx.Response) -> float:
    try:
        theirs = parsedate_to_datetime(response.headers["Date"])
        return (theirs - datetime.now(UTC)).total_seconds()
    except (KeyError, ValueError, TypeError):
        return 0.0


def _trust(server: str) -> ssl.SSLContext:
    # The system's own authorities, so that a private one installed there, or named by SSL_CERT_FILE, is trusted.
    return ssl.create_default_context() if server.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_loopback(server: str) -> bool:
    try:
        host = httpx.URL(server).host
        return host == "localhost" or ip_address(host).is_loopback
    except (httpx.InvalidURL, ValueError):
        return False


def _why(error: httpx.HTTPError) -> str:
    text = " ".join((tls_trouble(error, os.environ) or str(error)).split())
    return shortened(visible(text or type(error).__name__), 200)
