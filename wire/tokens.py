"""Token claims and access lists (contract, section 5). Signing and verifying happen elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from wire.topics import ARCHIVER_FILTERS, BROKER_COUNTERS

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


def user_acl(username: str, groups: Iterable[str] = ()) -> list[AclRule]:
    """List what a user, a member of `groups`, may publish and subscribe to: the contract's section 2, row by row."""
    return [
        AclRule("subscribe", f"users/{username}/#"),
        AclRule("subscribe", f"users/+/inbox/{username}"),
        AclRule("subscribe", "users/+/presence"),
        AclRule("publish", f"users/+/inbox/{username}"),
        AclRule("publish", f"users/+/markers/{username}"),
        AclRule("publish", f"users/+/typing/{username}"),
        AclRule("publish", f"users/{username}/presence", retain=True),
        AclRule("publish", f"users/+/devices/+/inbox/{username}"),
        *(rule for group in groups for rule in _member_acl(username, group)),
    ]


def _member_acl(username: str, group: str) -> list[AclRule]:
    return [
        AclRule("subscribe", f"groups/{group}/#"),
        AclRule("publish", f"groups/{group}/messages/{username}"),
        AclRule("publish", f"groups/{group}/markers/{username}"),
        AclRule("publish", f"groups/{group}/typing/{username}"),
    ]


def archiver_acl() -> list[AclRule]:
    """List what an archiver may do: read its share of what is archived, publish receipts."""
    return [
        *(AclRule("subscribe", topic_filter) for topic_filter in ARCHIVER_FILTERS),
        AclRule("publish", "users/+/archived"),
        AclRule("publish", "groups/+/archived"),
    ]


def api_acl() -> list[AclRule]:
    """List what the API may do: revoke, tell of events, clear the presence of who is cut off, read the counters."""
    return [
        AclRule("publish", "$CONTROL/nightjar/v1"),
        AclRule("publish", "users/+/events"),
        AclRule("publish", "users/+/presence", retain=True),
        *(AclRule("subscribe", topic) for topic in BROKER_COUNTERS.values()),
    ]
