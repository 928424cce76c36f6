"""How things are written in answers."""

from datetime import UTC, datetime

from flask import Response

from auth_api.message_json import body_json
from auth_api.queries.outcomes import Version
from auth_api.queries.sessions import Device
from auth_api.queries.users import User
from auth_api.sessions import SessionTokens
from auth_api.tokens import MqttToken
from wire.broker import BrokerAddress
from wire.message import TEXT
from wire.times import format_time

Json = dict[str, object]


def ended(confirmed: bool) -> Response:
    """Answer 204 when the broker has confirmed, 202 when it is yet to be told."""
    answer = Response(status=204 if confirmed else 202)
    del answer.headers["Content-Type"]
    return answer


def done() -> Response:
    """Answer 204."""
    return ended(confirmed=True)


def profile_json(user: User) -> Json:
    """Write what others see of a user."""
    return {
        "username": user.username,
        "display_name": user.display_name,
        "created_at": format_time(user.created_at),
    }


def mqtt_json(token: MqttToken, broker: BrokerAddress) -> Json:
    """Write what a client needs to connect to the broker."""
    return {
        "host": broker.host,
        "port": broker.port,
        "tls": broker.tls,
        "username": token.username,
        "password": token.token,
        "client_id": token.client_id,
        "expires_at": format_time(datetime.fromtimestamp(token.expires_at, UTC)),
    }


def session_json(session: SessionTokens, broker: BrokerAddress) -> Json:
    """Write a session's tokens."""
    return {
        "access_token": session.access_token,
        "token_type": "Bearer",
        "expires_in": session.expires_in,
        "refresh_token": session.refresh_token,
        "device": {"id": session.caller.device_id, "name": session.caller.device_name},
        "user": profile_json(session.caller.user),
        "mqtt": mqtt_json(session.mqtt, broker),
    }


def device_json(device: Device, current: str) -> Json:
    """Write one of the caller's sessions; `current` is the id of the one that asks."""
    return {
        "id": device.id,
        "name": device.name,
        "created_at": format_time(device.created_at),
        "last_seen_at": format_time(device.last_seen_at),
        "current": device.id == current,
    }


def version_json(version: Version) -> Json:
    """Write what a message said once."""
    content_type = version.content_type or TEXT
    name, text = body_json(content_type, version.body)
    return {"seq": version.seq, "content_type": content_type, name: text, "sent_at": version.sent_at}
