"""Commands around messages: send, history, tail, conversations, unread, read."""

from contextlib import suppress
from datetime import UTC, datetime

import click

from mqtt_client.account import Account, open_account
from mqtt_client.api import Api
from mqtt_client.commands.opened import opened
from mqtt_client.commands.options import Options, common, notice, reader_gone, run, say
from mqtt_client.commands.showing import Shower
from mqtt_client.commands.texts import body_of, send_and_say, text_argument, text_command, waiting
from mqtt_client.errors import ClientError
from mqtt_client.events import (
    ConnectionChanged,
    Event,
    GroupChanged,
    MessageArrived,
    MessageEdited,
    MessageReacted,
    MessageRetracted,
    ReceiptArrived,
    message_of,
)
from mqtt_client.follow import Follower
from mqtt_client.liveliness import Manner
from mqtt_client.marking import mark_read
from mqtt_client.reading import conversations as read_conversations
from mqtt_client.reading import history as read_history
from mqtt_client.reading import newest_in, search
from mqtt_client.recipients import find_conversation
from mqtt_client.relating import related_to
from mqtt_client.render import as_json, conversation_text
from mqtt_client.sending import compose, rejection
from mqtt_client.session import Session, alongside
from mqtt_client.store import Outgoing, Store
from mqtt_client.text import visible
from mqtt_client.wakeup import WakeUps
from wire.receipts import SEQ_MAX, Rejected


@text_command
@click.argument("to", metavar="TO")
@text_argument
@click.option("--reply-to", metavar="ID|SEQ", help="The message of the conversation that this one answers.")
@waiting
@common
def send(options: Options, to: str, text: str | None, reply_to: str | None, seconds: float) -> None:
    """Send one message and wait until it is stored. Without TEXT it is read from standard input, byte for byte.

    TO is a username, a group's id, or the #title of one of your groups. Put -- before a text that looks like an option.
    """
    options.open_profile().load()
    body = body_of(text)

    async def prepare(api: Api) -> Outgoing:
        conversation = await find_conversation(api, to)
        related = await related_to(api, conversation, "reply", reply_to) if reply_to is not None else None
        return compose(conversation, body, related=related)

    send_and_say(options, prepare, seconds)


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
@click.option("--search", "wanted", metavar="TEXT", help="Only those that match.")
@click.option("--seqs", is_flag=True, help="Show the seq of each, by which edit, retract and react name it.")
@common
def history(options: Options, with_: str, count: int, before: int | None, wanted: str | None, *, seqs: bool) -> None:
    """Show stored messages, oldest first.

    WITH is a username, a group's id, or the #title of one of your groups.
    """

    async def work() -> None:
        async with opened(options) as account:
            conversation = await find_conversation(account.api, with_, may_have_left=True)
            show = Shower(options, account.username, one_conversation=True, seqs=seqs)
            if wanted is not None:
                for message, highlight in await search(account.api, conversation, wanted, count, before):
                    show(message, highlight)
                return
            for message in await read_history(account.api, conversation, count, before):
                show(message)

    run(work())


@click.command()
@click.argument("with_", metavar="[WITH]", required=False)
@click.option("--seqs", is_flag=True, help="Show the seq of each message that has one yet.")
@common
def tail(options: Options, with_: str | None, *, seqs: bool) -> None:
    """Show messages as they arrive, until interrupted: first those since the last time.

    With --json a message is printed when it is stored.
    """

    async def work() -> None:
        async with open_account(options.open_profile(), options.asked_server) as account:
            only = await find_conversation(account.api, with_) if with_ is not None else None
            with account.store() as store:
                async with WakeUps(account.profile.wakeups) as wakeups:
                    markers = account.profile.privacy().markers
                    follower = Follower(
                        account.api, store, wakeups, only=only, stored_only=options.json, markers=markers
                    )
                    show = Shower(options, account.username, one_conversation=only is not None, seqs=seqs)
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


@click.command()
@click.argument("with_", metavar="WITH")
@click.argument("seq", metavar="[SEQ]", required=False, type=click.IntRange(1, SEQ_MAX))
@waiting
@common
def read(options: Options, with_: str, seq: int | None, seconds: float) -> None:
    """Mark a conversation as read, up to its newest message or to SEQ. The others are told."""

    async def work() -> None:
        async with opened(options) as account:
            if not account.profile.privacy().markers:
                raise ClientError("not told: this profile tells nobody what was read (`nightjar privacy`)")
            conversation = await find_conversation(account.api, with_)
            upto = seq or await newest_in(account.api, conversation)
            if upto:
                await mark_read(account, conversation, upto, seconds)
            said = {"conversation": str(conversation), "read": upto}
            say(as_json(said) if options.json else f"read up to {upto}" if upto else "there is nothing to read")

    run(work())


async def _tail(account: Account, store: Store, wakeups: WakeUps, follower: Follower, show: Shower) -> None:
    manner = Manner(live=True, visible=account.profile.privacy().presence)
    session = Session(account.api, store, wakeups, account.profile, manner=manner)
    try:
        await session.begin()
        await alongside(session, _show_all(account.api, follower, show), reader_gone(), patient=False)
    finally:
        session.release()


async def _show_all(api: Api, follower: Follower, show: Shower) -> None:
    cut = False
    async for event in follower.events():
        if isinstance(event, GroupChanged):
            show.forget_title(event.group)
        if isinstance(event, MessageArrived | MessageEdited | MessageRetracted | MessageReacted):
            await show.learn_title(api, event.message)
        cut = _show_event(event, show, cut=cut)


def _show_event(event: Event, show: Shower, *, cut: bool) -> bool:
    match event:
        case (
            MessageArrived(message)
            | MessageEdited(message, _)
            | MessageRetracted(message, _)
            | MessageReacted(message, _)
        ):
            show(message)
        case ReceiptArrived(Rejected(id_, reason)):
            notice(f"message {visible(id_)} was rejected: {rejection(reason)}")
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
