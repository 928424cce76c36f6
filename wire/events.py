"""Events, as the API tells them to a user's devices (contract, section 2)."""

import json
from typing import Literal

EventType = Literal["token_stale", "group_added", "group_removed", "group_changed", "session_added", "session_removed"]


def encode_event(kind: EventType, *, group: str | None = None, device: str | None = None) -> str:
    """Write the payload of an event; `group` is the id of the group that it is about, `device` that of the session."""
    about = {"group": group, "device": device}
    return json.dumps({"type": kind, **{name: value for name, value in about.items() if value is not None}})
