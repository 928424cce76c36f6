"""What is typed: a message, or a command. Pure. Nothing that begins with one slash is ever sent as a message."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Argument = Literal["", "user", "theme", "text", "group", "reaction", "privacy"]
REACTIONS: Mapping[str, str] = {
    "thumbsup": "👍", "thumbsdown": "👎", "heart": "❤️", "joy": "😂", "tada": "🎉", "wow": "😮", "sad": "😢",
    "pray": "🙏", "eyes": "👀", "check": "✅",
}  # fmt: skip
"""What can be typed in the place of an emoji."""
_PRIVACY = ("markers", "presence", "typing")


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the app. `argument` says what Tab completes after it."""

    name: str
    usage: str
    does: str
    argument: Argument = ""


COMMANDS = (
    Command("msg", "/msg USER [TEXT]", "open a conversation, and send the text", "user"),
    Command("join", "/join GROUP", "join an open group, by its #title or id", "group"),
    Command("leave", "/leave", "leave this group"),
    Command("reply", "/reply TEXT", "answer the chosen message, or the newest of somebody else", "text"),
    Command(
        "react",
        "/react EMOJI",
        "react to the chosen message, or the newest of somebody else; again: take it back",
        "reaction",
    ),
    Command("correct", "/correct TEXT", "put another text into your chosen or last message", "text"),
    Command("retract", "/retract", "take your chosen or last message back"),
    Command("history", "/history", "load this conversation back to its first message"),
    Command("find", "/find TEXT", "find in this conversation", "text"),
    Command("search", "/search TEXT", "find in all conversations", "text"),
    Command("whois", "/whois USER", "show somebody's profile, and whether they are there", "user"),
    Command("block", "/block USER", "see nothing more of what somebody writes", "user"),
    Command("unblock", "/unblock [USER]", "undo /block, or list who is blocked", "user"),
    Command("privacy", "/privacy [WHAT on|off]", "what others are told: markers, presence, typing", "privacy"),
    Command("export", "/export FILE", "write all that the server stores about you into a file"),
    Command("mute", "/mute", "no bell and no notification for this conversation"),
    Command("unmute", "/unmute", "undo /mute"),
    Command("resend", "/resend", "send the rejected message again"),
    Command("discard", "/discard", "drop the rejected message"),
    Command("sessions", "/sessions [end DEVICE]", "list your login sessions, or end one"),
    Command("password", "/password", "change your password"),
    Command("theme", "/theme [NAME]", "choose the colours", "theme"),
    Command("help", "/help", "show keys and commands"),
    Command("quit", "/quit", "leave"),
)
_BY_NAME = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class Say:
    """A message to send."""

    text: str


@dataclass(frozen=True, slots=True)
class Do:
    """A command to follow; `rest` is all that stands behind its name."""

    command: Command
    rest: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A slash and a name that is none of ours; `near` are names that begin alike."""

    name: str
    near: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in a line."""
        hint = f"did you mean /{' or /'.join(self.near)}?" if self.near else "/help lists the commands."
        return f"/{self.name} is no command: {hint} To send it as a message, double the slash."


Typed = Say | Do | Unknown


def read_typed(text: str) -> Typed | None:
    """Read what was typed; None when there is nothing in it. Two slashes at its beginning stand for one."""
    if not text.strip():
        return None
    if text.startswith("//"):
        return Say(text[1:])
    if not text.startswith("/"):
        return Say(text)
    words = text[1:].split(None, 1)
    name = words[0] if words and not text[1:2].isspace() else ""
    command = _BY_NAME.get(name)
    if command is None:
        near = tuple(each for each in _BY_NAME if name and each.startswith(name[:2]))[:3]
        return Unknown(name, near)
    return Do(command, words[1].strip() if len(words) > 1 else "")


def reaction(text: str) -> str:
    """Read a reaction: an emoji, or the name of one."""
    return REACTIONS.get(text.strip(":"), text)


def completions(
    before: str, users: tuple[str, ...], themes: tuple[str, ...], groups: tuple[str, ...] = ()
) -> tuple[int, tuple[str, ...]]:
    """Say what could stand at the cursor: where the word that is being typed starts, and what it could become.

    `groups` are titles behind a number sign.
    """
    start = max(before.rfind(" "), before.rfind("\n")) + 1
    word = before[start:]
    if before.startswith("/") and not before.startswith("//"):
        if start == 0:
            return 0, tuple(f"/{name} " for name in sorted(_BY_NAME) if name.startswith(word[1:]))
        command = _BY_NAME.get(before[1:].split(None, 1)[0] if before[1:].strip() else "")
        if command and command.argument == "group":
            # A title may have blanks in it.
            start = before.index(" ") + 1
            word = before[start:].casefold()
            return start, tuple(each for each in groups if each.casefold().startswith((word, f"#{word}")))
        known = {"theme": themes, "reaction": tuple(REACTIONS), "privacy": _PRIVACY}.get(
            command.argument if command else ""
        )
        if known is not None:
            return start, tuple(name for name in known if name.startswith(word))
        if command and command.argument == "user" and " " not in before[:start].strip():
            return start, tuple(f"{name} " for name in users if name.startswith(word))
    sign = "@" if word.startswith("@") else ""
    if len(word) <= len(sign):
        return start, ()
    ending = ": " if start == 0 and not sign else " "
    return start, tuple(f"{sign}{name}{ending}" for name in users if name.startswith(word[len(sign) :]))


def common_start(words: tuple[str, ...]) -> str:
    """Return what all the words begin with."""
    first, last = min(words, default=""), max(words, default="")
    same = next((index for index, sign in enumerate(first) if last[index : index + 1] != sign), len(first))
    return first[:same]
