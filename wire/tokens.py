"""Token claims and access lists (contract, section 5). Signing and verifying happen elsewhere."""

from dataclasses import dataclass
from typing import Literal

ALGORITHM = "ES256"
ISSUER = "nightjar"
API_AUDIENCE = "api"
MQTT_AUDIENCE = "mqtt"

Action = Literal["publish", "subscribe", "all"]


@dataclass(frozen=True, slots=True)
class AclRule:
    """One permission. `topic` is a topic filter; `retain` says whether a publication may be retained."""

    action: Action
    topic: str
    retain: bool = False

    def as_claim(self) -> dict[str, object]:
        """Write the rule as the token carries it; an absent `retain` means false."""
        claim: dict[str, object] = {"permission": "allow", "action": self.action, "topic": self.topic}
        return {**claim, "retain": True} if self.retain else claim


def user_acl(username: str) -> list[AclRule]:
    """List what a user may publish and subscribe to: the table of the contract's section 2, row by row."""
    return [
        AclRule("subscribe", f"users/{username}/#"),
        AclRule("subscribe", f"users/+/inbox/{username}"),
        AclRule("subscribe", "users/+/presence"),
        AclRule("publish", f"users/+/inbox/{username}"),
        AclRule("publish", f"users/+/markers/{username}"),
        AclRule("publish", f"users/+/typing/{username}"),
        AclRule("publish", f"users/{username}/presence", retain=True),
        AclRule("publish", f"users/+/devices/+/inbox/{username}"),
    ]


def archiver_acl() -> list[AclRule]:
    """List what the archiver may do: read what is archived, publish receipts."""
    return [
        AclRule("subscribe", "users/+/inbox/+"),
        AclRule("subscribe", "users/+/markers/+"),
        AclRule("subscribe", "groups/+/messages/+"),
        AclRule("subscribe", "groups/+/markers/+"),
        AclRule("publish", "users/+/archived"),
        AclRule("publish", "groups/+/archived"),
    ]


def api_acl() -> list[AclRule]:
    """List what the API may do: revoke, and tell users' devices of events."""
    return [
        AclRule("publish", "$CONTROL/nightjar/v1"),
        AclRule("publish", "users/+/events"),
    ]
