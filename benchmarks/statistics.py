"""Numbers from measurements. Pure."""

from collections.abc import Sequence
from math import ceil


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of them do not exceed; there must be one."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
