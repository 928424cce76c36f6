"""What becomes of a batch, without a database."""

import hashlib
from collections.abc import Collection
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from archiver.delivery import Delivery
from archiver.letters import Letter, read_delivery
from archiver.plan import Archived, Filed, Known, Names, Outcome, Plan, Route, make_plan, pair_of
from archiver.rows import copy_data
from wire.message import MessageId

USERS = {"alice": 1, "bob": 2, "carol": 3}
PAIRS = {(1, 2): 12, (1, 3): 13, (2, 3): 23, (1, 1): 11, (2, 2): 22, (3, 3): 33}


def routes(live: Collection[str] = frozenset(USERS)) -> dict[Names, Route]:
    """Make the routes between all users, and to and from one who is none."""
    users: dict[str, int | None] = {**USERS, "stranger": None}
    return {
        (sender, to): Route(a, b, PAIRS[pair_of(a, b)] if a and b else 0, to in live)
        for sender, a in users.items()
        for to, b in users.items()
    }


KNOWN = Known(routes(), {}, {})
ONE, TWO, THREE = (MessageId(str(UUID(int=number))) for number in (1, 2, 3))


def letter(
    to: str,
    sender: str,
    id_: MessageId,
    body: bytes = b"x",
    *,
    relation: str | None = None,
    target: MessageId | None = None,
) -> Letter:
    """Make a message."""
    properties: list[tuple[str, str]] = [("id", id_)]
    if relation and target:
        properties += [("relation", relation), ("relates-to", target)]
    made = read_delivery(
        Delivery(1, 1, False, f"users/{to}/inbox/{sender}", body, None, properties, 0), lambda: UUID(int=9)
    )
    assert isinstance(made, Letter)
    return made


def said(outcome: Outcome) -> int | str:
    """Return the number, or the reason."""
    return outcome.seq if isinstance(outcome, Archived) else outcome.reason


def results(plan: Plan) -> list[int | str]:
    """Return what became of each item."""
    return [said(outcome) for outcome in plan.outcomes]


def test_messages_are_numbered_in_their_order_and_duplicates_in_a_batch_share_a_number() -> None:
    plan = make_plan([letter("bob", "alice", ONE), letter("alice", "bob", ONE), letter("bob", "alice", ONE)], KNOWN, 10)
    assert results(plan) == [10, 11, 10]
    assert [row.seq for row in plan.rows] == [10, 11]


def test_an_id_used_for_something_else_in_the_same_batch_is_a_conflict() -> None:
    again = [letter("bob", "alice", ONE, b"y"), letter("carol", "alice", ONE)]
    assert results(make_plan([letter("bob", "alice", ONE), *again], KNOWN, 1)) == [1, "id_conflict", "id_conflict"]


def test_what_is_stored_already_keeps_its_number() -> None:
    filed = {(ONE, 1): Filed(5, 12, 1, hashlib.sha256(b"x").digest())}
    known = Known(routes(), filed, {})
    items = [letter("bob", "alice", ONE), letter("bob", "alice", ONE, b"y"), letter("carol", "alice", ONE)]
    plan = make_plan(items, known, 10)
    assert results(plan) == [5, "id_conflict", "id_conflict"]
    assert plan.rows == []


def test_a_target_may_be_earlier_in_the_same_batch_but_not_later() -> None:
    reply = letter("alice", "bob", TWO, b"re", relation="reply", target=ONE)
    assert results(make_plan([letter("bob", "alice", ONE), reply], KNOWN, 1)) == [1, 2]
    assert results(make_plan([reply, letter("bob", "alice", ONE)], KNOWN, 1)) == ["bad_relation", 1]


def test_of_two_targets_with_one_id_the_lowest_counts() -> None:
    items = [
        letter("bob", "alice", ONE),
        letter("alice", "bob", ONE),
        letter("bob", "alice", TWO, b"re", relation="reply", target=ONE),
        letter("alice", "bob", THREE, b"re", relation="edit", target=ONE),
    ]
    plan = make_plan(items, KNOWN, 1)
    assert results(plan) == [1, 2, 3, "bad_relation"]
    assert plan.rows[2].relates_to_seq == 1
    known = Known(routes(), {}, {(ONE, 12): Filed(1, 12, 2, None)})
    assert make_plan(items[2:3], known, 9).rows[0].relates_to_seq == 1


def test_unknown_names_are_refused() -> None:
    items = [letter("stranger", "alice", ONE), letter("alice", "stranger", ONE), letter("alice", "bob", ONE)]
    assert results(make_plan(items, KNOWN, 1)) == ["unknown_recipient", "malformed", 1]


def test_a_deleted_account_gets_nothing_new_but_what_it_got_before_is_known_again() -> None:
    filed = {(ONE, 1): Filed(5, 12, 1, hashlib.sha256(b"x").digest())}
    known = Known(routes(live={"alice"}), filed, {})
    items = [letter("bob", "alice", ONE), letter("bob", "alice", ONE, b"y"), letter("bob", "alice", TWO)]
    plan = make_plan(items, known, 10)
    assert results(plan) == [5, "id_conflict", "unknown_recipient"]
    assert plan.rows == []
    assert results(make_plan([letter("alice", "bob", ONE)], known, 10)) == [10], "sent before the account was deleted"


names = st.sampled_from(sorted(USERS))
letters = st.builds(letter, names, names, st.sampled_from([ONE, TWO, THREE]), st.sampled_from([b"x", b"y"]))


@given(st.lists(letters), st.integers(1, 2**40))
def test_numbers_rise_without_gaps_and_every_identity_is_stored_once(items: list[Letter], first: int) -> None:
    plan = make_plan(items, KNOWN, first)
    assert [row.seq for row in plan.rows] == list(range(first, first + len(plan.rows)))
    assert len({(row.letter.id, row.sender_id) for row in plan.rows}) == len(plan.rows)
    assert len(plan.outcomes) == len(items)
    assert len(plan.refused) == sum(isinstance(said(outcome), str) for outcome in plan.outcomes)
    assert copy_data(plan.rows).startswith(b"PGCOPY\n\xff\r\n\0")
