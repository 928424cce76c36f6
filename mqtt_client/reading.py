"""Reading the archive: pages of messages and conversations, checked and bounded."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from mqtt_client.api import Api, checked, read
from mqtt_client.errors import ApiError
from mqtt_client.events import Message, message_of
from mqtt_client.models import (
    ConversationEntry,
    ConversationsPage,
    Page,
    RestMessage,
    SearchPage,
    Version,
    Versions,
)
from wire.conversations import Conversation

PAGE = 100
_PAGES_MOST = 100


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A part of the sync feed; go on after `next_after_seq`."""

    messages: list[Message]
    has_more: bool
    next_after_seq: int


@dataclass(frozen=True, slots=True)
class ListedConversation:
    """A conversation in the list, and the object as REST gave it."""

    entry: ConversationEntry
    rest: dict[str, object]


async def feed_page(api: Api, after_seq: int) -> FeedPage:
    """Read what follows a seq in all the user's conversations. Raises ApiError, OutOfReachError, NotLoggedInError."""
    answer = await api.call("GET", "/v1/messages", query={"after_seq": after_seq, "limit": PAGE})
    page = read(Page, answer)
    messages = [_message(raw) for raw in page.messages]
    following = page.next_after_seq if page.next_after_seq is not None else after_seq
    if following < after_seq or (page.has_more and following == after_seq):
        raise ApiError("the server's feed does not move on", answer.status)
    return FeedPage(messages, page.has_more, following)


def messages_path(conversation: Conversation) -> str:
    """Name the address of a conversation's messages."""
    return f"/v1/conversations/{conversation.kind}/{conversation.name}/messages"


async def history(api: Api, conversation: Conversation, count: int, before_seq: int | None) -> list[Message]:
    """Read a conversation's newest `count` messages, or those before a seq, oldest first. Errors as above."""
    newest_first: list[Message] = []
    while len(newest_first) < count:
        query = {"limit": min(PAGE, count - len(newest_first))}
        if before_seq is not None:
            query["before_seq"] = before_seq
        answer = await api.call("GET", messages_path(conversation), query=query)
        page = read(Page, answer)
        messages = [_message(raw) for raw in page.messages]
        newest_first += reversed(messages)
        if not page.has_more or not messages:
            break
        lowest = messages[0].seq
        if lowest is None or (before_seq is not None and lowest >= before_seq):
            raise ApiError("the server's history does not move on", answer.status)
        before_seq = lowest
    return newest_first[count - 1 :: -1] if len(newest_first) > count else newest_first[::-1]


async def conversations(api: Api) -> list[ListedConversation]:
    """Read all the user's conversations, newest first. Errors as above."""
    found: list[ListedConversation] = []
    cursor: str | None = None
    for _ in range(_PAGES_MOST):
        query: dict[str, str | int] = {"limit": PAGE} if cursor is None else {"limit": PAGE, "cursor": cursor}
        page = read(ConversationsPage, await api.call("GET", "/v1/conversations", query=query))
        found += [ListedConversation(_entry(raw), raw) for raw in page.conversations]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


async def one_message(api: Api, seq: int) -> Message:
    """Read one message by its seq. Errors as above; a 404 when there is none that the user may read."""
    answer = await api.call("GET", f"/v1/messages/{seq}")
    content = answer.json()
    if not isinstance(content, dict):
        raise ApiError("the server's answer is not as agreed", answer.status)
    return _message(content)


async def versions_of(api: Api, seq: int) -> list[tuple[Version, dict[str, object]]]:
    """Read all versions of a message, oldest first. Errors as above."""
    found = read(Versions, await api.call("GET", f"/v1/messages/{seq}/versions"))
    return [(checked(Version, raw), raw) for raw in found.versions]


async def newest_in(api: Api, conversation: Conversation) -> int:
    """Return the seq of the newest message of a conversation; 0 when there is none. Errors as above."""
    messages = await history(api, conversation, 1, None)
    return messages[-1].seq or 0 if messages else 0


async def messages_after(api: Api, conversation: Conversation, after_seq: int) -> AsyncIterator[Message]:
    """Read a conversation on from a seq, oldest first. Errors as above."""
    while True:
        query = {"after_seq": after_seq, "limit": PAGE}
        answer = await api.call("GET", messages_path(conversation), query=query)
        page = read(Page, answer)
        messages = [_message(raw) for raw in page.messages]
        for message in messages:
            yield message
        newest = messages[-1].seq if messages else None
        if not page.has_more or newest is None:
            return
        if newest <= after_seq:
            raise ApiError("the server's history does not move on", answer.status)
        after_seq = newest


async def search(
    api: Api, conversation: Conversation | None, text: str, count: int, before_seq: int | None
) -> list[tuple[Message, str | None]]:
    """Find the newest `count` messages for a text, each with the part that matches; oldest first. Errors as above."""
    newest_first: list[tuple[Message, str | None]] = []
    query: dict[str, str | int] = {"q": text}
    if conversation:
        query["with" if conversation.kind == "direct" else "group"] = conversation.name
    while len(newest_first) < count:
        query["limit"] = min(PAGE, count - len(newest_first))
        if before_seq is not None:
            query["before_seq"] = before_seq
        answer = await api.call("GET", "/v1/search", query=query)
        page = read(SearchPage, answer)
        newest_first += [(_message(found.message), found.highlight) for found in page.results]
        if not page.has_more or not page.results:
            break
        lowest = newest_first[-1][0].seq
        if lowest is None or (before_seq is not None and lowest >= before_seq):
            raise ApiError("the server's search does not move on", answer.status)
        before_seq = lowest
    return newest_first[:count][::-1]


async def newest_seq(api: Api) -> int:
    """Return the seq of the newest message the user can see; 0 when there is none. Errors as above."""
    page = read(ConversationsPage, await api.call("GET", "/v1/conversations", query={"limit": 1}))
    last = _entry(page.conversations[0]).last_message if page.conversations else None
    return last.seq if last else 0


def _message(raw: dict[str, object]) -> Message:
    model = checked(RestMessage, raw)
    return message_of(model, raw)


def _entry(raw: dict[str, object]) -> ConversationEntry:
    return checked(ConversationEntry, raw)
