"""Whom a command means: a username, a group's id, or `#title` of one of the user's groups."""

from mqtt_client.api import Api
from mqtt_client.errors import ApiError, InputError
from mqtt_client.groups import find_group, own_groups
from wire.conversations import Conversation, direct, group, parse_conversation
from wire.names import is_group_id, is_username

_NOT_FOUND = 404


async def find_conversation(api: Api, name: str, *, may_have_left: bool = False) -> Conversation:
    """Find the conversation that a name means. Raises InputError, ApiError, OutOfReachError, NotLoggedInError.

    A few usernames look like group ids; the server says what those are. With `may_have_left` a group that the user is
    not in may be meant too: they can read what they could read before.
    """
    if name.startswith("#"):
        return group(await find_group(api, name))
    if not is_username(name):
        raise InputError(f"{name!r} is no username")
    if not is_group_id(name):
        return direct(name)
    if name in await _own_ids(api):
        return group(name)
    if await _is_user(api, name):
        return direct(name)
    if may_have_left:
        return group(name)
    raise InputError(f"{name}: there is no such user, and you are in no group of that id")


def conversation_named(name: str) -> Conversation:
    """Read a conversation's name as the wire has it: `direct:bob`, `group:g…`. Raises InputError."""
    conversation = parse_conversation(name)
    if conversation is None:
        raise InputError(f"{name!r} is no conversation")
    return conversation


async def _own_ids(api: Api) -> set[str]:
    try:
        return {each.id for each in await own_groups(api)}
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        return set()


async def _is_user(api: Api, name: str) -> bool:
    try:
        await api.call("GET", f"/v1/users/{name}")
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return True
