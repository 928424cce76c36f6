"""Groups and their members (contract, section 6).

Whatever ends a membership voids the MQTT tokens that know of it, in the same transaction, and answers when the broker
has confirmed that. The token that is made next lacks the group.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from auth_api import roles
from auth_api.errors import FieldError, InvalidInputError, LimitReachedError, NotFoundError
from auth_api.events import Announcer
from auth_api.pool import Cursor, Pool
from auth_api.queries import archive, clock, events, groups, members, revocations
from auth_api.queries.groups import Group, History, Role, Visibility
from auth_api.queries.members import Member
from auth_api.queries.revocations import StoredRevocation
from auth_api.queries.sessions import Caller
from auth_api.revocations import Revoker
from auth_api.tokens import session_ended
from wire.control import Revocation
from wire.events import encode_event
from wire.names import LOBBY, new_group_id


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """How many members a group may have, and how many groups a user may be in."""

    members: int
    groups: int


class Groups:
    """What can be done with groups. Every change raises UnauthenticatedError when the caller's account is gone."""

    def __init__(self, *, pool: Pool, revoker: Revoker, announcer: Announcer, limits: GroupLimits) -> None:
        self._pool = pool
        self._revoker = revoker
        self._announcer = announcer
        self._limits = limits

    def create(
        self, caller: Caller, title: str, visibility: Visibility, history: History, others: Sequence[str]
    ) -> Group:
        """Make a group that the caller owns. Raises InvalidInputError for others unknown, or LimitReachedError."""
        wanted = {caller.user.username, *others}
        if len(wanted) > self._limits.members:
            raise InvalidInputError(FieldError("members", f"makes more than {self._limits.members} members"))
        group_id = new_group_id(secrets.choice)
        with self._pool.transaction() as cur:
            members.take_turns(cur)
            found = members.lock_users(cur, wanted)
            if found.get(caller.user.username) != caller.user.id:
                raise session_ended()
            unknown = [number for number, name in enumerate(others, 1) if name not in found]
            if unknown:
                raise InvalidInputError(*(FieldError("members", f"number {number} is no user") for number in unknown))
            groups.add(cur, group_id, title, visibility, history)
            self._add(cur, group_id, {caller.user.id: caller.user.username}, "owner", 0)
            rest = {user_id: name for name, user_id in found.items() if user_id != caller.user.id}
            self._add(cur, group_id, rest, "member", 0)
            made = roles.seen(groups.find(cur, group_id, caller.user.id))
        self._announcer.wake()
        return made

    def own(self, caller: Caller) -> list[Group]:
        """List the caller's groups."""
        with self._pool.reading() as cur:
            return groups.of_user(cur, caller.user.id)

    def open_page(self, caller: Caller, after: str, limit: int) -> tuple[list[Group], str | None]:
        """List open groups, those after the group of an id; and the id to go on after, if there are more."""
        with self._pool.reading() as cur:
            found = groups.open_after(cur, caller.user.id, after, limit + 1)
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    def find(self, caller: Caller, group_id: str) -> Group:
        """Find a group that the caller may see. Raises NotFoundError."""
        with self._pool.reading() as cur:
            return roles.seen(groups.find(cur, group_id, caller.user.id))

    def change(
        self,
        caller: Caller,
        group_id: str,
        title: str | None,
        visibility: Visibility | None,
        history: History | None,
    ) -> Group:
        """Change the settings that are not None. Raises NotFoundError or ForbiddenError."""
        with self._pool.transaction() as cur:
            group, role = roles.membership(groups.lock(cur, group_id, caller.user.id))
            roles.check_settings(role, only_title=visibility is None and history is None)
            groups.change(cur, group_id, title or group.title, visibility or group.visibility, history or group.history)
            changed = roles.seen(groups.find(cur, group_id, caller.user.id))
            if changed != group:
                events.add(cur, members.names(cur, group_id).values(), encode_event("group_changed", group=group_id))
        self._announcer.wake()
        return changed

    def delete(self, caller: Caller, group_id: str) -> bool:
        """Delete a group; whether the broker has confirmed that its members are cut off from it.

        Raises NotFoundError or ForbiddenError.
        """
        with self._pool.transaction() as cur:
            archive.lock(cur)
            _, role = roles.membership(groups.lock(cur, group_id, caller.user.id))
            roles.check_deletion(role)
            ended = self._delete(cur, group_id)
        return self._tell(ended)

    def members_page(self, caller: Caller, group_id: str, after: str, limit: int) -> tuple[list[Member], str | None]:
        """List members, those after a name; and the name to go on after. Raises NotFoundError or ForbiddenError."""
        with self._pool.reading() as cur:
            roles.membership(groups.find(cur, group_id, caller.user.id))
            found = members.page(cur, group_id, after, limit + 1)
        return found[:limit], found[limit - 1].username if len(found) > limit else None

    def put_member(self, caller: Caller, group_id: str, username: str, wanted: Role) -> None:
        """Add a member, or change their role. Raises NotFoundError, ForbiddenError, LastOwner- or LimitReachedError."""
        with self._pool.transaction() as cur:
            members.take_turns(cur)
            archive.lock(cur)
            group, role = roles.membership(groups.lock(cur, group_id, caller.user.id))
            roles.check_addition(role, "member")
            user_id = _user_id(cur, username)
            present = members.role(cur, group_id, user_id)
            if present is None:
                roles.check_addition(role, wanted)
                self._check_room(group)
                self._add(cur, group_id, {user_id: username}, wanted, archive.newest_seq(cur))
            elif present != wanted:
                roles.check_role_change(role, present, owners=members.owners(cur, group_id))
                members.change_role(cur, group_id, user_id, wanted)
                events.add(cur, [username], encode_event("group_changed", group=group_id))
        self._announcer.wake()

    def remove_member(self, caller: Caller, group_id: str, username: str) -> bool:
        """Remove a member, or leave; whether the broker has confirmed that they are cut off from the group.

        Who leaves as the last one deletes the group. Raises NotFoundError, ForbiddenError or LastOwnerError.
        """
        with self._pool.transaction() as cur:
            archive.lock(cur)
            group, role = roles.membership(groups.lock(cur, group_id, caller.user.id))
            if username == caller.user.username:
                roles.check_leaving(role, owners=members.owners(cur, group_id), members=group.members)
                gone = caller.user.id
            else:
                gone = _removable(cur, group_id, role, username)
            ended = self._cut_off(cur, group_id, [gone])
            if group.members == 1 and group_id != LOBBY:
                groups.delete(cur, group_id)
        return self._tell(ended)

    def join(self, caller: Caller, group_id: str) -> Group:
        """Join an open group; a member stays what they are. Raises NotFoundError or LimitReachedError."""
        with self._pool.transaction() as cur:
            members.take_turns(cur)
            archive.lock(cur)
            group = roles.seen(groups.lock(cur, group_id, caller.user.id))
            if group.role is not None:
                return group
            self._check_room(group)
            if members.lock_users(cur, [caller.user.username]).get(caller.user.username) != caller.user.id:
                raise session_ended()
            self._add(cur, group_id, {caller.user.id: caller.user.username}, "member", archive.newest_seq(cur))
            joined = roles.seen(groups.find(cur, group_id, caller.user.id))
        self._announcer.wake()
        return joined

    def _add(self, cur: Cursor, group_id: str, users: dict[int, str], role: Role, newest_seq: int) -> None:
        """Add users by their ids and names, who must be locked, after a message."""
        if not users:
            return
        full = members.with_many_groups(cur, users, self._limits.groups) if group_id != LOBBY else []
        if full:
            raise LimitReachedError(f"{users[full[0]]} is in {self._limits.groups} groups already.")
        members.add(cur, group_id, list(users), role, newest_seq)
        added, stale = encode_event("group_added", group=group_id), encode_event("token_stale")
        events.add(cur, users.values(), added, stale)

    def _check_room(self, group: Group) -> None:
        if group.members >= self._limits.members and group.id != LOBBY:
            raise LimitReachedError(f"The group has {group.members} members already.")

    def _delete(self, cur: Cursor, group_id: str) -> list[StoredRevocation]:
        ended = self._cut_off(cur, group_id, members.names(cur, group_id))
        groups.delete(cur, group_id)
        return ended

    def _cut_off(self, cur: Cursor, group_id: str, user_ids: Collection[int]) -> list[StoredRevocation]:
        """End memberships, and void every token that knows of them."""
        names = members.hold_tokens(cur, user_ids)
        until = clock.now_ms(cur) + 1
        members.remove(cur, group_id, user_ids, archive.newest_seq(cur))
        events.add(cur, names.values(), encode_event("group_removed", group=group_id))
        ended = revocations.add(cur, [Revocation(name, None, until) for name in names.values()])
        clock.pass_by(cur)
        return ended

    def _tell(self, ended: Sequence[StoredRevocation]) -> bool:
        confirmed = self._revoker.tell(ended)
        self._announcer.wake()
        return confirmed


def _user_id(cur: Cursor, username: str) -> int:
    user_id = members.lock_users(cur, [username]).get(username)
    if user_id is None:
        raise NotFoundError("There is no such user.")
    return user_id


def _removable(cur: Cursor, group_id: str, role: Role, username: str) -> int:
    """Find a member whom somebody of that role may remove."""
    roles.check_removal(role, "member")
    user_id = _user_id(cur, username)
    present = members.role(cur, group_id, user_id)
    if present is None:
        raise NotFoundError("There is no such member.")
    roles.check_removal(role, present)
    return user_id
