"""History: conversations, their messages, the sync feed, one message (contract, section 6).

Every call raises UnauthenticatedError when the session of the access token has ended.
"""

from dataclasses import dataclass

from auth_api.cursors import decode_cursor, encode_cursor
from auth_api.errors import FieldError, InvalidInputError, NotFoundError
from auth_api.message_json import StoredMessage
from auth_api.pool import Pool
from auth_api.queries import conversations, messages, outcomes
from auth_api.queries.conversations import ConversationState
from auth_api.queries.outcomes import Version
from auth_api.tokens import AccessClaims
from wire.conversations import Conversation


@dataclass(frozen=True, slots=True)
class Page:
    """Messages in ascending seq, and whether there are more in the direction that was asked for."""

    messages: list[StoredMessage]
    has_more: bool


def page(
    pool: Pool, claims: AccessClaims, conversation: Conversation, *, before: int | None, after: int | None, limit: int
) -> Page:
    """Read a page of a conversation: with a user, a deleted one too, or of a group that the caller is or was in.

    Raises NotFoundError for all others.
    """
    with pool.reading() as cur:
        found = messages.history(cur, claims, conversation, before=before, after=after, limit=limit + 1)
    if found is None:
        unknown = "user" if conversation.kind == "direct" else "group that you are or were in"
        raise NotFoundError(f"There is no such {unknown}.")
    has_more = len(found) > limit
    kept = found[:limit] if after is not None else found[-limit:]
    return Page(kept, has_more)


def feed(pool: Pool, claims: AccessClaims, after: int, limit: int) -> tuple[Page, int]:
    """Read a page of everything that the caller may read, right after a seq, and after which seq to go on."""
    with pool.reading() as cur:
        found, until = messages.feed(cur, claims, after, limit + 1)
    if len(found) > limit:
        return Page(found[:limit], True), found[limit - 1].seq
    return Page(found, False), until


def one_message(pool: Pool, claims: AccessClaims, seq: int) -> StoredMessage:
    """Read one message. Raises NotFoundError when there is none that the caller may read."""
    with pool.reading() as cur:
        _, found = messages.one(cur, claims, seq)
    if found is None:
        raise _no_message()
    return found


def versions(pool: Pool, claims: AccessClaims, seq: int) -> list[Version]:
    """Read the versions of a message, or of that which it edits; oldest first, none after a retraction.

    Raises NotFoundError when there is no such message that the caller may read.
    """
    with pool.reading() as cur:
        user_id, found = messages.one(cur, claims, seq)
        if found is None:
            raise _no_message()
        return outcomes.versions(cur, user_id, found)


def conversation_page(
    pool: Pool, claims: AccessClaims, cursor: str | None, limit: int
) -> tuple[list[ConversationState], str | None]:
    """Read a page of the caller's conversations, and the cursor of the next. Raises InvalidInputError."""
    before = decode_cursor(cursor) if cursor is not None else None
    if cursor is not None and before is None:
        raise InvalidInputError(FieldError("cursor", "is no cursor of this list"))
    with pool.reading() as cur:
        found, has_more = conversations.conversations(cur, claims, before, limit)
    return found, encode_cursor(found[-1].last_message.seq) if has_more else None


def _no_message() -> NotFoundError:
    return NotFoundError("There is no such message.")
