"""Commands around messages: send, history, tail, conversations, unread."""

import math
import os
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from mqtt_client.account import Account, check_user, open_account
from mqtt_client.commands.opened import opened
from mqtt_client.commands.options import Options, common, notice, reader_gone, run, say
from mqtt_client.events import ConnectionChanged, Event, Message, MessageArrived, ReceiptArrived, message_of
from mqtt_client.follow import Follower
from mqtt_client.reading import conversations as read_conversations
from mqtt_client.reading import history as read_history
from mqtt_client.render import as_json, conversation_text, message_text
from mqtt_client.sending import send as send_message
from mqtt_client.session import Session, alongside
from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps
from wire.conversations import direct
from wire.message import BODY_MAX
from wire.receipts import SEQ_MAX, Rejected

_LOOKS_LIKE_OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?\Z", re.DOTALL)


class SendCommand(click.Command):
    """A command whose text may begin with a dash; what looks like a long option is still taken for a mistake."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let single dashes through as text, and refuse unknown long options before the first `--`."""
        known = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        own = args[: args.index("--")] if "--" in args else args
        for argument in own:
            if _LOOKS_LIKE_OPTION.match(argument) and argument.partition("=")[0] not in known:
                raise click.NoSuchOption(argument.partition("=")[0], ctx=ctx)
        return super().parse_args(ctx, args)


class Seconds(click.FloatRange):
    """A number of seconds; a range alone lets `nan` through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401  # click's own signature
        """Read the number."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail("nan is no number of seconds.", param, ctx)
        return seconds


@click.command(cls=SendCommand, context_settings={"ignore_unknown_options": True})
@click.argument("to", metavar="TO")
@click.argument("text", metavar="[TEXT]", required=False, type=click.UNPROCESSED)
@click.option(
    "--timeout",
    "seconds",
    metavar="S",
    type=Seconds(min=0, max=86400),
    default=10,
    show_default=True,
    help="Seconds to wait until the message is stored.",
)
@common
def send(options: Options, to: str, text: str | None, seconds: float) -> None:
    """Send one message and wait until it is stored. Without TEXT it is read from standard input, byte for byte.

    Put -- before a text that looks like an option.
    """
    profile = options.open_profile()
    profile.load()
    body = os.fsencode(text) if text is not None else _standard_input()

    async def work() -> tuple[str, int]:
        async with open_account(profile, options.asked_server) as account:
            return await send_message(account, to, body, seconds)

    id_, seq = run(work())
    say(as_json({"id": id_, "seq": seq, "status": "stored"}) if options.json else f"{id_} {seq}")


@click.command()
@click.argument("with_", metavar="WITH")
@click.option(
    "-n",
    "count",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="How many messages.",
)
@click.option("--before", metavar="SEQ", type=click.IntRange(1, SEQ_MAX), help="Only older ones than that.")
@common
def history(options: Options, with_: str, count: int, before: int | None) -> None:
    """Show stored messages, oldest first."""

    async def work() -> None:
        async with opened(options) as account:
            name = await check_user(account.api, with_)
            show = _Shower(options, account.username, one_conversation=True)
            for message in await read_history(account.api, name, count, before):
                show(message)

    run(work())


@click.command()
@click.argument("with_", metavar="[WITH]", required=False)
@common
def tail(options: Options, with_: str | None) -> None:
    """Show messages as they arrive, until interrupted: first those since the last time.

    With --json a message is printed when it is stored.
    """

    async def work() -> None:
        async with open_account(options.open_profile(), options.asked_server) as account:
            only = direct(await check_user(account.api, with_)) if with_ is not None else None
            with account.store() as store:
                async with WakeUps(account.profile.wakeups) as wakeups:
                    follower = Follower(account.api, store, wakeups, only=only, stored_only=options.json)
                    show = _Shower(options, account.username, one_conversation=only is not None)
                    await _tail(account, store, wakeups, follower, show)

    # However early it is interrupted, that is how a tail ends.
    with suppress(click.Abort):
        run(work())


@click.command()
@common
def conversations(options: Options) -> None:
    """List your conversations, the newest first."""

    async def work() -> None:
        async with opened(options) as account:
            now = datetime.now(UTC)
            for listed in await read_conversations(account.api):
                model = listed.entry.last_message
                last = message_of(model, {}) if model else None
                text = conversation_text(listed, last, account.username, now)
                say(as_json(listed.rest) if options.json else text)

    run(work())


@click.command()
@click.option("--count", is_flag=True, help="Only the number of all unread messages.")
@common
def unread(options: Options, *, count: bool) -> None:
    """List the conversations with unread messages, and how many each has."""

    async def work() -> None:
        async with opened(options) as account:
            listed = [entry for entry in await read_conversations(account.api) if entry.entry.unread]
            if count:
                total = sum(entry.entry.unread for entry in listed)
                say(as_json({"unread": total}) if options.json else str(total))
                return
            now = datetime.now(UTC)
            for entry in listed:
                say(as_json(entry.rest) if options.json else conversation_text(entry, None, account.username, now))

    run(work())


class _Shower:
    """Prints messages as the options say."""

    def __init__(self, options: Options, me: str, *, one_conversation: bool) -> None:
        self._json = options.json
        self._me = me
        self._one_conversation = one_conversation

    def __call__(self, message: Message) -> None:
        if self._json:
            say(as_json(message.rest or {}))
        else:
            now = datetime.now(UTC)
            say(message_text(message, self._me, now, one_conversation=self._one_conversation))


async def _tail(account: Account, store: Store, wakeups: WakeUps, follower: Follower, show: _Shower) -> None:
    session = Session(account.api, store, wakeups, account.profile)
    try:
        await session.begin()
        await alongside(session, _show_all(follower, show), reader_gone(), patient=False)
    finally:
        session.release()


async def _show_all(follower: Follower, show: _Shower) -> None:
    cut = False
    async for event in follower.events():
        cut = _show_event(event, show, cut=cut)


def _show_event(event: Event, show: _Shower, *, cut: bool) -> bool:
    match event:
        case MessageArrived(message):
            show(message)
        case ReceiptArrived(Rejected(id_, reason)):
            notice(f"message {id_} was rejected: {reason}")
        case ConnectionChanged(True, _):
            if cut:
                notice("connected again")
            return False
        case ConnectionChanged(False, reason):
            notice(f"the connection was cut, trying again: {reason}")
            return True
        case _:
            pass
    return cut


def _standard_input() -> bytes:
    if sys.stdin.isatty():
        notice("type the message; Ctrl-D on a new line ends it")
    return sys.stdin.buffer.read(BODY_MAX + 1)
