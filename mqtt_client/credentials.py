"""What a login leaves on disk: tokens, the device, and what the broker lets us in with."""

from pydantic import BaseModel, ConfigDict, SecretStr, field_serializer

from mqtt_client.models import DeviceId, Mqtt, Short, Token, Username


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
