"""`/v1/conversations`: the caller's conversations, and the history of each."""

from flask_openapi3.blueprint import APIBlueprint

from auth_api import history
from auth_api.message_json import conversation_json, message_json
from auth_api.openapi import answers, resource
from auth_api.queries.messages import ConversationState
from auth_api.requests import claims, require_token
from auth_api.schemas.accounts import UsernamePath
from auth_api.schemas.messages import ConversationList, ConversationsQuery, HistoryQuery, MessagePage
from auth_api.services import services
from auth_api.views.answers import Json

_HISTORY = "/conversations/direct/<username>/messages"


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_token(resource("conversations", "Conversations and their history."))
    api.get("/conversations", responses=answers({200: ConversationList}, 401, 422))(list_conversations)
    api.get(_HISTORY, responses=answers({200: MessagePage}, 401, 404, 422))(direct_history)
    return [api]


def list_conversations(query: ConversationsQuery) -> Json:
    """List the caller's conversations, the one with the newest message first."""
    found, following = history.conversation_page(services().pool, claims(), query.cursor, query.limit)
    return {"conversations": [_entry_json(entry) for entry in found], "next_cursor": following}


def direct_history(path: UsernamePath, query: HistoryQuery) -> Json:
    """List messages of the conversation with a user: the newest, or those before or after a seq."""
    page = history.direct_history(
        services().pool,
        claims(),
        path.username,
        before=query.before_seq,
        after=query.after_seq,
        limit=query.limit,
    )
    return {"messages": [message_json(message) for message in page.messages], "has_more": page.has_more}


def _entry_json(entry: ConversationState) -> Json:
    return {
        "conversation": conversation_json(entry.last_message.conversation),
        "last_message": message_json(entry.last_message),
        "unread": entry.unread,
        "last_read_seq": entry.read_seq,
    }
