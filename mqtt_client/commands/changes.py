"""Commands that change what was said: edit, retract, react, versions."""

from datetime import UTC, datetime

import click

from mqtt_client.api import Api
from mqtt_client.commands.opened import opened
from mqtt_client.commands.options import Options, common, run, say
from mqtt_client.commands.texts import body_of, send_and_say, text_argument, text_command, waiting
from mqtt_client.events import version_message
from mqtt_client.reading import versions_of
from mqtt_client.relating import edit as make_edit
from mqtt_client.relating import find_message, reaction, reaction_taken_back, retraction
from mqtt_client.render import as_json, version_text
from mqtt_client.store import Outgoing
from wire.receipts import SEQ_MAX

_seq = click.argument("seq", metavar="SEQ", type=click.IntRange(1, SEQ_MAX))


@text_command
@_seq
@text_argument
@waiting
@common
def edit(options: Options, seq: int, text: str | None, seconds: float) -> None:
    """Put another text into one of your messages. Without TEXT it is read from standard input, byte for byte.

    Put -- before a text that looks like an option. `history --seqs` shows the seqs.
    """
    options.open_profile().load()
    body = body_of(text)

    async def prepare(api: Api) -> Outgoing:
        return await make_edit(api, seq, body)

    send_and_say(options, prepare, seconds)


@click.command()
@_seq
@waiting
@common
def retract(options: Options, seq: int, seconds: float) -> None:
    """Take one of your messages back: its text leaves the archive for good."""

    async def prepare(api: Api) -> Outgoing:
        return await retraction(api, seq)

    send_and_say(options, prepare, seconds)


@click.command()
@_seq
@click.argument("emoji", metavar="EMOJI")
@click.option("--remove", is_flag=True, help="Take your reaction back.")
@waiting
@common
def react(options: Options, seq: int, emoji: str, seconds: float, *, remove: bool) -> None:
    """React to a message with an emoji, or any short text."""

    async def prepare(api: Api) -> Outgoing:
        return await (reaction_taken_back if remove else reaction)(api, seq, emoji)

    send_and_say(options, prepare, seconds)


@click.command()
@_seq
@common
def versions(options: Options, seq: int) -> None:
    """Show what a message has said, oldest first; nothing of one that was retracted."""

    async def work() -> None:
        async with opened(options) as account:
            message = await find_message(account.api, seq)
            now = datetime.now(UTC)
            for version, raw in await versions_of(account.api, seq):
                shown = version_message(message, version)
                say(as_json(raw) if options.json else version_text(shown, account.username, now))

    run(work())
