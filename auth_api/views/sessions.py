"""`/v1/sessions`: logging in, refreshing, MQTT credentials, ending."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from auth_api.openapi import answers, resource
from auth_api.requests import address, caller, open_to_all, require_session
from auth_api.schemas.accounts import DevicePath, Login, MqttBlock, Refresh, Session, SessionList
from auth_api.services import services
from auth_api.views.answers import Json, device_json, ended, mqtt_json, session_json

_ABOUT = "Sessions: one is one device."
_ENDED = "Ended, and the broker has cut its connections."
_ENDING = "Ended here; the broker has not confirmed it in time and is told again."


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    public = open_to_all(resource("sessions_public", _ABOUT, private=False))
    public.post("/sessions", responses=answers({201: Session}, 401, 415, 422, 429))(log_in)
    public.post("/sessions/refresh", responses=answers({200: Session}, 401, 415, 422))(refresh)
    private = require_session(resource("sessions", _ABOUT))
    private.get("/sessions", responses=answers({200: SessionList}, 401, 422))(list_sessions)
    private.delete("/sessions", responses=answers({204: _ENDED, 202: _ENDING}, 401, 422))(end_all)
    private.delete("/sessions/<device:device>", responses=answers({204: _ENDED, 202: _ENDING}, 401, 404, 422))(
        end_session
    )
    private.post("/sessions/current/mqtt", responses=answers({200: MqttBlock}, 401, 422))(mqtt_credentials)
    return [public, private]


def log_in(body: Login) -> tuple[Json, int]:
    """Log in: start a session."""
    session = services().sessions.log_in(body.username, body.password, body.device_name, address())
    return session_json(session, services().settings.public_broker), 201


def refresh(body: Refresh) -> Json:
    """Exchange a refresh token for fresh tokens."""
    return session_json(services().sessions.refresh(body.refresh_token), services().settings.public_broker)


def mqtt_credentials() -> Json:
    """Give fresh credentials for the broker."""
    token = services().sessions.mqtt_token(caller())
    return mqtt_json(token, services().settings.public_broker)


def list_sessions() -> Json:
    """List the caller's sessions."""
    devices = services().sessions.listed(caller())
    return {"sessions": [device_json(device, caller().device_id) for device in devices]}


def end_session(path: DevicePath) -> Response:
    """End one session."""
    return ended(services().sessions.end(caller(), path.device))


def end_all() -> Response:
    """End every session, this one too."""
    return ended(services().sessions.end_all(caller()))
