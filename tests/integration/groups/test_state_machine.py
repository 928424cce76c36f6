"""A running server beside a plain model: who may publish, receive, fetch, search and export what, at every step."""

import secrets

import httpx
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.integration.api.groups import members, roles
from tests.integration.api.people import Person, register
from tests.integration.groups.devices import REFUSED, Device, read_export, read_feed
from tests.integration.groups.model import NAMES, Group, Model
from tests.support.stack import RunningStack
from wire.receipts import Stored
from wire.topics import group_filter, group_messages, inbox

people = st.sampled_from(NAMES)
some_roles = st.sampled_from(["owner", "admin", "member"])
visibilities = st.sampled_from(["private", "open"])
histories = st.sampled_from(["since_joining", "all"])


class Machine(RuleBasedStateMachine):
    """People, their groups and what they say. Each rule does one thing on the server and in the model."""

    server = ""
    groups = Bundle("groups")
    words = Bundle("words")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.http = httpx.Client(base_url=self.server, trust_env=False, timeout=60)
        self.ending = secrets.token_hex(4)
        self.devices: dict[str, Device] = {}

    @initialize()
    def begin(self) -> None:
        """Register everybody; each runs a program."""
        for name in NAMES:
            self.devices[name] = Device(register(self.http, self.full(name)))

    def teardown(self) -> None:
        for device in self.devices.values():
            device.close()
        self.http.close()

    @rule(target=groups, owner=people, others=st.sets(people), visibility=visibilities, history=histories)
    def create(self, owner: str, others: set[str], visibility: str, history: str) -> str:
        wanted = {"title": "a group", "visibility": visibility, "history": history}
        names = [self.full(name) for name in sorted(others - {owner})]
        made = self.person(owner).ask("POST", "/v1/groups", json={**wanted, "members": names})
        assert made.status_code == 201, made.text
        group = str(made.json()["id"])
        self.model.groups[group] = Group(visibility, history, {})
        for name in [owner, *sorted(others - {owner})]:
            self.model.enter(group, name, "owner" if name == owner else "member")
            self.devices[name].wait_told("group_added", group)
            self.renew(name)
        return group

    @rule(by=people, group=groups, whom=people, role=some_roles)
    def add(self, by: str, group: str, whom: str, role: str) -> None:
        """Make somebody a member, or give a member another role."""
        before = self.model.groups[group].members.get(whom)
        assume(before != role and by != whom)
        expected = self.model.addition(by, group, whom, role)
        answer = self.person(by).ask("PUT", self.member_path(group, whom), json={"role": role})
        assert answer.status_code == expected, answer.text
        if expected == 204 and before:
            self.model.groups[group].members[whom] = role
        elif expected == 204:
            self.enter(group, whom, role)

    @rule(by=people, group=groups, whom=people)
    def remove(self, by: str, group: str, whom: str) -> None:
        """Remove a member, or leave."""
        assume(whom in self.model.groups[group].members)
        expected = self.model.removal(by, group, whom)
        answer = self.person(by).ask("DELETE", self.member_path(group, whom))
        assert answer.status_code == expected, answer.text
        if expected == 204:
            self.model.leave(group, whom)
            self.cut_off({whom}, group)

    @rule(name=people, group=groups)
    def join(self, name: str, group: str) -> None:
        expected = self.model.joining(name, group)
        answer = self.person(name).ask("POST", f"/v1/groups/{group}/join")
        assert answer.status_code == expected, answer.text
        if expected == 200 and name not in self.model.groups[group].members:
            self.enter(group, name, "member")

    @rule(name=people, group=groups, visibility=visibilities, history=histories)
    def change(self, name: str, group: str, visibility: str, history: str) -> None:
        expected = self.model.owning(name, group) or 200
        wanted = {"visibility": visibility, "history": history}
        answer = self.person(name).ask("PATCH", f"/v1/groups/{group}", json=wanted)
        assert answer.status_code == expected, answer.text
        if expected == 200:
            self.model.groups[group].visibility = visibility
            self.model.groups[group].history = history

    @rule(name=people, group=consumes(groups))
    def delete(self, name: str, group: str) -> None:
        expected = self.model.owning(name, group) or 204
        answer = self.person(name).ask("DELETE", f"/v1/groups/{group}")
        assert answer.status_code == expected, answer.text
        if expected == 204:
            were = set(self.model.groups[group].members)
            self.model.delete(group)
            self.cut_off(were, group)

    @rule(name=people, other=people, blocks=st.booleans())
    def block(self, name: str, other: str, blocks: bool) -> None:
        assume(name != other)
        answer = self.person(name).ask("PUT" if blocks else "DELETE", f"/v1/blocks/{self.full(other)}")
        assert answer.status_code == 204, answer.text
        (self.model.blocks.add if blocks else self.model.blocks.discard)((name, other))

    @rule(target=words, sender=people, group=groups)
    def say(self, sender: str, group: str) -> tuple[str, int]:
        """Write to a group: the broker takes it of its members alone, and it reaches exactly these."""
        word = f"word{secrets.token_hex(6)}"
        receipt = self.devices[sender].send(group_messages(group, self.full(sender)), word.encode())
        readers = set(self.model.groups[group].members)
        if sender not in readers:
            assert receipt is None
            assert self.devices[sender].peer.subscribe(group_filter(group)) == REFUSED
            return word, 0
        assert isinstance(receipt, Stored)
        for name in NAMES:
            if name in readers:
                self.devices[name].peer.wait_for(word.encode())
            else:
                assert not self.devices[name].peer.received(word.encode())
        self.model.say(receipt.seq, sender, readers, group)
        return word, receipt.seq

    @rule(target=words, sender=people, to=people)
    def write(self, sender: str, to: str) -> tuple[str, int]:
        """Write to somebody."""
        word = f"word{secrets.token_hex(6)}"
        receipt = self.devices[sender].send(inbox(self.full(to), self.full(sender)), word.encode())
        assert isinstance(receipt, Stored), "also to somebody who blocks the sender"
        self.devices[to].peer.wait_for(word.encode())
        self.model.say(receipt.seq, sender, {sender, to})
        return word, receipt.seq

    @rule(name=people, said=words)
    def look(self, name: str, said: tuple[str, int]) -> None:
        """Fetch and search for one message."""
        word, seq = said
        may = seq in self.model.sees[name]
        if seq:
            assert self.person(name).ask("GET", f"/v1/messages/{seq}").status_code == (200 if may else 404)
        found = self.person(name).ask("GET", "/v1/search", params={"q": word}).json()["results"]
        assert [result["message"]["seq"] for result in found] == ([seq] if may else [])

    @rule(name=people)
    def read(self, name: str) -> None:
        """Fetch everything, in both ways."""
        assert read_feed(self.person(name)) == self.model.sees[name]
        assert read_export(self.person(name)) == self.model.sees[name]

    @precondition(lambda self: self.model.groups)
    @rule(name=people, group=groups)
    def list_members(self, name: str, group: str) -> None:
        """Ask who is in a group: its members see all of them, and nobody else any."""
        about = self.model.groups[group]
        if name in about.members:
            expected = {self.full(member): role for member, role in about.members.items()}
            assert roles(self.person(name), group) == expected
            assert set(members(self.person(name), group)) == set(expected)
        else:
            status = self.person(name).ask("GET", f"/v1/groups/{group}/members").status_code
            assert status == self.model.refusal(name, group)
        own = self.person(name).ask("GET", "/v1/groups").json()["groups"]
        assert {each["id"] for each in own} == self.model.groups_of(name)

    def enter(self, group: str, name: str, role: str) -> None:
        self.model.enter(group, name, role)
        self.devices[name].wait_told("group_added", group)
        self.renew(name)

    def cut_off(self, names: set[str], group: str) -> None:
        """See that members of before are disconnected, and let them come back."""
        for name in names:
            self.devices[name].peer.wait_closed()
            self.renew(name)
            assert self.devices[name].peer.subscribe(group_filter(group)) == REFUSED

    def renew(self, name: str) -> None:
        self.devices[name].reconnect(self.model.groups_of(name))

    def full(self, name: str) -> str:
        return f"{name}-{self.ending}"

    def person(self, name: str) -> Person:
        return self.devices[name].person

    def member_path(self, group: str, name: str) -> str:
        return f"/v1/groups/{group}/members/{self.full(name)}"


@pytest.mark.timeout(600)
def test_the_server_does_at_every_step_what_the_model_says(shared_stack: RunningStack) -> None:
    logged = {part: len(part.log) for part in (shared_stack.api, shared_stack.archiver)}

    class Here(Machine):
        server = shared_stack.server

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=5,
            stateful_step_count=35,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
    assert not any("Traceback" in part.log[length:] for part, length in logged.items())
