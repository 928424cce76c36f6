"""What a login leaves on disk: tokens, the device, and what the broker lets us in with."""

import base64
import json

from pydantic import BaseModel, ConfigDict, SecretStr, field_serializer

from mqtt_client.models import DeviceId, Mqtt, Short, Token, Username
from wire.names import is_group_id


class StoredMqtt(Mqtt):
    """An `mqtt` block with the local Unix time at which it ends."""

    ends_at: float

    @field_serializer("password", when_used="json")
    def _plain(self, secret: SecretStr) -> str:
        return secret.get_secret_value()


class Credentials(BaseModel):
    """What a login leaves on disk. `access_ends_at` is local Unix time."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    server: str
    username: Username
    device_id: DeviceId
    device_name: Short | None
    access_token: Token
    access_ends_at: float
    refresh_token: Token
    mqtt: StoredMqtt

    @field_serializer("access_token", "refresh_token", when_used="json")
    def _plain(self, secret: SecretStr) -> str:
        return secret.get_secret_value()


def groups_in(token: str) -> frozenset[str]:
    """Name the groups that an MQTT token is good for, as its access list says (contract, section 5).

    The broker judges the token, we only read it; one that cannot be read is good for none.
    """
    try:
        claims = token.split(".")[1]
        content = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        rules = content["acl"]
        filters = [rule["topic"] for rule in rules if rule.get("action") in {"subscribe", "all"}]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return frozenset()
    levels = [topic.split("/") for topic in filters if isinstance(topic, str)]
    return frozenset(
        each[1] for each in levels if len(each) == 3 and each[::2] == ["groups", "#"] and is_group_id(each[1])
    )  # groups, id, #
