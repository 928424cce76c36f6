"""Printing messages as the options say."""

from collections.abc import Mapping
from datetime import UTC, datetime

from mqtt_client.api import Api
from mqtt_client.commands.options import Options, say
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.events import Message
from mqtt_client.groups import own_groups
from mqtt_client.render import Style, as_json, message_text


class Shower:
    """Prints messages, for people or for scripts. `titles` are those of groups, by id."""

    def __init__(self, options: Options, me: str, *, one_conversation: bool, seqs: bool = False) -> None:
        """Take for whom it prints, and whether messages of several conversations come."""
        self._json = options.json
        self._me = me
        self._one_conversation = one_conversation
        self._seqs = seqs
        self.titles: Mapping[str, str] = {}

    def __call__(self, message: Message, highlight: str | None = None) -> None:
        """Print one; `highlight` is the part of it that was searched for."""
        if self._json:
            found = {"highlight": highlight} if highlight is not None else {}
            say(as_json({**(message.rest or {}), **found}))
        else:
            style = Style(self._me, self._one_conversation, self._seqs, self.titles)
            say(message_text(message, style, datetime.now(UTC)))


async def group_titles(api: Api) -> dict[str, str]:
    """Read the titles of the user's groups; none when the server cannot say. Raises NotLoggedInError."""
    try:
        return {group.id: group.title for group in await own_groups(api)}
    except (ApiError, OutOfReachError):
        return {}
