"""Commands around others, and what they are told: whois, block, unblock, blocks, privacy, export."""

import sys
from dataclasses import asdict, replace

import click

from mqtt_client import blocks as calls
from mqtt_client.account import safe_username
from mqtt_client.api import read
from mqtt_client.commands.opened import opened
from mqtt_client.commands.options import Options, common, run, say
from mqtt_client.errors import ClientError, InputError
from mqtt_client.exporting import END_BYTES, is_whole
from mqtt_client.looking import presence_of
from mqtt_client.models import User
from mqtt_client.render import as_json
from mqtt_client.text import visible
from wire.times import format_time

_user = click.argument("username", metavar="USER")
_SWITCH = click.Choice(["on", "off"])


@click.command()
@_user
@common
def whois(options: Options, username: str) -> None:
    """Show somebody's profile, and whether they are there."""
    safe_username(username)

    async def work() -> None:
        async with opened(options) as account:
            user = read(User, await account.api.call("GET", f"/v1/users/{username}"))
            presence = await presence_of(account, username)
            since = format_time(presence.since) if presence and presence.since else None
            told = {"status": presence.status, "since": since} if presence else None
            if options.json:
                say(as_json({**user.model_dump(), "presence": told}))
                return
            named = f" ({visible(user.display_name)})" if user.display_name else ""
            there = presence.status if presence else "offline"
            when = f" since {since}" if since and there != "offline" else ""
            say(f"{user.username}{named}  {there}{when}")

    run(work())


@click.command()
@_user
@common
def block(options: Options, username: str) -> None:
    """Do not see what somebody writes from now on. They cannot tell."""
    _block(options, username, is_blocked=True)


@click.command()
@_user
@common
def unblock(options: Options, username: str) -> None:
    """See again what somebody writes from now on."""
    _block(options, username, is_blocked=False)


@click.command()
@common
def blocks(options: Options) -> None:
    """List whom you have blocked."""

    async def work() -> None:
        async with opened(options) as account:
            with account.store() as store:
                for name in await calls.fetch_blocks(account.api, store):
                    say(as_json({"username": name}) if options.json else name)

    run(work())


@click.command()
@click.option("--markers", metavar="on|off", type=_SWITCH, help="Tell others what was delivered and read.")
@click.option("--presence", metavar="on|off", type=_SWITCH, help="Tell others whether you are there.")
@click.option("--typing", metavar="on|off", type=_SWITCH, help="Tell others that you are typing.")
@common
def privacy(options: Options, markers: str | None, presence: str | None, typing: str | None) -> None:
    """Show what this profile tells others of you, or change it for the commands that are started next.

    Without markers your other devices do not learn either what you have read.
    """
    profile = options.open_profile()
    wanted = {"markers": markers, "presence": presence, "typing": typing}
    chosen = {name: value == "on" for name, value in wanted.items() if value is not None}
    before = profile.privacy()
    after = replace(before, **chosen)
    if after != before:
        profile.keep_privacy(after)
    told = asdict(after)
    if options.json:
        say(as_json(told))
        return
    for name, is_on in told.items():
        say(f"{name}: {'on' if is_on else 'off'}")


@click.command()
@common
def export(options: Options) -> None:
    """Write everything that the server stores about you to standard output, one JSON object a line."""
    if sys.stdout.isatty():
        raise InputError("that is a lot for a terminal: write it into a file, as in `nightjar export > me.ndjson`")

    async def work() -> None:
        end = b""
        async with opened(options) as account, account.api.stream("/v1/me/export") as parts:
            async for part in parts:
                sys.stdout.buffer.write(part)
                end = (end + part)[-END_BYTES:]
            sys.stdout.buffer.flush()
        if not is_whole(end):
            raise ClientError("the export is not whole: the server broke it off; try again")

    run(work())


def _block(options: Options, username: str, *, is_blocked: bool) -> None:
    safe_username(username)

    async def work() -> None:
        async with opened(options) as account:
            with account.store() as store:
                await (calls.block if is_blocked else calls.unblock)(account.api, store, username)
            said = "blocked" if is_blocked else "not blocked"
            say(as_json({"username": username, "status": said}) if options.json else f"{username} is {said}")

    run(work())
