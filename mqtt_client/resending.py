"""What waits in the outbox may be stored already, its receipt missed. So the archive is asked before it is sent again.

Published again it would reach who may not read it: who has joined the group since, who had blocked the sender then.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from mqtt_client.api import Api
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.reading import PAGE, history
from mqtt_client.store import Result, Store
from wire.conversations import Conversation, parse_conversation
from wire.receipts import encode_entries, stored_entry
from wire.times import format_time

_FRESH_SECONDS = 5.0
"""What is younger is published at once: a command that sends one message has just put it there."""
_PATIENCE_SECONDS = 3.0
"""For the archive, in all; what it has not answered for by then is published again, and counts once all the same."""
_CONVERSATIONS_MOST = 20


async def settle_stored(api: Api, store: Store, now: float) -> bool:
    """Take out of the outbox what the archive has, of those that were put there before; `now` is Unix time.

    Say whether there was any. Of each conversation the newest 100 messages are looked at. Raises NotLoggedInError,
    StorageError.
    """
    before = format_time(datetime.fromtimestamp(now, UTC) - timedelta(seconds=_FRESH_SECONDS))
    waiting: dict[str, set[str]] = {}
    for id_, name in store.outbox_before(before):
        waiting.setdefault(name, set()).add(id_)
    is_any = False
    with suppress(TimeoutError, OutOfReachError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for name, ids in list(waiting.items())[:_CONVERSATIONS_MOST]:
                conversation = parse_conversation(name)
                if conversation and (stored := await _stored(api, conversation, ids)):
                    is_any = True
                    entries = encode_entries(stored_entry(id_, seq, name, api.username) for id_, seq in stored)
                    store.take([Result(id_, seq, None) for id_, seq in stored], [("receipts", entries)])
    return is_any


async def _stored(api: Api, conversation: Conversation, ids: set[str]) -> list[tuple[str, int]]:
    """Return (id, seq) of our messages that the archive has."""
    try:
        messages = await history(api, conversation, PAGE, None)
    except ApiError:
        return []  # an unknown user, say, of which the archive tells when it is sent
    own = ((each.id.lower(), each.seq) for each in messages if each.sender == api.username)
    return [(id_, seq) for id_, seq in own if id_ in ids and seq is not None]
