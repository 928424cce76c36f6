"""Logging: one line an event, to standard error, and never a secret."""

import logging
import time
from urllib.parse import quote

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _UtcFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


def configure_logging(level: str) -> None:
    """Send what is logged at `level` and above to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_UtcFormatter(_FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def request_line(method: str, path: str, status: int, seconds: float, address: str) -> str:
    """Write the line about a request: no query, no header, no body, nothing that breaks the line."""
    return f"{method[:16]} {quote(path[:256])} {status} {1e3 * seconds:.1f}ms {quote(address, safe=':.')}"
