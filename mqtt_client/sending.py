"""Sending one message and waiting for the archive's answer, free of any user interface."""

import asyncio
from datetime import UTC, datetime

from uuid6 import uuid7

from mqtt_client.account import Account, check_user
from mqtt_client.errors import InputError, OutOfReachError, RejectedError, UnconfirmedError
from mqtt_client.session import Session, alongside
from mqtt_client.store import Outgoing, Result, Store
from mqtt_client.wakeup import WakeUps
from wire.message import BODY_MAX, default_content_type
from wire.times import format_time


def compose(recipient: str, body: bytes) -> Outgoing:
    """Make a message with a new id. Raises InputError for an empty body, RejectedError for one that is too large."""
    if not body:
        raise InputError("there is nothing to send: the message is empty")
    if len(body) > BODY_MAX:
        raise RejectedError(f"not sent: too_large (the message has {len(body)} bytes, {BODY_MAX} are allowed)")
    return Outgoing(
        id=str(uuid7()),
        recipient=recipient,
        content_type=default_content_type(body),
        sent_at=format_time(datetime.now(UTC)),
        body=body,
    )


async def send(account: Account, to: str, body: bytes, seconds: float) -> tuple[str, int]:
    """Put a message into the outbox and wait until it is stored, at most `seconds` in all; return its id and seq.

    Raises InputError, RejectedError, NotLoggedInError; UnconfirmedError when the message stays in the outbox;
    OutOfReachError when nothing was put there, because the server was not to be reached in time.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    with account.store() as store:
        async with WakeUps(account.profile.wakeups) as wakeups:
            session = Session(account.api, store, wakeups, account.profile)
            try:
                message = await _prepared(account, session, to, body, deadline)
                store.post(message)
                wakeups.notify()
                await _confirmed(session, store, wakeups, message.id, deadline)
            finally:
                session.release()
        return message.id, _seq(store.result(message.id), message.id)


async def _prepared(account: Account, session: Session, to: str, body: bytes, deadline: float) -> Outgoing:
    try:
        async with asyncio.timeout_at(deadline):
            message = compose(await check_user(account.api, to), body)
            await session.begin()
    except TimeoutError as error:
        raise OutOfReachError(f"{account.credentials.server} does not answer in time: nothing was sent") from error
    return message


async def _confirmed(session: Session, store: Store, wakeups: WakeUps, id_: str, deadline: float) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await alongside(session, _answered(store, wakeups, id_))
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        raise UnconfirmedError(_kept(id_, "interrupted:")) from None


async def _answered(store: Store, wakeups: WakeUps, id_: str) -> None:
    while True:
        count = wakeups.count
        if store.result(id_):
            return
        await wakeups.changed_since(count)


def _seq(result: Result | None, id_: str) -> int:
    if result is None:
        raise UnconfirmedError(_kept(id_, "not confirmed in time:"))
    if result.seq is None:
        raise RejectedError(f"message {id_} was rejected: {result.reason}")
    return result.seq


def _kept(id_: str, why: str) -> str:
    return f"{why} message {id_} stays in the outbox and is sent by the next `nightjar send` or `tail`"
