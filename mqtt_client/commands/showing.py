"""Printing messages as the options say."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
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
        self._asked: set[str] = set()

    def __call__(self, message: Message, highlight: str | None = None) -> None:
        """Print one; `highlight` is the part of it that was searched for."""
        if self._json:
            found = {"highlight": highlight} if highlight is not None else {}
            say(as_json({**(message.rest or {}), **found}))
        elif highlight is not None:
            self._say(replace(message, content_type=TEXT, body=highlight.encode(errors="replace")))
        else:
            self._say(message)

    async def learn_title(self, api: Api, message: Message) -> None:
        """Ask for the title of a message's group if it is to be shown and not known; once, whatever the answer."""
        conversation = message.conversation
        if self._json or self._one_conversation or conversation.kind == "direct" or conversation.name in self._asked:
            return
        self._asked.add(conversation.name)
        with suppress(ApiError, OutOfReachError):
            self.titles = {group.id: group.title for group in await own_groups(api)}
            self._asked.update(self.titles)

    def forget_title(self, group_id: str) -> None:
        """Have a title asked for again: the group may have been given another."""
        self._asked.discard(group_id)

    def _say(self, message: Message) -> None:
        style = Style(self._me, self._one_conversation, self._seqs, self.titles)
        text = message_text(message, style, datetime.now(UTC))
        for mark, shown in zip(_MARKS, _BOLD if self._bold else ("", ""), strict=True):
            text = text.replace(mark, shown)
        say(text)
