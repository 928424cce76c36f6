"""`/v1/messages`: the sync feed, and single messages."""

from flask_openapi3.blueprint import APIBlueprint

from auth_api import history
from auth_api.message_json import message_json, messages_json
from auth_api.openapi import answers, resource
from auth_api.requests import claims, quick, require_token
from auth_api.schemas.messages import FeedPage, FeedQuery, Message, SeqPath, VersionList
from auth_api.services import services
from auth_api.views.answers import Json, version_json


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_token(resource("messages", "Messages, whichever conversation they are in."))
    api.get("/messages", responses=answers({200: FeedPage}, 401, 422))(feed)
    api.get("/messages/<seq>", responses=answers({200: Message}, 401, 404, 422))(one)
    api.get("/messages/<seq>/versions", responses=answers({200: VersionList}, 401, 404, 422))(versions)
    return [api]


@quick
def feed(query: FeedQuery) -> Json:
    """List messages of all the caller's conversations after a seq. Nothing is ever skipped."""
    page, following = history.feed(services().pool, claims(), query.after_seq, query.limit)
    return {"messages": messages_json(page.messages), "has_more": page.has_more, "next_after_seq": following}


def one(path: SeqPath) -> Json:
    """Show one message."""
    return message_json(history.one_message(services().pool, claims(), path.seq))


def versions(path: SeqPath) -> Json:
    """List a message as it was sent, and its edits, oldest first; none when it was retracted.

    The seq may be that of an edit, too.
    """
    return {"versions": [version_json(each) for each in history.versions(services().pool, claims(), path.seq)]}
