"""Times on the wire: RFC 3339, UTC, milliseconds."""

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)\Z",
    re.ASCII,
)


def format_time(moment: datetime) -> str:
    """Write an aware time as `2026-01-31T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime | None:
    """Read an RFC 3339 time as UTC to the millisecond; None when it cannot be read."""
    if not _RFC3339.match(text):
        return None
    whole, fraction, zone = _split_fraction(text)
    try:
        moment = datetime.fromisoformat(f"{whole}.{fraction}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment


def _split_fraction(text: str) -> tuple[str, str, str]:
    zone_at = len(text) - (1 if text[-1] in "Zz" else 6)
    whole, _, fraction = text[:zone_at].partition(".")
    zone = "+00:00" if text[-1] in "Zz" else text[zone_at:]
    return whole.upper().replace(" ", "T"), f"{fraction:0<3}"[:3], zone
