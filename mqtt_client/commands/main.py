"""The command line: all commands, and how their errors reach people."""

import os
import sys
from importlib import import_module

import click

from mqtt_client.commands.app import open_app
from mqtt_client.commands.options import Options, common, notice
from mqtt_client.errors import ClientError
from mqtt_client.text import visible

_MODULES = {
    "chat": "app",
    "register": "account",
    "login": "account",
    "logout": "account",
    "whoami": "account",
    "sessions": "account",
    "password": "account",
    "delete-account": "account",
    "groups": "groups",
    "whois": "people",
    "block": "people",
    "unblock": "people",
    "blocks": "people",
    "privacy": "people",
    "export": "people",
    "edit": "changes",
    "retract": "changes",
    "react": "changes",
    "versions": "changes",
    "send": "messages",
    "history": "messages",
    "tail": "messages",
    "conversations": "messages",
    "unread": "messages",
    "read": "messages",
}


class Commands(click.Group):
    """The commands, each loaded when it is called: the app's first screen does not wait for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name them."""
        del ctx
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one."""
        del ctx
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"mqtt_client.commands.{_MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nightjar", message="%(version)s")
@click.pass_context
@common
def cli(options: Options, context: click.Context) -> None:
    """Chat over MQTT, with nothing lost.

    Without a command it opens the full-screen app.
    """
    if context.invoked_subcommand is None:
        open_app(options)


def run_command_line(arguments: list[str]) -> int:
    """Run one command; return its exit status (contract, section 8). Errors are one line on standard error."""
    _prepare_output()
    try:
        cli.main(arguments, prog_name="nightjar", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except BrokenPipeError:
        # Nobody reads on; nor shall the interpreter try to flush at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (click.ClickException, click.Abort, KeyboardInterrupt, ClientError, OSError) as error:
        message, status = _explain(error)
        notice(visible(" ".join(message.split())))
        return status
    return 0


def _explain(error: BaseException) -> tuple[str, int]:
    match error:
        case click.UsageError():
            hint = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
            return error.format_message().rstrip(".") + hint, 2
        case click.ClickException():
            return error.format_message(), error.exit_code
        case ClientError():
            return str(error), error.exit_status
        case OSError():
            return error.strerror or str(error), 1
        case _:
            return "interrupted", 1


def _prepare_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
