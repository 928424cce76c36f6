"""What becomes of a batch, without a database."""

import hashlib
from collections.abc import Collection
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.delivery import Delivery
from archiver.known import Filed, Known, Names, Route, Target, pair_of
from archiver.letters import Letter, Refused, read_delivery
from archiver.plan import Archived, Outcome, Plan, make_plan
from archiver.rows import copy_data
from wire.conversations import Conversation, direct, group
from wire.message import MessageId, Relation
from wire.topics import message_topic

DAY = 24 * 3600
USERS = {"alice": 1, "bob": 2, "carol": 3}
PAIRS = {(1, 2): 12, (1, 3): 13, (2, 3): 23, (1, 1): 11, (2, 2): 22, (3, 3): 33}
GROUP = group("gabcdefghijkl")


def routes(live: Collection[str] = frozenset(USERS), members: Collection[str] = ("alice", "bob")) -> dict[Names, Route]:
    """Make the routes between all users and to a group, and to and from one who is none."""
    users: dict[str, int | None] = {**USERS, "stranger": None}
    found = {
        (sender, direct(to)): _direct(a, b, live=to in live) for sender, a in users.items() for to, b in users.items()
    }
    for sender, a in users.items():
        found[sender, GROUP] = Route(a, 99, None if sender in members else ("not_a_member", "because"))
    return found


def _direct(a: int | None, b: int | None, *, live: bool) -> Route:
    if a is None or b is None:
        return Route(a, 0, ("unknown_recipient", "because"))
    return Route(a, PAIRS[pair_of(a, b)], None if live else ("unknown_recipient", "because"))


KNOWN = Known(routes(), {}, {})
ONE, TWO, THREE, FOUR = (MessageId(str(UUID(int=number))) for number in (1, 2, 3, 4))


def plan_of(items: list[Letter], known: Known = KNOWN, first: int = 1, edit_seconds: int = 2 * DAY) -> Plan:
    """Make a plan."""
    return make_plan(items, known, first, edit_seconds)


def letter(
    to: str | Conversation,
    sender: str,
    id_: MessageId,
    body: bytes = b"x",
    *,
    relation: str | None = None,
    target: MessageId | None = None,
    at: int = 0,
) -> Letter:
    """Make a message that arrives at that second."""
    properties: list[tuple[str, str]] = [("id", id_)]
    if relation and target:
        properties += [("relation", relation), ("relates-to", target)]
    topic = message_topic(direct(to) if isinstance(to, str) else to, sender)
    made = read_delivery(Delivery(1, 1, False, topic, body, None, properties, at * 1_000_000), lambda: UUID(int=9))
    assert isinstance(made, Letter)
    return made


def said(outcome: Outcome) -> int | str:
    """Return the number, or the reason."""
    assert isinstance(outcome, Archived | Refused)
    return outcome.seq if isinstance(outcome, Archived) else outcome.reason


def results(plan: Plan) -> list[int | str]:
    """Return what became of each item."""
    return [said(outcome) for outcome in plan.outcomes]


def test_messages_are_numbered_in_their_order_and_duplicates_in_a_batch_share_a_number() -> None:
    plan = plan_of([letter("bob", "alice", ONE), letter("alice", "bob", ONE), letter("bob", "alice", ONE)], KNOWN, 10)
    assert results(plan) == [10, 11, 10]
    assert [row.seq for row in plan.rows] == [10, 11]


def test_an_id_used_for_something_else_in_the_same_batch_is_a_conflict() -> None:
    again = [letter("bob", "alice", ONE, b"y"), letter("carol", "alice", ONE)]
    assert results(plan_of([letter("bob", "alice", ONE), *again], KNOWN, 1)) == [1, "id_conflict", "id_conflict"]


def test_what_is_stored_already_keeps_its_number() -> None:
    filed = {(ONE, 1): Filed(5, 12, hashlib.sha256(b"x").digest())}
    known = Known(routes(), filed, {})
    items = [letter("bob", "alice", ONE), letter("bob", "alice", ONE, b"y"), letter("carol", "alice", ONE)]
    plan = plan_of(items, known, 10)
    assert results(plan) == [5, "id_conflict", "id_conflict"]
    assert plan.rows == []


def test_a_target_may_be_earlier_in_the_same_batch_but_not_later() -> None:
    reply = letter("alice", "bob", TWO, b"re", relation="reply", target=ONE)
    assert results(plan_of([letter("bob", "alice", ONE), reply], KNOWN, 1)) == [1, 2]
    assert results(plan_of([reply, letter("bob", "alice", ONE)], KNOWN, 1)) == ["bad_relation", 1]


def test_of_two_targets_with_one_id_the_lowest_counts() -> None:
    items = [
        letter("bob", "alice", ONE),
        letter("alice", "bob", ONE),
        letter("bob", "alice", TWO, b"re", relation="reply", target=ONE),
        letter("alice", "bob", THREE, b"re", relation="edit", target=ONE),
    ]
    plan = plan_of(items, KNOWN, 1)
    assert results(plan) == [1, 2, 3, "bad_relation"]
    assert plan.rows[2].relates_to_seq == 1
    known = Known(routes(), {}, {(ONE, 12, 1): Target(1, 2, None, 1, 0, False, True)})
    assert plan_of(items[2:3], known, 9).rows[0].relates_to_seq == 1


def test_unknown_names_are_refused() -> None:
    items = [letter("stranger", "alice", ONE), letter("alice", "stranger", ONE), letter("alice", "bob", ONE)]
    assert results(plan_of(items, KNOWN, 1)) == ["unknown_recipient", "malformed", 1]


def test_a_deleted_account_gets_nothing_new_but_what_it_got_before_is_known_again() -> None:
    filed = {(ONE, 1): Filed(5, 12, hashlib.sha256(b"x").digest())}
    known = Known(routes(live={"alice"}), filed, {})
    items = [letter("bob", "alice", ONE), letter("bob", "alice", ONE, b"y"), letter("bob", "alice", TWO)]
    plan = plan_of(items, known, 10)
    assert results(plan) == [5, "id_conflict", "unknown_recipient"]
    assert plan.rows == []
    assert results(plan_of([letter("alice", "bob", ONE)], known, 10)) == [10], "sent before the account was deleted"


names = st.sampled_from(sorted(USERS))
letters = st.builds(letter, names, names, st.sampled_from([ONE, TWO, THREE]), st.sampled_from([b"x", b"y"]))


@given(st.lists(letters), st.integers(1, 2**40))
def test_numbers_rise_without_gaps_and_every_identity_is_stored_once(items: list[Letter], first: int) -> None:
    plan = plan_of(items, KNOWN, first)
    assert [row.seq for row in plan.rows] == list(range(first, first + len(plan.rows)))
    assert len({(row.letter.id, row.sender_id) for row in plan.rows}) == len(plan.rows)
    assert len(plan.outcomes) == len(items)
    assert len(plan.refused) == sum(isinstance(said(outcome), str) for outcome in plan.outcomes)
    assert b"".join(copy_data(plan.rows)).startswith(b"PGCOPY\n\xff\r\n\0")


def test_only_members_write_to_a_group_but_what_they_wrote_before_is_known_again() -> None:
    filed = {(ONE, 3): Filed(5, 99, hashlib.sha256(b"x").digest())}
    items = [letter(GROUP, "alice", ONE), letter(GROUP, "carol", ONE), letter(GROUP, "carol", TWO)]
    plan = plan_of(items, Known(routes(), filed, {}), 10)
    assert results(plan) == [10, 5, "not_a_member"]
    assert plan.outcomes[0] == Archived(ONE, 10, "alice", GROUP)
    assert plan.doubtful


def test_an_id_names_one_message_of_its_sender_in_all_conversations() -> None:
    items = [letter(GROUP, "alice", ONE), letter("bob", "alice", ONE), letter(GROUP, "alice", ONE)]
    assert results(plan_of(items)) == [1, "id_conflict", 1]


def test_a_message_to_an_account_whose_name_is_gone_is_known_again() -> None:
    filed = {
        (ONE, 1): Filed(5, 12, hashlib.sha256(b"x").digest(), orphaned=True),
        (TWO, 1): Filed(6, 12, hashlib.sha256(b"x").digest()),
    }
    items = [letter("stranger", "alice", ONE), letter("stranger", "alice", TWO), letter("stranger", "alice", THREE)]
    assert results(plan_of(items, Known(routes(), filed, {}))) == [5, "unknown_recipient", "unknown_recipient"]


def edit(id_: MessageId, target: MessageId, sender: str = "alice", at: int = 0) -> Letter:
    """Make an edit of a message to bob, or back."""
    return letter("bob" if sender == "alice" else "alice", sender, id_, b"e", relation="edit", target=target, at=at)


def retract(id_: MessageId, target: MessageId, sender: str = "alice", at: int = 0) -> Letter:
    """Make a retraction of a message to bob, or back."""
    return letter("bob" if sender == "alice" else "alice", sender, id_, b"", relation="retract", target=target, at=at)


def test_an_edit_of_an_edit_counts_for_the_original_and_its_retraction_for_itself() -> None:
    plan = plan_of([letter("bob", "alice", ONE), edit(TWO, ONE), edit(THREE, TWO), retract(FOUR, TWO)])
    assert [row.relates_to_seq for row in plan.rows] == [None, 1, 1, 2]
    assert (plan.changed, plan.retracted) == ({1, 2}, {2})
    stored = {(TWO, 12, 1): Target(7, 1, "edit", 6, 0, False, True)}
    plan = plan_of([edit(THREE, TWO)], Known(routes(), {}, stored), 10)
    assert ([row.relates_to_seq for row in plan.rows], plan.changed) == ([6], {6})


def test_what_is_retracted_is_edited_no_more_but_may_be_answered_and_retracted_again() -> None:
    reply = letter("alice", "bob", ONE, b"what was it?", relation="reply", target=ONE)
    items = [letter("bob", "alice", ONE), edit(TWO, ONE), retract(THREE, ONE), edit(FOUR, ONE), edit(FOUR, TWO)]
    plan = plan_of([*items, reply, retract(FOUR, ONE)])
    assert results(plan) == [1, 2, 3, "bad_relation", "bad_relation", 4, 5]
    assert (plan.changed, plan.retracted) == ({1}, {1})
    stored = {(ONE, 12, 1): Target(7, 1, None, 7, 0, True, True)}
    known = Known(routes(), {}, stored)
    assert results(plan_of([edit(TWO, ONE), retract(THREE, ONE)], known, 10)) == ["bad_relation", 10]


@pytest.mark.parametrize(("relation", "edited", "retracted"), [("retract", False, False), ("reaction", False, True)])
def test_a_retraction_stays_and_a_reaction_is_only_taken_back(
    relation: Relation, edited: bool, retracted: bool
) -> None:
    known = Known(routes(), {}, {(ONE, 12, 1): Target(7, 1, relation, 7, 0, False, True)})
    plan = plan_of([edit(TWO, ONE), retract(THREE, ONE)], known, 10)
    assert [isinstance(outcome, Archived) for outcome in plan.outcomes] == [edited, retracted]


def test_a_message_is_edited_until_it_is_too_old_whatever_was_edited_in_between() -> None:
    items = [
        letter("bob", "alice", ONE),
        edit(TWO, ONE, at=2 * DAY),
        edit(THREE, TWO, at=2 * DAY + 1),
        retract(THREE, ONE, at=2 * DAY + 1),
        letter("bob", "alice", FOUR, b"ok", relation="reaction", target=ONE, at=9 * DAY),
        retract(THREE, FOUR, at=99 * DAY),
    ]
    assert results(plan_of(items)) == [1, 2, "bad_relation", "bad_relation", 3, 4]
    assert [row.seq for row in plan_of(items, edit_seconds=0).rows] == [1, 2, 3, 4], "0 is for ever"
    stored = {(TWO, 12, 1): Target(7, 1, "edit", 6, 0, False, True)}
    late = [edit(THREE, TWO, at=2 * DAY + 1)]
    assert results(plan_of(late, Known(routes(), {}, stored))) == ["bad_relation"]


def test_nobody_relates_to_what_is_not_for_them() -> None:
    reply = letter(GROUP, "bob", TWO, b"re", relation="reply", target=ONE)
    for readable, result in ((True, 10), (False, "bad_relation")):
        known = Known(routes(), {}, {(ONE, 99, 2): Target(7, 1, None, 7, 0, False, readable)})
        assert results(plan_of([reply], known, 10)) == [result]
    known = Known(routes(), {}, {}, frozenset({(2, 1)}))
    items = [letter(GROUP, "alice", ONE), reply]
    assert results(plan_of(items, known)) == [1, "bad_relation"], "bob blocks alice"
    assert results(plan_of(items, Known(routes(), {}, {}, frozenset({(1, 2)})))) == [1, 2], "alice blocks bob"


def test_a_message_sent_again_after_its_retraction_is_the_same() -> None:
    items = [letter("bob", "alice", ONE), edit(TWO, ONE), retract(THREE, ONE)]
    again = [letter("bob", "alice", ONE), edit(TWO, ONE), retract(THREE, ONE), letter("carol", "alice", ONE)]
    assert results(plan_of([*items, *again])) == [1, 2, 3, 1, 2, 3, "id_conflict"]
    assert results(plan_of([*items, letter("bob", "alice", ONE, b"who can tell?")])) == [1, 2, 3, 1]
    filed = {
        (ONE, 1): Filed(1, 12, None),
        (TWO, 1): Filed(2, 12, None, edit_of=1),
        (THREE, 1): Filed(3, 12, hashlib.sha256(b"").digest()),
    }
    assert results(plan_of(again, Known(routes(), filed, {}), 10)) == [1, 2, 3, "id_conflict"]
    changed = letter("bob", "alice", THREE, b"no retraction")
    assert results(plan_of([changed], Known(routes(), filed, {}), 10)) == ["id_conflict"]


def test_who_blocks_the_sender_is_not_told() -> None:
    found = {**routes(), ("alice", direct("bob")): Route(1, 12, None, muted=True)}
    filed = {(TWO, 1): Filed(5, 12, hashlib.sha256(b"x").digest())}
    items = [letter("bob", "alice", ONE), letter("bob", "alice", TWO), letter("alice", "bob", ONE)]
    outcomes = plan_of(items, Known(found, filed, {}), 10).outcomes
    assert [outcome.muted for outcome in outcomes if isinstance(outcome, Archived)] == [True, True, False]


def test_what_is_stored_and_retracted_in_this_batch_is_the_same_with_whatever_body() -> None:
    filed = {
        (ONE, 1): Filed(1, 12, hashlib.sha256(b"x").digest()),
        (TWO, 1): Filed(2, 12, hashlib.sha256(b"e").digest(), edit_of=1),
    }
    known = Known(routes(), filed, {(ONE, 12, 1): Target(1, 1, None, 1, 0, False, True)})
    again = [letter("bob", "alice", ONE, b"other"), letter("bob", "alice", TWO, b"other")]
    assert results(plan_of(again, known, 10)) == ["id_conflict", "id_conflict"]
    assert results(plan_of([retract(THREE, ONE), *again], known, 10)) == [10, 1, 2]
