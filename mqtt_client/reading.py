"""Reading the archive: pages of messages and conversations, checked and bounded."""

from dataclasses import dataclass

from mqtt_client.api import Api, checked, read
from mqtt_client.errors import ApiError
from mqtt_client.events import Message, message_of
from mqtt_client.models import ConversationEntry, ConversationsPage, Page, RestMessage

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


async def history(api: Api, username: str, count: int, before_seq: int | None) -> list[Message]:
    """Read the newest `count` messages with a user, or those before a seq, oldest first. Errors as above."""
    newest_first: list[Message] = []
    while len(newest_first) < count:
        query = {"limit": min(PAGE, count - len(newest_first))}
        if before_seq is not None:
            query["before_seq"] = before_seq
        answer = await api.call("GET", f"/v1/conversations/direct/{username}/messages", query=query)
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
