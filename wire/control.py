"""Revocations, as the API tells them to the broker (contract, section 5)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revocation:
    """MQTT tokens of `username` with an `iat_ms` below `issued_before_ms` are void.

    Without a `client_id` it is true of all the user's tokens. Times are Unix milliseconds.
    """

    username: str
    client_id: str | None
    issued_before_ms: int


def encode_revocations(revocations: Iterable[Revocation], *, more: bool = False) -> bytes:
    """Write the payload of one publication on `$CONTROL/nightjar/v1`; an empty list is a valid one.

    `more` says that others follow which the broker must know too before it serves anyone after its start.
    """
    commands = {"commands": [_as_json(revocation) for revocation in revocations]}
    return json.dumps({**commands, "more": True} if more else commands).encode()


def _as_json(revocation: Revocation) -> dict[str, object]:
    command: dict[str, object] = {"command": "revoke", "username": revocation.username}
    if revocation.client_id is not None:
        command["client_id"] = revocation.client_id
    return {**command, "issued_before_ms": revocation.issued_before_ms}
