"""Options that every command takes, before its name or after it, and running a command's work."""

import os
import select
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from mqtt_client.profile import Profile, open_profile
from mqtt_client.settings import Settings, check_profile, check_server, read_settings

DEFAULT_SERVER = "http://127.0.0.1:8080"
Result = TypeVar("Result")
Command = Callable[..., Any]


@dataclass
class Options:
    """What the options and the environment say; an option that stands later wins."""

    server: str | None = None
    profile: str | None = None
    json: bool = False
    _settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The environment, read once. Raises InputError."""
        if self._settings is None:
            self._settings = read_settings()
        return self._settings

    def open_profile(self) -> Profile:
        """Find the profile meant. Raises InputError, StorageError."""
        return open_profile(self.profile or self.settings.profile)

    @property
    def asked_server(self) -> str | None:
        """The server that the user names, if any: option, then environment."""
        return self.server or self.settings.server

    def login_server(self, profile: Profile) -> str:
        """The server to log in at: the one named, else the profile's last one, else the default."""
        return self.asked_server or profile.remembered_server() or DEFAULT_SERVER


def common(command: Command) -> Command:
    """Add --server, --profile and --json to a command."""
    decorators = [
        click.option(
            "--server",
            metavar="URL",
            expose_value=False,
            callback=_take(check_server),
            help="The REST server (NIGHTJAR_SERVER).",
        ),
        click.option(
            "--profile",
            metavar="NAME",
            expose_value=False,
            callback=_take(check_profile),
            help="Whose login, store and settings (NIGHTJAR_PROFILE).",
        ),
        click.option(
            "--json", is_flag=True, expose_value=False, callback=_take_json, help="Print one JSON object a line."
        ),
    ]
    for decorate in reversed(decorators):
        command = decorate(command)
    return click.pass_obj(command) if not isinstance(command, click.Command) else command


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Do a command's work. SIGINT and SIGTERM cancel it; work that does not make more of that was interrupted."""
    import asyncio  # noqa: PLC0415  # the app's first screen does not wait for it

    try:
        return asyncio.run(_cancelled_by_signals(work))
    except asyncio.CancelledError:
        raise click.Abort from None


def say(text: str) -> None:
    """Write one line, or several, to standard output, and see that it leaves."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def notice(text: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"nightjar: {text}\n")
    sys.stderr.flush()


async def reader_gone() -> None:
    """Return when nobody reads our standard output any more, as after `| head`."""
    import asyncio  # noqa: PLC0415  # see `run`

    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLERR)
    while not any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0)):  # noqa: ASYNC110  # the kernel is asked
        await asyncio.sleep(1)


async def _cancelled_by_signals(work: Coroutine[Any, Any, Result]) -> Result:
    import asyncio  # noqa: PLC0415  # see `run`

    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    # Ctrl-Z stops us between two steps, and not while `locks.held` holds a lock that others would have to wait for.
    loop.add_signal_handler(signal.SIGTSTP, os.kill, os.getpid(), signal.SIGSTOP)
    return await task


def _take(check: Callable[[str], str]) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def take(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        try:
            setattr(context.ensure_object(Options), str(parameter.name), check(value))
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from error

    return take


def _take_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    options = context.ensure_object(Options)
    options.json = options.json or value
