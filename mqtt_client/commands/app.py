"""The full-screen app, as a command."""

import sys

import click

from mqtt_client.commands.options import DEFAULT_SERVER, Options, common
from mqtt_client.errors import InputError
from wire.names import is_username


@click.command()
@click.argument("with_", metavar="[WITH]", required=False)
@common
def chat(options: Options, with_: str | None) -> None:
    """Open the full-screen app, in the conversation WITH somebody or a group, or in the last one."""
    open_app(options, with_)


def open_app(options: Options, with_: str | None = None) -> None:
    """Run the app until somebody leaves it. Raises ClientError."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise InputError("the app needs a terminal: `nightjar --help` lists what works without one")
    if with_ is not None and not with_.startswith("#") and not is_username(with_):
        raise InputError(f"{with_!r} is no username")
    profile = options.open_profile()
    default = profile.remembered_server() or DEFAULT_SERVER
    # Loaded here: the other commands need nothing of it.
    from mqtt_client.app.start import run_app  # noqa: PLC0415  # see above

    run_app(profile, options.asked_server, default, with_)
