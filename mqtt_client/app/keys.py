"""The keys: what each does, how it is called in `config.toml`, and which the footer names. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """An action that keys call. `short` is what the footer says; empty: it is in the help only."""

    name: str
    keys: tuple[str, ...]
    does: str
    short: str = ""


KEYS = (
    Key("help", ("f1",), "show this help", "help"),
    Key("switch", ("ctrl+k",), "go to a conversation by its name", "switch"),
    Key("next_unread", ("alt+a",), "next unread conversation", "unread"),
    Key("next", ("ctrl+n",), "next conversation", "next"),
    Key("previous", ("ctrl+p",), "previous conversation", "previous"),
    Key("find", ("ctrl+f",), "find in this conversation", "find"),
    Key("page_up", ("pageup",), "scroll a page up"),
    Key("page_down", ("pagedown",), "scroll a page down"),
    Key("line_up", ("shift+up", "ctrl+up"), "scroll a line up"),
    Key("line_down", ("shift+down", "ctrl+down"), "scroll a line down"),
    Key("top", ("ctrl+home",), "go to the oldest message here"),
    Key("bottom", ("ctrl+end",), "go to the newest message"),
    Key("select_up", ("alt+up",), "choose the message above"),
    Key("select_down", ("alt+down",), "choose the message below"),
    Key("copy", ("alt+c",), "copy the chosen or newest message"),
    Key("unfold", ("alt+v",), "show all of a long message, or fold it"),
    Key("resend", ("ctrl+r",), "send the rejected message again"),
    Key("discard", ("alt+x",), "drop the rejected message"),
    Key("newline", ("alt+enter", "shift+enter", "ctrl+j"), "begin a new line"),
    Key("edit", ("ctrl+e",), "write the message in $EDITOR", "editor"),
    Key("complete", ("tab",), "complete a name or a command"),
    Key("cancel", ("escape",), "close what is open, stop what is loading"),
    Key("quit", ("ctrl+q",), "leave", "quit"),
)
FIXED = (
    ("Enter", "send"),
    ("Up, Down", "what was typed before"),
    ("Alt+1 … Alt+9", "the conversation of that number"),
)


def keys_of(chosen: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    """Return the keys of an action: those of `config.toml`, else the usual ones."""
    usual = {key.name: key.keys for key in KEYS}
    return chosen.get(name, usual[name])


def spoken(key: str) -> str:
    """Write a key as people do: `ctrl+k` is Ctrl+K."""
    names = {"pageup": "PgUp", "pagedown": "PgDn", "escape": "Esc"}
    parts = [names.get(part, part.capitalize()) for part in key.split("+")]
    return "+".join(parts)


def footer(chosen: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """List (key, what it does) for the footer."""
    return [(spoken(keys[0]), key.short) for key in KEYS if key.short and (keys := keys_of(chosen, key.name))]
