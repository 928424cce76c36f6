"""Who may do what with whom, as the contract says it, in plain Python: no numbers of rows, no tokens, no SQL."""

from dataclasses import dataclass, field

NAMES = ("alice", "bobby", "carol", "david")


@dataclass
class Group:
    """A group; `members` are roles by name."""

    visibility: str
    history: str
    members: dict[str, str]
    is_deleted: bool = False
    said: set[int] = field(default_factory=set)
    """The messages that somebody may read who joins and may read all."""

    def owners(self) -> list[str]:
        """Name those who own it."""
        return [name for name, role in self.members.items() if role == "owner"]


@dataclass
class Model:
    """Everybody, all groups, and which messages each may read."""

    groups: dict[str, Group] = field(default_factory=dict)
    sees: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in NAMES})
    hidden: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in NAMES})
    blocks: set[tuple[str, str]] = field(default_factory=set)

    def groups_of(self, name: str) -> set[str]:
        """Name the groups that somebody is in."""
        return {group for group, about in self.groups.items() if name in about.members}

    def say(self, seq: int, sender: str, readers: set[str], group: str | None = None) -> None:
        """Have a message be stored."""
        if group:
            self.groups[group].said.add(seq)
        for name in NAMES:
            if (name, sender) in self.blocks:
                self.hidden[name].add(seq)
            elif name in readers:
                self.sees[name].add(seq)

    def enter(self, group: str, name: str, role: str) -> None:
        """Have somebody be a member."""
        about = self.groups[group]
        about.members[name] = role
        if about.history == "all":
            self.sees[name] |= about.said - self.hidden[name]

    def leave(self, group: str, name: str) -> None:
        """Have somebody be a member no more; the last one takes the group along."""
        about = self.groups[group]
        del about.members[name]
        about.is_deleted = not about.members

    def delete(self, group: str) -> None:
        """Have a group be no more."""
        self.groups[group].members.clear()
        self.groups[group].is_deleted = True

    def refusal(self, name: str, group: str) -> int | None:
        """Return the status for who may not even ask to change a group, None for members."""
        about = self.groups[group]
        if about.is_deleted or (name not in about.members and about.visibility == "private"):
            return 404
        return None if name in about.members else 403

    def addition(self, by: str, group: str, target: str, role: str) -> int:
        """Return the status of making somebody a member, or giving a member a role."""
        refused = self.refusal(by, group)
        if refused:
            return refused
        members = self.groups[group].members
        mine, present = members[by], members.get(target)
        if present is None:
            return 204 if mine == "owner" or (mine == "admin" and role == "member") else 403
        if mine != "owner":
            return 403
        return 409 if present == "owner" and role != "owner" and len(self.groups[group].owners()) == 1 else 204

    def removal(self, by: str, group: str, target: str) -> int:
        """Return the status of removing a member, or of leaving."""
        refused = self.refusal(by, group)
        if refused:
            return refused
        members = self.groups[group].members
        mine, present = members[by], members[target]
        if by == target:
            is_last_owner = self.groups[group].owners() == [by] and len(members) > 1
            return 409 if is_last_owner else 204
        return 204 if mine == "owner" or (mine == "admin" and present == "member") else 403

    def joining(self, name: str, group: str) -> int:
        """Return the status of joining."""
        refused = self.refusal(name, group)
        return 200 if refused == 403 else refused or 200

    def owning(self, name: str, group: str) -> int | None:
        """Return the status for who may not do what owners do, None for owners."""
        return self.refusal(name, group) or (None if self.groups[group].members[name] == "owner" else 403)
