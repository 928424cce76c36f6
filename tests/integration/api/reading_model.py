"""What people may read, as a plain model: who had which messages when they came, and nothing about numbers or rows."""

from dataclasses import dataclass, field
from typing import Any

PEOPLE = ("alice", "bobby", "carol")
GROUPS = {"gsincejoining": "since_joining", "gallallallall": "all"}
"""Ids of groups, and what new members may read of the past."""


@dataclass
class Said:
    """A message."""

    seq: int
    sender: str
    where: str
    """A group's id, or the two names of a direct conversation in order, with a blank between."""
    body: str
    relation: str | None
    target: int | None
    changed: bool = False


@dataclass
class Model:
    """Everything that was said, and what each may see of it."""

    said: dict[int, Said] = field(default_factory=dict)
    sees: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in PEOPLE})
    missed: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in PEOPLE})
    """What a block has hidden from each, for good."""
    members: dict[str, set[str]] = field(default_factory=lambda: {group: set() for group in GROUPS})
    known: set[tuple[str, str]] = field(default_factory=set)
    """Who is or was in which group."""
    blocks: dict[tuple[str, str], tuple[int, int | None]] = field(default_factory=dict)
    """The last block of each by each: the newest message when it began, and when it ended."""
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    delivered: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """The number of the newest message of all."""
        return max(self.said, default=0)

    def audience(self, where: str) -> set[str]:
        """Who reads and writes in a conversation now."""
        return set(self.members[where]) if where in GROUPS else set(where.split(" "))

    def blocking(self, who: str, whom: str) -> bool:
        """Whether somebody blocks somebody else now."""
        return (who, whom) in self.blocks and self.blocks[who, whom][1] is None

    def say(self, said: Said) -> None:
        """Store a message, and what it does to others."""
        self.said[said.seq] = said
        for name in PEOPLE:
            if self.blocking(name, said.sender):
                self.missed[name].add(said.seq)
            if name in self.audience(said.where):
                self.sees[name].add(said.seq)
        if said.target is not None and said.relation in {"edit", "retract", "reaction"}:
            self.said[said.target].changed = True
        if said.relation == "retract":
            for each in self.said.values():
                if each.seq == said.target or (each.relation == "edit" and each.target == said.target):
                    each.body = ""

    def join(self, who: str, group: str) -> None:
        """Make somebody a member."""
        self.members[group].add(who)
        self.known.add((who, group))
        there = {seq for seq, said in self.said.items() if said.where == group}
        if GROUPS[group] == "all":
            self.sees[who] |= there
        for markers in (self.read, self.delivered):
            markers[who, group] = max(markers.get((who, group), 0), max(there, default=0))

    def block(self, who: str, whom: str) -> None:
        """Hide what comes from now on. A block that ended without a message since goes on."""
        began, ended = self.blocks.get((who, whom), (0, -1))
        self.blocks[who, whom] = (began if ended == self.newest else self.newest, None)

    def unblock(self, who: str, whom: str) -> None:
        """Show what comes from now on."""
        began, _ = self.blocks.pop((who, whom))
        if began < self.newest:
            self.blocks[who, whom] = (began, self.newest)

    def visible(self, who: str, where: str | None = None) -> list[int]:
        """What somebody may read, in a conversation or everywhere."""
        seen = self.sees[who] - self.missed[who]
        return sorted(seq for seq in seen if where is None or self.said[seq].where == where)

    def shown(self, who: str, seq: int) -> dict[str, Any]:
        """A message as somebody is shown it, without its times."""
        said, seen = self.said[seq], set(self.visible(who))
        shown: dict[str, Any] = {"seq": seq, "sender": said.sender, "conversation": named(who, said.where)}
        if said.relation is not None:
            shown |= {"relation": said.relation, "relates_to": said.target}
        if said.relation == "retract":
            return shown
        if not said.body:
            return shown | {"retracted_at": True}
        on_it = [self.said[each] for each in sorted(seen) if self.said[each].target == seq and self.said[each].body]
        edits = [each.body for each in on_it if each.relation == "edit"]
        shown |= {"body": edits[-1], "edited_at": True} if edits else {"body": said.body}
        reactions: dict[str, set[str]] = {}
        for each in on_it:
            if each.relation == "reaction":
                reactions.setdefault(each.body, set()).add(each.sender)
        if reactions:
            shown["reactions"] = {text: sorted(names) for text, names in reactions.items()}
        return shown

    def versions(self, who: str, seq: int) -> list[tuple[int, str]]:
        """The versions of a message, or of that which it edits."""
        said = self.said[seq]
        original = self.said[said.target] if said.relation == "edit" and said.target else said
        if not original.body:
            return []
        edits = [each for each in self.said.values() if each.relation == "edit" and each.target == original.seq]
        seen = self.visible(who)
        return [(each.seq, each.body) for each in [original, *edits] if each.body and each.seq in seen]

    def listed(self, who: str) -> list[dict[str, Any]]:
        """The list of somebody's conversations."""
        newest = {self.said[seq].where: seq for seq in self.visible(who)}
        return [self._entry(who, where, seq) for where, seq in sorted(newest.items(), key=lambda each: -each[1])]

    def _entry(self, who: str, where: str, newest: int) -> dict[str, Any]:
        read = self.read.get((who, where), 0)
        counted = [self.said[seq] for seq in self.visible(who, where) if seq > read]
        entry: dict[str, Any] = {
            "conversation": named(who, where),
            "last_message": self.shown(who, newest),
            "last_read_seq": read,
            "unread": sum(each.sender != who and each.relation in {None, "reply", "thread"} for each in counted),
        }
        if where in GROUPS:
            return entry | {"title": where}
        other = entry["conversation"]["with"]
        frozen = self.blocks[other, who][0] if self.blocking(other, who) else newest
        for name, markers in (("their_read_seq", self.read), ("their_delivered_seq", self.delivered)):
            marker = min(markers.get((other, where), 0), frozen, newest)
            if marker and other != who:
                entry[name] = marker
        return entry


def named(who: str, where: str) -> dict[str, str]:
    """A conversation's object form, as one of its people sees it."""
    if where in GROUPS:
        return {"type": "group", "id": where}
    first, second = where.split(" ")
    return {"type": "direct", "with": second if first == who else first}
