"""Messages that relate to others: replies, edits, retractions, reactions (contract, section 3)."""

from mqtt_client.api import Api
from mqtt_client.errors import ApiError, ClientError, InputError
from mqtt_client.events import Message
from mqtt_client.reading import messages_after, one_message
from mqtt_client.sending import Related, compose
from mqtt_client.store import Outgoing
from wire.conversations import Conversation
from wire.message import Relation, parse_uuid
from wire.receipts import SEQ_MAX

_NOT_FOUND = 404
REACTION_BYTES = 64


async def related_to(api: Api, conversation: Conversation, relation: Relation, target: str) -> Related:
    """Name a message of a conversation by its id or its seq.

    Raises InputError for what is neither, or a seq of another conversation, and ApiError, OutOfReachError,
    NotLoggedInError.
    """
    if message_id := parse_uuid(target):
        return Related(relation, message_id)
    if not (target.isascii() and target.isdigit() and 0 < int(target) <= SEQ_MAX):
        raise InputError(f"{target!r} is neither a message's id nor its seq")
    message = await find_message(api, int(target))
    if message.conversation != conversation:
        raise InputError(f"message {target} is not of this conversation")
    return Related(relation, message.id)


async def find_message(api: Api, seq: int) -> Message:
    """Read the message of a seq. Raises InputError when there is none, and errors as above."""
    try:
        return await one_message(api, seq)
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        raise InputError(f"there is no message {seq} that you may read") from error


async def edit(api: Api, seq: int, body: bytes) -> Outgoing:
    """Make an edit of one of our messages. Errors as above."""
    message = await _own(api, seq, "edit")
    return compose(message.conversation, body, related=Related("edit", message.id))


async def retraction(api: Api, seq: int) -> Outgoing:
    """Make a retraction of one of our messages. Errors as above."""
    message = await _own(api, seq, "retract")
    return compose(message.conversation, b"", related=Related("retract", message.id))


async def reaction(api: Api, seq: int, emoji: str) -> Outgoing:
    """Make a reaction to any message. Errors as above."""
    body = emoji.encode(errors="surrogateescape")
    if not 0 < len(body) <= REACTION_BYTES:
        raise InputError(f"a reaction has 1 to {REACTION_BYTES} bytes")
    message = await find_message(api, seq)
    return compose(message.conversation, body, related=Related("reaction", message.id))


async def reaction_taken_back(api: Api, seq: int, emoji: str) -> Outgoing:
    """Make a retraction of our reaction to a message. Raises ClientError when there is none, and errors as above."""
    message = await find_message(api, seq)
    if api.username not in message.reactions.get(emoji, ()):
        raise ClientError(f"you have not reacted {emoji} to {seq}")
    body = emoji.encode(errors="surrogateescape")
    # The archive names who reacted, not with which message; that one stands somewhere behind.
    async for later in messages_after(api, message.conversation, seq):
        is_reaction = later.relation == "reaction" and later.relates_to_seq == seq and later.sender == api.username
        if is_reaction and later.body == body and later.retracted_at is None:
            return compose(message.conversation, b"", related=Related("retract", later.id))
    raise ClientError(f"you have not reacted {emoji} to {seq}")


async def _own(api: Api, seq: int, what: str) -> Message:
    message = await find_message(api, seq)
    if message.sender != api.username:
        raise InputError(f"message {seq} is {message.sender}'s: only its author can {what} it")
    if message.retracted_at is not None:
        raise ClientError(f"message {seq} is retracted already")
    return message
