"""Commands around the account: register, login, logout, whoami, sessions, password, delete-account."""

from contextlib import suppress
from pathlib import Path

import click

from mqtt_client.account import end_login, log_in, open_account, safe_username
from mqtt_client.api import read
from mqtt_client.commands.opened import deliver, opened
from mqtt_client.commands.options import Options, common, notice, run, say
from mqtt_client.commands.passwords import Asker
from mqtt_client.credentials import Credentials
from mqtt_client.errors import ClientError, InputError, StorageError
from mqtt_client.models import Devices, User
from mqtt_client.profile import Profile
from mqtt_client.render import as_json
from mqtt_client.store import Store, remove_store
from mqtt_client.text import visible
from mqtt_client.transport import Transport
from wire.names import is_device_id

_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line, instead of asking."
)


@click.command()
@click.argument("username", metavar="USER")
@click.option("--display-name", metavar="NAME", help="A name that others see beside the username.")
@_password_stdin
@common
def register(options: Options, username: str, display_name: str | None, *, password_stdin: bool) -> None:
    """Make an account and log in to it."""
    safe_username(username)
    profile = options.open_profile()
    server = options.login_server(profile)
    password = Asker(from_stdin=password_stdin).new_password()
    named = {"display_name": display_name} if display_name is not None else {}

    async def work() -> None:
        async with Transport(server) as transport:
            body = {"username": username, "password": password, **named}
            await transport.request("POST", "/v1/users", body=body)
        try:
            credentials = await log_in(profile, server, username, password, is_new=True)
        except ClientError as error:
            error.args = (f"{username} is registered, but not logged in: {error}",)
            raise
        await _begin(options, profile, credentials, "registered and logged in")

    run(work())


@click.command()
@click.argument("username", metavar="USER")
@_password_stdin
@common
def login(options: Options, username: str, *, password_stdin: bool) -> None:
    """Log in on this profile; a login that it had before is ended."""
    safe_username(username)
    profile = options.open_profile()
    server = options.login_server(profile)
    password = Asker(from_stdin=password_stdin).password()

    async def work() -> None:
        await _begin(options, profile, await log_in(profile, server, username, password), "logged in")

    run(work())


@click.command()
@common
def logout(options: Options) -> None:
    """End this profile's session, here and at the server."""
    username = _log_out(options)
    say(as_json({"username": username}) if options.json else f"logged out {username}")


@click.command()
@common
def whoami(options: Options) -> None:
    """Say who is logged in, where, and as which device."""

    async def work() -> None:
        async with opened(options) as account:
            answer = await account.api.call("GET", "/v1/me")
            _show_self(options, read(User, answer).model_dump(), account.credentials)

    run(work())


@click.command()
@click.option("--end", metavar="DEVICE", help="End the session of that device.")
@click.option("--end-others", is_flag=True, help="End every session but this one.")
@common
def sessions(options: Options, end: str | None, *, end_others: bool) -> None:
    """List your login sessions, one a device, or end some."""
    if end is not None and end_others:
        raise InputError("--end and --end-others do not go together")
    if end is not None and not is_device_id(end):
        raise InputError(f"{end!r} is no device id: `nightjar sessions` lists them")
    if end is not None and end == options.open_profile().load().device_id:
        _log_out(options)
        _show_ended(options, [end])
        return

    async def work() -> None:
        async with opened(options) as account:
            if end is not None:
                ended = [end]
            else:
                devices = read(Devices, await account.api.call("GET", "/v1/sessions"))
                if not end_others:
                    _show_devices(options, devices)
                    return
                ended = [device.id for device in devices.sessions if not device.current]
            for device_id in ended:
                await account.api.call("DELETE", f"/v1/sessions/{device_id}")
            _show_ended(options, ended)

    run(work())


@click.command()
@_password_stdin
@common
def password(options: Options, *, password_stdin: bool) -> None:
    """Change the password; every other session ends. With --password-stdin: two lines, the current one first."""
    profile = options.open_profile()
    profile.load()
    asker = Asker(from_stdin=password_stdin)
    body = {"current_password": asker.password("Current password"), "new_password": asker.new_password("New password")}

    async def work() -> None:
        async with opened(options) as account:
            await account.api.call("PUT", "/v1/me/password", body=body)
            name = account.username
            say(as_json({"username": name}) if options.json else f"the password of {name} is changed")

    run(work())


@click.command("delete-account")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@click.option("--force", is_flag=True, help="Even if messages still wait in the outbox: they are lost.")
@_password_stdin
@common
def delete_account(options: Options, *, yes: bool, force: bool, password_stdin: bool) -> None:
    """Delete the account for good. What you sent stays in the others' histories."""
    profile = options.open_profile()
    username = profile.load().username
    if not yes:
        if password_stdin:
            raise InputError("say --yes to delete the account without being asked")
        click.confirm(f"Delete {username} for good", abort=True, err=True)
    password_ = Asker(from_stdin=password_stdin).password()

    async def work() -> int:
        async with open_account(profile, options.asked_server) as account:
            await deliver(account, quietly=True)
            with account.store() as store:
                waiting = len(store.outbox())
            if waiting and not force:
                raise ClientError(f"{waiting} unsent in the outbox would be lost: try again later, or say --force")
            await account.api.call("DELETE", "/v1/me", body={"password": password_})
            profile.forget()
            with account.store() as store:
                # Another command may have posted while the server was at it.
                lost = len(store.outbox())
            remove_store(profile.store_file(account.credentials.server, username))
            return lost

    lost = run(work())
    if lost:
        notice(f"{lost} unsent in the outbox: lost with the account")
    say(as_json({"username": username}) if options.json else f"{username} is deleted")


def _log_out(options: Options) -> str:
    """End this profile's session and say what waits in its outbox; return whose it was."""

    async def work() -> tuple[str, int]:
        async with open_account(options.open_profile(), options.asked_server) as account:
            await deliver(account)
            await end_login(account)
            with account.store() as store:
                return account.username, len(store.outbox())

    username, waiting = run(work())
    if waiting:
        notice(f"{waiting} unconfirmed in the outbox; sent when {username} logs in here again")
    return username


async def _begin(options: Options, profile: Profile, credentials: Credentials, done: str) -> None:
    """Show a login that has just been made, and deliver what waits for it; what waits for another one is named."""
    _show_login(options, credentials, done)
    waiting = sum(_count_outbox(store) for store in profile.other_stores(credentials.server, credentials.username))
    if waiting:
        user = credentials.username
        said = f"for another server URL: sent when {user} logs in with that --server again"
        notice(f"{waiting} unsent by {user} in this profile, {said}")
    async with open_account(profile, credentials.server) as account:
        await deliver(account)


def _count_outbox(path: Path) -> int:
    # A login here does not depend on a file that it has no use for.
    with suppress(StorageError), Store(path) as store:
        return len(store.outbox())
    return 0


def _show_login(options: Options, credentials: Credentials, done: str) -> None:
    device = {"id": credentials.device_id, "name": credentials.device_name}
    named = {"username": credentials.username, "device": device, "server": credentials.server}
    said = f"{done} as {credentials.username} at {credentials.server} (device {credentials.device_id})"
    say(as_json(named) if options.json else said)


def _show_self(options: Options, user: dict[str, object], credentials: Credentials) -> None:
    if options.json:
        device = {"id": credentials.device_id, "name": credentials.device_name}
        say(as_json({**user, "device": device, "server": credentials.server}))
        return
    named = f" ({visible(str(user['display_name']))})" if user["display_name"] else ""
    say(f"{user['username']}{named} at {credentials.server}, device {credentials.device_id}")


def _show_devices(options: Options, devices: Devices) -> None:
    for entry in devices.sessions:
        mark = " (this one)" if entry.current else ""
        name = f"  {visible(entry.name)}" if entry.name else ""
        line = f"{entry.id}{mark}{name}  since {visible(entry.created_at)}, last seen {visible(entry.last_seen_at)}"
        say(as_json(entry.model_dump()) if options.json else line)


def _show_ended(options: Options, ended: list[str]) -> None:
    for device_id in ended:
        say(as_json({"id": device_id, "status": "ended"}) if options.json else f"ended {device_id}")
