"""Logging: one line an event, to standard error, and never a secret."""

import logging
import time
from functools import lru_cache
from urllib.parse import quote

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _UtcFormatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002  # logging's own signature
        return f"{_second(int(record.created))}.{int(record.msecs):03d}Z"


@lru_cache(maxsize=4)
def _second(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


def configure_logging(level: str) -> None:
    """Send what is logged at `level` and above to standard error, and note of an event only what is shown."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(_UtcFormatter(_FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def request_line(method: str, path: str, status: int, seconds: float, address: str) -> str:
    """Write the line about a request: no query, no header, no body, nothing that breaks the line."""
    return f"{method[:16]} {quote(path[:256])} {status} {1e3 * seconds:.1f}ms {quote(address, safe=':.')}"
