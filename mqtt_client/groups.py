"""The REST calls around groups (contract, section 6)."""

from collections.abc import Sequence
from dataclasses import dataclass

from mqtt_client.api import Api, checked, read
from mqtt_client.errors import ApiError, InputError
from mqtt_client.models import Group, GroupsPage, Member, MembersPage
from wire.names import is_group_id

_PAGE = 200
_PAGES_MOST = 100


@dataclass(frozen=True, slots=True)
class Listed:
    """Something in a list, checked, and the object as REST gave it."""

    group: Group
    rest: dict[str, object]


async def list_groups(api: Api, *, visibility: str | None = None) -> list[Listed]:
    """List the user's groups, or all open ones. Raises ApiError, OutOfReachError, NotLoggedInError."""
    found: list[Listed] = []
    query: dict[str, str | int] = {"visibility": visibility, "limit": _PAGE} if visibility else {}
    for _ in range(_PAGES_MOST):
        page = read(GroupsPage, await api.call("GET", "/v1/groups", query=query))
        found += [Listed(checked(Group, raw), raw) for raw in page.groups]
        if page.next_cursor is None:
            break
        query["cursor"] = page.next_cursor
    return found


async def own_groups(api: Api) -> list[Group]:
    """List the groups that the user is in. Errors as above."""
    return [each.group for each in await list_groups(api)]


async def find_group(api: Api, name: str, *, among_open: bool = False) -> str:
    """Find a group by its id, or by `#title` among the user's groups, or all open ones too.

    A title is compared as it is written first, then without regard to case. Raises InputError for one that no group
    has, or several have, and errors as above.
    """
    if not name.startswith("#"):
        if not is_group_id(name):
            raise InputError(f"{name!r} is neither a group's id nor a #title")
        return name
    groups = await own_groups(api)
    if among_open:
        known = {each.id for each in groups}
        groups += [each.group for each in await list_groups(api, visibility="open") if each.group.id not in known]
    return _titled(groups, name[1:], "there is no open group" if among_open else "you are in no group").id


async def show_group(api: Api, group_id: str) -> Listed:
    """Read one group. Errors as above."""
    answer = await api.call("GET", f"/v1/groups/{group_id}")
    return _listed(answer.json(), answer.status)


async def members_of(api: Api, group_id: str) -> list[tuple[Member, dict[str, object]]]:
    """List a group's members. Errors as above."""
    found: list[tuple[Member, dict[str, object]]] = []
    query: dict[str, str | int] = {"limit": _PAGE}
    for _ in range(_PAGES_MOST):
        page = read(MembersPage, await api.call("GET", f"/v1/groups/{group_id}/members", query=query))
        found += [(checked(Member, raw), raw) for raw in page.members]
        if page.next_cursor is None:
            break
        query["cursor"] = page.next_cursor
    return found


async def create_group(
    api: Api, title: str, *, is_open: bool = False, history: str | None = None, members: Sequence[str] = ()
) -> Listed:
    """Make a group, with oneself as its owner. Errors as above."""
    body: dict[str, object] = {"title": title, "visibility": "open" if is_open else "private"}
    if members:
        body["members"] = list(members)
    if history:
        body["history"] = history
    answer = await api.call("POST", "/v1/groups", body=body)
    return _listed(answer.json(), answer.status)


async def rename_group(api: Api, group_id: str, title: str) -> Listed:
    """Give a group another title. Errors as above."""
    answer = await api.call("PATCH", f"/v1/groups/{group_id}", body={"title": title})
    return _listed(answer.json(), answer.status)


async def join_group(api: Api, group_id: str) -> Listed:
    """Join an open group. Errors as above."""
    answer = await api.call("POST", f"/v1/groups/{group_id}/join")
    return _listed(answer.json(), answer.status)


async def set_member(api: Api, group_id: str, username: str, role: str) -> None:
    """Add somebody to a group, or change their role. Errors as above."""
    await api.call("PUT", f"/v1/groups/{group_id}/members/{username}", body={"role": role})


async def remove_member(api: Api, group_id: str, username: str) -> bool:
    """Take somebody out of a group, oneself for one; say whether they are cut off already. Errors as above."""
    answer = await api.call("DELETE", f"/v1/groups/{group_id}/members/{username}")
    return answer.status != 202  # HTTP's: accepted, and the broker is told later


async def delete_group(api: Api, group_id: str) -> bool:
    """Delete a group; say whether its members are cut off already. Errors as above."""
    answer = await api.call("DELETE", f"/v1/groups/{group_id}")
    return answer.status != 202  # as above


def _titled(groups: Sequence[Group], title: str, nobody: str) -> Group:
    exact = [each for each in groups if each.title == title]
    found = exact or [each for each in groups if each.title.casefold() == title.casefold()]
    if not found:
        raise InputError(f"{nobody} of the title {title!r}: `nightjar groups list` lists them")
    if len(found) > 1:
        ids = ", ".join(sorted(each.id for each in found))
        raise InputError(f"several groups have the title {title!r}: name the one you mean by its id, one of {ids}")
    return found[0]


def _listed(content: object, status: int) -> Listed:
    group = checked(Group, content, status)
    if not isinstance(content, dict):
        raise ApiError("the server's answer is not as agreed", status)
    return Listed(group, content)
