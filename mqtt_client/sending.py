"""Sending one message and waiting for the archive's answer, free of any user interface."""

import asyncio
from datetime import UTC, datetime

from uuid6 import uuid7

from mqtt_client.account import Account
from mqtt_client.errors import InputError, RejectedError, UnconfirmedError
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


async def send(account: Account, message: Outgoing, seconds: float) -> int:
    """Put a message into the outbox and wait until it is stored; return its seq.

    Raises RejectedError, UnconfirmedError (after `seconds`; the message stays in the outbox), NotLoggedInError, and
    OutOfReachError when there are no credentials to be had, in which case nothing was put into the outbox.
    """
    with account.store() as store:
        async with WakeUps(account.profile.wakeups) as wakeups:
            session = Session(account.api, store, wakeups, account.profile)
            try:
                await session.begin()
                store.post(message)
                wakeups.notify()
                async with asyncio.timeout(seconds):
                    await alongside(session, _answered(store, wakeups, message.id))
            except TimeoutError:
                pass
            except asyncio.CancelledError:
                raise UnconfirmedError(_kept(message.id, "interrupted:")) from None
            finally:
                session.release()
        return _seq(store.result(message.id), message.id)


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
