"""`/v1/me/export`: everything that is stored about the caller."""

from typing import Final

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from auth_api.export import STALLED_SECONDS, End, Entry, ExportedMessage
from auth_api.message_json import body_json, conversation_json, message_json
from auth_api.openapi import answers, plain, resource
from auth_api.queries.export import Block, DeadLetter, Membership, Participation, Span
from auth_api.queries.sessions import Device
from auth_api.queries.users import User
from auth_api.requests import caller, claims, require_session
from auth_api.services import services
from auth_api.views.answers import Json, device_json, profile_json, version_json
from wire.conversations import Conversation
from wire.message import BINARY
from wire.times import format_time

_NDJSON: Final = "application/x-ndjson"
_LINES: Final = "One JSON object a line, each with a `type`; the last one is `end`."
_EXPORT: Final = plain(200, _LINES, _NDJSON, {"type": "string"})


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_session(resource("me_export", "The caller's own account."))
    api.get("/me/export", responses=answers({}, 401, 422, 429) | _EXPORT)(export)
    return [api]


def export() -> Response:
    """Send everything that is stored about the caller. One whose last line is not of the type `end` is not whole."""
    device = caller().device_id
    found = services().exports.begin(caller(), claims(), lambda entry: _line(entry, device))
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(STALLED_SECONDS)
    return Response(found, mimetype=_NDJSON)


def _line(entry: Entry, current: str) -> Json:
    """Write an entry; `current` is the id of the session that asks."""
    match entry:
        case User():
            kind, shown = "profile", profile_json(entry)
        case Device():
            kind, shown = "session", device_json(entry, current)
        case Membership():
            kind, shown = "group", _membership_json(entry)
        case Block(_, username, after, until):
            kind, shown = "block", {"username": username, "after_seq": after, "until_seq": until}
        case Participation(_, conversation, read, delivered):
            kind, shown = "marker", {**_of(conversation), "read_seq": read, "delivered_seq": delivered}
        case Span(_, conversation, after, until):
            kind, shown = "span", {**_of(conversation), "after_seq": after, "until_seq": until}
        case ExportedMessage():
            kind, shown = "message", _message_json(entry)
        case DeadLetter():
            kind, shown = "refused", _dead_letter_json(entry)
        case End():
            kind, shown = "end", {"entries": entry.entries}
    return {"type": kind, **shown}


def _of(conversation: Conversation) -> Json:
    return {"conversation": conversation_json(conversation)}


def _membership_json(membership: Membership) -> Json:
    return {
        "id": membership.id,
        "title": membership.title,
        "visibility": membership.visibility,
        "history": membership.history,
        "created_at": format_time(membership.created_at),
        "role": membership.role,
        "joined_at": format_time(membership.joined_at),
    }


def _message_json(exported: ExportedMessage) -> Json:
    shown = message_json(exported.message)
    if exported.versions:
        shown["versions"] = [version_json(version) for version in exported.versions]
    return shown


def _dead_letter_json(letter: DeadLetter) -> Json:
    """Write a refused message: nothing about it need be as it should."""
    return {
        "topic": letter.topic,
        "reason": letter.reason,
        "detail": letter.detail,
        "received_at": format_time(letter.received_at),
        "content_type": letter.content_type,
        "properties": [[text.encode(errors="replace").decode() for text in pair] for pair in letter.properties],
        "body_base64": body_json(BINARY, letter.body)[1],
    }
