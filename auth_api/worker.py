"""gunicorn's worker, which answers what is no HTTP request with a problem too."""

import errno
import json
import logging
import select
import socket
from typing import Any, Final

from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from auth_api.errors import PROBLEM_JSON, problem

_LOG = logging.getLogger(__name__)
_UNREADABLE: Final = (400, "Bad Request", "The request is not as HTTP has it.")
_TOO_LONG: Final = (414, "URI Too Long", "The request's first line is too long.")
_LINGER_MS: Final = 10
_TOO_LARGE: Final = (431, "Request Header Fields Too Large", "The request's headers are too large.")


class ProblemWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn publishes no types
    """A worker with threads; it differs in how it refuses what it cannot read, and in whom it serves next."""

    def handle(self, conn: TConn) -> object:
        """Serve a connection. Who asks again at once is served by the same thread, without the way over the main one.

        No thread waits for that when there are more connections than threads: then others need it.
        """
        kept = super().handle(conn)
        while kept is True and self.alive and self.nr_conns <= self.cfg.threads and _asks_again(conn):
            kept = super().handle(conn)
        return kept

    def handle_request(self, req: Any, conn: TConn) -> object:  # noqa: ANN401  # gunicorn's own signature
        """Answer a request. Who does not read the answer in time, where a view has set one, is as good as gone."""
        try:
            return super().handle_request(req, conn)
        except TimeoutError as error:
            _LOG.info("cut off somebody who does not read")
            raise ConnectionResetError(errno.ECONNRESET, "not read in time") from error

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ANN401  # gunicorn's own signature
        """Answer a request that never reached the application."""
        match exc:
            case LimitRequestLine():
                _refuse(client, *_TOO_LONG)
            case LimitRequestHeaders():
                _refuse(client, *_TOO_LARGE)
            case ParseException():
                _refuse(client, *_UNREADABLE)
            case _:
                super().handle_error(req, client, addr, exc)


def _asks_again(conn: TConn) -> bool:
    """Wait a moment for the next request, unless it has been read already: that gunicorn looks after."""
    if conn.parser.unreader.buf.getvalue():
        return False
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(_LINGER_MS))


def _refuse(client: socket.socket, status: int, title: str, detail: str) -> None:
    _LOG.info("refused with %d what is no request", status)
    body = json.dumps(problem(status, title, detail)).encode()
    head = (
        f"HTTP/1.1 {status} {title}\r\nConnection: close\r\nContent-Type: {PROBLEM_JSON}\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        util.write_nonblock(client, head.encode() + body)
    except OSError as error:
        _LOG.debug("whoever was refused is gone: %s", error)
