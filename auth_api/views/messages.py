"""`/v1/messages`: the sync feed, and single messages."""

from flask_openapi3.blueprint import APIBlueprint

from auth_api import history
from auth_api.message_json import message_json
from auth_api.openapi import answers, resource
from auth_api.requests import claims, require_token
from auth_api.schemas.messages import FeedPage, FeedQuery, Message, SeqPath
from auth_api.services import services
from auth_api.views.answers import Json


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_token(resource("messages", "Messages, whichever conversation they are in."))
    api.get("/messages", responses=answers({200: FeedPage}, 401, 422))(feed)
    api.get("/messages/<seq>", responses=answers({200: Message}, 401, 404, 422))(one)
    return [api]


def feed(query: FeedQuery) -> Json:
    """List messages of all the caller's conversations after a seq. Nothing is ever skipped."""
    page = history.feed(services().pool, claims(), query.after_seq, query.limit)
    following = page.messages[-1].seq if page.messages else query.after_seq
    shown = [message_json(message) for message in page.messages]
    return {"messages": shown, "has_more": page.has_more, "next_after_seq": following}


def one(path: SeqPath) -> Json:
    """Show one message."""
    return message_json(history.one_message(services().pool, claims(), path.seq))
