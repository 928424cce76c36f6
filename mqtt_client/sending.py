"""Sending one message and waiting for the archive's answer, free of any user interface."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from uuid6 import uuid7

from mqtt_client.account import Account
from mqtt_client.api import Api
from mqtt_client.errors import (
    ClientError,
    InputError,
    NotLoggedInError,
    OutOfReachError,
    RejectedError,
    StorageError,
    UnconfirmedError,
)
from mqtt_client.session import Session, alongside
from mqtt_client.store import Outgoing, Store
from mqtt_client.wakeup import WakeUps
from wire.conversations import Conversation
from wire.message import BODY_MAX, Relation, default_content_type
from wire.times import format_time

_LEFTOVER_SECONDS = 5.0
_MEANINGS = {
    "not_a_member": "you are no member of that group",
    "bad_relation": "what it relates to is not yours, is too old, or was retracted",
}


@dataclass(frozen=True, slots=True)
class Related:
    """How a message relates to another of its conversation, which is named by its id."""

    relation: Relation
    relates_to: str


def compose(
    conversation: Conversation, body: bytes, now: Callable[[], float] = time.time, related: Related | None = None
) -> Outgoing:
    """Make a message with a new id; `now` gives Unix time.

    Raises InputError for an empty body, but of a retraction, and RejectedError for one that is too large.
    """
    if not body and not (related and related.relation == "retract"):
        raise InputError("there is nothing to send: the message is empty")
    if len(body) > BODY_MAX:
        raise RejectedError(f"not sent: too_large (the message has {len(body)} bytes, {BODY_MAX} are allowed)")
    return Outgoing(
        id=str(uuid7()),
        conversation=conversation,
        content_type=default_content_type(body),
        sent_at=format_time(datetime.fromtimestamp(now(), UTC)),
        body=body,
        relation=related.relation if related else None,
        relates_to=related.relates_to if related else None,
    )


Prepare = Callable[[Api], Awaitable[Outgoing]]


async def send(account: Account, prepare: Prepare, seconds: float) -> tuple[str, int]:
    """Put a message into the outbox and wait until it is stored, at most `seconds` in all; return its id and seq.

    `prepare` makes the message; it may ask the server. Raises InputError, RejectedError; UnconfirmedError when the
    message stays in the outbox, for whatever reason; NotLoggedInError, StorageError, and OutOfReachError when the
    server was not to be reached in time, only when nothing was put there.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    with account.store() as store:
        async with WakeUps(account.profile.wakeups) as wakeups:
            session = Session(account.api, store, wakeups, account.profile)
            try:
                message = await _prepared(account, session, prepare, deadline)
                left_before = {id_ for id_, _ in store.outbox()}
                store.post(message)
                wakeups.notify()
                obstacle = await _confirmed(session, _Waiting(store, wakeups, message.id, left_before), deadline)
            finally:
                session.release()
        return message.id, _seq(store, message.id, obstacle)


async def _prepared(account: Account, session: Session, prepare: Prepare, deadline: float) -> Outgoing:
    try:
        async with asyncio.timeout_at(deadline):
            message = await prepare(account.api)
            await session.begin()
    except TimeoutError as error:
        raise OutOfReachError(f"{account.credentials.server} does not answer in time: nothing was sent") from error
    return message


@dataclass(frozen=True)
class _Waiting:
    """For our message to be answered, and then for a moment for what was left in the outbox before it."""

    store: Store
    wakeups: WakeUps
    id: str
    left_before: set[str]

    async def for_answer(self) -> None:
        while True:
            count = self.wakeups.count
            if self.store.result(self.id):
                return
            await self.wakeups.changed_since(count)

    async def for_all(self, session: Session) -> None:
        await self.for_answer()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEFTOVER_SECONDS):
                while session.is_owner and self.left_before & {id_ for id_, _ in self.store.outbox()}:
                    await self.wakeups.changed_since(self.wakeups.count)


async def _confirmed(session: Session, waiting: _Waiting, deadline: float) -> str:
    """Wait for the answer; say what ended the wait if it was something else. The message is in the outbox by now."""
    try:
        async with asyncio.timeout_at(deadline):
            await alongside(session, waiting.for_all(session))
    except TimeoutError:
        return f"not confirmed in time{f' ({session.trouble})' if session.trouble else ''}"
    except asyncio.CancelledError:
        return "interrupted"
    except NotLoggedInError as error:
        return ", ".join(filter(None, (error.reason, error.remedy)))
    except ClientError as error:
        return str(error)
    return ""


def _seq(store: Store, id_: str, obstacle: str) -> int:
    try:
        result = store.result(id_)
    except StorageError as error:
        result, obstacle = None, str(error)
    if result is None:
        kept = f"message {id_} stays in the outbox and is sent by the next nightjar command that connects"
        raise UnconfirmedError(f"{obstacle}: {kept}")
    if result.seq is None:
        raise RejectedError(f"message {id_} was rejected: {rejection(result.reason or '')}")
    return result.seq


def rejection(reason: str) -> str:
    """Say why a message was refused: the contract's word, and what it means where that is not plain."""
    return f"{reason} ({_MEANINGS[reason]})" if reason in _MEANINGS else reason
