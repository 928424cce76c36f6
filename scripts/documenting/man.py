"""The man page."""

import inspect
import re

import click

from mqtt_client.app.commands import COMMANDS
from mqtt_client.app.keys import FIXED, KEYS, spoken

_STATUS = (
    ("0", "done"),
    ("1", "failed"),
    ("2", "called wrongly"),
    ("3", "rejected by the archive"),
    ("4", "not confirmed in time; the message stays in the outbox"),
    ("5", "not logged in"),
    ("6", "the server is out of reach"),
)
_CONFIG = """theme = "nightjar-dark"            # or nightjar-light

[notifications]
bell = true
desktop = true                     # OSC 9 and OSC 777
previews = true                    # false: say that a message came, not what it says
quiet = "22:00-07:00"

[keys]                             # an action, and one key or several
switch = "ctrl+t"
next = ["ctrl+n", "f6"]"""


def man_page(group: click.Group) -> str:
    """Write the page."""
    context = click.Context(group, info_name="nightjar")
    lines = [
        '.\\" Made by scripts/document. Do not edit.',
        ".TH NIGHTJAR 1",
        ".SH NAME",
        "nightjar \\- chat over MQTT, with nothing lost",
        ".SH SYNOPSIS",
        ".B nightjar",
        "[\\fIOPTIONS\\fR] [\\fICOMMAND\\fR] [\\fIARGUMENTS\\fR]",
        ".SH DESCRIPTION",
        *_text(group),
        ".SH OPTIONS",
        "Every command takes these, before its name or after it.",
        *_options(group, context),
        ".SH COMMANDS",
    ]
    general = {name for parameter in group.params for name in parameter.opts}
    lines += _commands(group, context, general)
    lines += [".SH KEYS OF THE APP", *_pairs([*FIXED, *((", ".join(map(spoken, key.keys)), key.does) for key in KEYS)])]
    lines += [".SH COMMANDS OF THE APP", *_pairs([(command.usage, command.does) for command in COMMANDS])]
    lines += ["Two slashes begin a message with one."]
    lines += [".SH FILES", ".TP", ".I $XDG_CONFIG_HOME/nightjar/config.toml", "Settings of the app:", ".nf"]
    lines += [*(_plain(line) for line in _CONFIG.split("\n")), ".fi"]
    lines += [".TP", ".I $XDG_DATA_HOME/nightjar/PROFILE/", "The login, the outbox, and the copy of the conversations."]
    lines += [".SH ENVIRONMENT", *_pairs([("NIGHTJAR_SERVER", "the REST server"), ("NIGHTJAR_PROFILE", "the profile")])]
    lines += _pairs(
        [
            (
                "SSL_CERT_FILE",
                "a file of certificate authorities to trust besides SSL_CERT_DIR, in the place of the system's",
            )
        ]
    )
    lines += _pairs([("NO_COLOR", "no colours in the app"), ("VISUAL, EDITOR", "what Ctrl+E opens")])
    lines += [".SH EXIT STATUS", *_pairs(_STATUS)]
    return "\n".join([*lines, ""])


def _commands(group: click.Group, context: click.Context, general: set[str], before: str = "") -> list[str]:
    """Write a group's commands, each group among them followed by its own."""
    lines: list[str] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            own = click.Context(command, info_name=name, parent=context)
            usage = " ".join(command.collect_usage_pieces(own))
            heading = _plain(f"{before}{name} {usage}")
            lines += [f".SS {heading}", *_text(command), *_options(command, own, general)]
            if isinstance(command, click.Group):
                lines += _commands(command, own, general, f"{before}{name} ")
    return lines


def _text(command: click.Command) -> list[str]:
    """Write a command's help: paragraphs."""
    text = inspect.cleandoc(command.help or "")
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines += [".PP", _plain(" ".join(paragraph.split()))]
    return lines


def _options(
    command: click.Command, context: click.Context, without: frozenset[str] | set[str] = frozenset()
) -> list[str]:
    found = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
    pairs = []
    for option in found:
        record = option.get_help_record(context)
        if record and not without & set(option.opts) and "--help" not in option.opts:
            pairs.append(record)
    return _pairs(pairs)


def _pairs(pairs: object) -> list[str]:
    lines: list[str] = []
    for left, right in pairs:  # type: ignore[attr-defined]  # any two texts
        lines += [".TP", f".B {_plain(left)}", _plain(right)]
    return lines


def _plain(text: str) -> str:
    """Keep a text from being read as a request, and its dashes and backslashes as they are."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    escaped = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in escaped)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
