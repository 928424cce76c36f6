"""Where a broker is: the URLs in settings."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_broker_url(url: str) -> BrokerAddress:
    """Read `mqtt://host[:port]` or `mqtts://host[:port]`; raises ValueError, with words for people, for all else."""
    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise ValueError("must be mqtt://HOST:PORT or mqtts://HOST:PORT")
    if parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be mqtt://HOST:PORT without credentials or a path")
    tls = parts.scheme == "mqtts"
    return BrokerAddress(parts.hostname, parts.port or (8883 if tls else 1883), tls)


def checked_broker_url(url: str) -> str:
    """Return the URL itself if it can be read; raises ValueError as `parse_broker_url` does."""
    parse_broker_url(url)
    return url
