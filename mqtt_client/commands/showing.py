"""Printing messages as the options say."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from mqtt_client.api import Api
from mqtt_client.commands.options import Options, say
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.events import Message
from mqtt_client.groups import own_groups
from mqtt_client.render import Style, as_json, message_text
from wire.message import TEXT

_MARKS = ("\ue000", "\ue001")
"""Between these the server puts what matches in a part of a message that was searched for."""
_BOLD = ("\x1b[1m", "\x1b[22m")


class Shower:
    """Prints messages, for people or for scripts. `titles` are those of groups, by id."""

    def __init__(self, options: Options, me: str, *, one_conversation: bool, seqs: bool = False) -> None:
        """Take for whom it prints, and whether messages of several conversations come."""
        self._json = options.json
        self._me = me
        self._one_conversation = one_conversation
        self._seqs = seqs
        self._bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.titles: Mapping[str, str] = {}

    def __call__(self, message: Message, highlight: str | None = None) -> None:
        """Print one; `highlight` is the part of it that was searched for."""
        if self._json:
            found = {"highlight": highlight} if highlight is not None else {}
            say(as_json({**(message.rest or {}), **found}))
        elif highlight is not None:
            self._say(replace(message, content_type=TEXT, body=highlight.encode(errors="replace")))
        else:
            self._say(message)

    def _say(self, message: Message) -> None:
        style = Style(self._me, self._one_conversation, self._seqs, self.titles)
        text = message_text(message, style, datetime.now(UTC))
        for mark, shown in zip(_MARKS, _BOLD if self._bold else ("", ""), strict=True):
            text = text.replace(mark, shown)
        say(text)


async def group_titles(api: Api) -> dict[str, str]:
    """Read the titles of the user's groups; none when the server cannot say. Raises NotLoggedInError."""
    try:
        return {group.id: group.title for group in await own_groups(api)}
    except (ApiError, OutOfReachError):
        return {}
