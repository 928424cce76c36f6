"""Commands that take a text, and wait until it is stored."""

import math
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import click

from mqtt_client.account import open_account
from mqtt_client.commands.options import Options, notice, run, say
from mqtt_client.render import as_json
from mqtt_client.sending import Prepare
from mqtt_client.sending import send as send_message
from wire.message import BODY_MAX

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


waiting: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--timeout",
    "seconds",
    metavar="S",
    type=Seconds(min=0, max=86400),
    default=10,
    show_default=True,
    help="Seconds to wait until it is stored.",
)
text_argument: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument(
    "text", metavar="[TEXT]", required=False, type=click.UNPROCESSED
)


def text_command(function: Callable[..., Any]) -> click.Command:
    """Make a command of a function that takes a text."""
    return click.command(cls=SendCommand, context_settings={"ignore_unknown_options": True})(function)


def body_of(text: str | None) -> bytes:
    """Return the bytes of a text, or of standard input when there is none."""
    return os.fsencode(text) if text is not None else _standard_input()


def send_and_say(options: Options, prepare: Prepare, seconds: float) -> None:
    """Send what `prepare` makes, wait until it is stored, and print its id and seq."""
    profile = options.open_profile()

    async def work() -> tuple[str, int]:
        async with open_account(profile, options.asked_server) as account:
            return await send_message(account, prepare, seconds)

    id_, seq = run(work())
    say(as_json({"id": id_, "seq": seq, "status": "stored"}) if options.json else f"{id_} {seq}")


def _standard_input() -> bytes:
    if sys.stdin.isatty():
        notice("type the message; Ctrl-D on a new line ends it")
    return sys.stdin.buffer.read(BODY_MAX + 1)
