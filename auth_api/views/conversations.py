"""`/v1/conversations`: the caller's conversations, and the history of each."""

from flask_openapi3.blueprint import APIBlueprint

from auth_api import history
from auth_api.message_json import conversation_json, message_json, messages_json
from auth_api.openapi import answers, resource
from auth_api.queries.conversations import ConversationState
from auth_api.requests import claims, quick, require_token
from auth_api.schemas.accounts import UsernamePath
from auth_api.schemas.groups import GroupPath
from auth_api.schemas.messages import ConversationList, ConversationsQuery, HistoryQuery, MessagePage
from auth_api.services import services
from auth_api.views.answers import Json
from wire.conversations import Conversation, direct, group

_DIRECT = "/conversations/direct/<username>/messages"
_GROUP = "/conversations/group/<group>/messages"


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_token(resource("conversations", "Conversations and their history."))
    api.get("/conversations", responses=answers({200: ConversationList}, 401, 422))(list_conversations)
    api.get(_DIRECT, responses=answers({200: MessagePage}, 401, 404, 422))(direct_history)
    api.get(_GROUP, responses=answers({200: MessagePage}, 401, 404, 422))(group_history)
    return [api]


@quick
def list_conversations(query: ConversationsQuery) -> Json:
    """List the caller's conversations, the one with the newest message first."""
    found, following = history.conversation_page(services().pool, claims(), query.cursor, query.limit)
    return {"conversations": [entry_json(entry) for entry in found], "next_cursor": following}


@quick
def direct_history(path: UsernamePath, query: HistoryQuery) -> Json:
    """List messages of the conversation with a user: the newest, or those before or after a seq."""
    return _page_json(direct(path.username), query)


@quick
def group_history(path: GroupPath, query: HistoryQuery) -> Json:
    """List messages of a group's conversation that the caller may read: the newest, or those before or after a seq."""
    return _page_json(group(path.group), query)


def _page_json(conversation: Conversation, query: HistoryQuery) -> Json:
    page = history.page(
        services().pool,
        claims(),
        conversation,
        before=query.before_seq,
        after=query.after_seq,
        limit=query.limit,
    )
    return {"messages": messages_json(page.messages), "has_more": page.has_more}


def entry_json(entry: ConversationState) -> Json:
    """Write a conversation of the list."""
    shown: Json = {"conversation": conversation_json(entry.last_message.conversation)}
    if entry.title is not None:
        shown["title"] = entry.title
    shown["last_message"] = message_json(entry.last_message)
    shown["unread"] = entry.unread
    shown["last_read_seq"] = entry.read_seq
    if entry.their_delivered_seq:
        shown["their_delivered_seq"] = entry.their_delivered_seq
    if entry.their_read_seq:
        shown["their_read_seq"] = entry.their_read_seq
    return shown
