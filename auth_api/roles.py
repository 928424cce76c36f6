"""Who may do what in a group (contract, section 6). No I/O.

Owners may do everything. Admins rename the group, add members and remove those who are only that. The lobby has members
alone, so nobody changes it.
"""

from typing import Final

from auth_api.errors import ForbiddenError, LastOwnerError, NotFoundError
from auth_api.queries.groups import Group, Role

_LAST_OWNER: Final = "A group has an owner: make somebody else one first, or delete the group."


def seen(group: Group | None) -> Group:
    """Return a group that the user may see: their own or an open one. Raises NotFoundError."""
    if group is None or (group.role is None and group.visibility == "private"):
        raise NotFoundError("There is no such group.")
    return group


def membership(group: Group | None) -> tuple[Group, Role]:
    """Return a group and the role that the user has there. Raises NotFoundError or ForbiddenError."""
    found = seen(group)
    if found.role is None:
        raise ForbiddenError("You are no member of this group.")
    return found, found.role


def check_settings(role: Role, *, only_title: bool) -> None:
    """Raise ForbiddenError for who may not change a group's settings."""
    if role == "owner" or (role == "admin" and only_title):
        return
    raise ForbiddenError("Only owners change this, and admins the title.")


def check_deletion(role: Role) -> None:
    """Raise ForbiddenError for who may not delete a group."""
    if role != "owner":
        raise ForbiddenError("Only owners delete a group.")


def check_addition(role: Role, wanted: Role) -> None:
    """Raise ForbiddenError for who may not add a member in that role."""
    if role == "member":
        raise ForbiddenError("Only owners and admins add members.")
    if role == "admin" and wanted != "member":
        raise ForbiddenError("Only owners give roles.")


def check_role_change(role: Role, present: Role, *, owners: int) -> None:
    """Raise ForbiddenError or LastOwnerError for who may not change the role of a member who has `present`."""
    if role != "owner":
        raise ForbiddenError("Only owners give roles.")
    if present == "owner" and owners == 1:
        raise LastOwnerError(_LAST_OWNER)


def check_removal(role: Role, present: Role) -> None:
    """Raise ForbiddenError for who may not remove another member who has the role `present`."""
    if role == "member":
        raise ForbiddenError("Only owners and admins remove members.")
    if role == "admin" and present != "member":
        raise ForbiddenError("Only owners remove owners and admins.")


def check_leaving(role: Role, *, owners: int, members: int) -> None:
    """Raise LastOwnerError for the only owner of a group in which others would stay."""
    if role == "owner" and owners == 1 and members > 1:
        raise LastOwnerError(_LAST_OWNER)
