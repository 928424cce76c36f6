"""The counting at the end of a run: each count can be other than 0, and a good run has none."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from scripts.faults.facts import Asked, Began, Cut, Entry, Linked, Row, Sent, Shown, Stray, Truth, Unasked
from scripts.faults.verdict import MUST_BE_ZERO, SHOWN_LATE, SHOWN_UNASKED, Verdict, judge

COUNTED_ELSEWHERE = {
    "refused by the archive",
    "dropped by the broker",
    "crashed without a fault",
    "traceback in a log",
    "client's command ended",
    "stored of no member",
}
"""By the database and the broker themselves, see `run`, from logs and processes: see `test_crashes`; and of members who
were removed: see `test_group_verdict`."""
SENT = {
    "anna": [Sent(f"a{number}", f"body of a{number}") for number in range(1, 4)],
    "bert": [Sent(f"b{number}", f"body of b{number}") for number in range(1, 4)],
}
ARCHIVE = [
    Row(seq, "anna" if id_[0] == "a" else "bert", id_, f"body of {id_}")
    for seq, id_ in enumerate(["a1", "b1", "a2", "a3", "b2", "b3"], 11)
]


def shown_to(other: str, rows: Sequence[Row] = ARCHIVE) -> list[Shown]:
    """Show messages as they were stored."""
    return [Shown(f"direct:{other}", row.sender, row.id, row.digest) for row in rows]


GOOD = Truth(
    conversations={"anna": "direct:bert", "bert": "direct:anna"},
    sent=SENT,
    archive=ARCHIVE,
    shown={"anna": [Began(), *shown_to("bert")], "bert": [Began(), *shown_to("anna")]},
    paged={"anna": ARCHIVE, "bert": ARCHIVE},
)


def with_archive(archive: Sequence[Row]) -> Truth:
    """Change what was stored, and let it be read so."""
    return replace(GOOD, archive=archive, paged={"anna": archive})


def with_view(*view: Entry) -> Truth:
    """Change what bert was shown."""
    return replace(GOOD, shown={**GOOD.shown, "bert": view})


def found(verdict: Verdict) -> dict[str, int]:
    """Return the counts that should be 0 and are not."""
    return {kind: verdict.counts[kind] for kind in verdict.bad}


def test_a_good_run_has_only_sent_and_stored() -> None:
    verdict = judge(GOOD)
    assert found(verdict) == {}
    assert verdict.counts["sent"] == verdict.counts["stored"] == 6


EXAMPLES: dict[str, tuple[Truth, dict[str, int]]] = {
    "lost": (
        replace(
            with_archive(ARCHIVE[:-1]),
            shown={"anna": shown_to("bert", ARCHIVE[:-1]), "bert": shown_to("anna", ARCHIVE[:-1])},
        ),
        {"lost": 1},
    ),
    "stored twice": (with_archive([*ARCHIVE, replace(ARCHIVE[0], seq=99)]), {"stored twice": 1}),
    "stored but never sent": (
        with_archive([*ARCHIVE, Row(99, "anna", "a9", "made up")]),
        {"stored but never sent": 1, "delivered to someone else": 1},
    ),
    "stored with another body": (
        replace(GOOD, archive=[replace(ARCHIVE[0], digest="another"), *ARCHIVE[1:]]),
        {"stored with another body": 1},
    ),
    "stored out of order": (
        with_archive([ARCHIVE[0], ARCHIVE[1], replace(ARCHIVE[3], seq=13), replace(ARCHIVE[2], seq=14), *ARCHIVE[4:]]),
        {"stored out of order": 1},
    ),
    "shown twice": (with_view(Began(), *shown_to("anna"), *shown_to("anna", ARCHIVE[:1])), {"shown twice": 1}),
    "shown out of order": (
        with_view(*shown_to("anna", [*ARCHIVE[:2], ARCHIVE[3], ARCHIVE[2], *ARCHIVE[4:]])),
        {"shown out of order": 1},
    ),
    "never shown": (with_view(*shown_to("anna", ARCHIVE[1:])), {"never shown": 1}),
    "shown with another body": (
        with_view(*shown_to("anna", [replace(ARCHIVE[0], digest="another"), *ARCHIVE[1:]])),
        {"shown with another body": 1},
    ),
    "skipped by a paging reader": (
        replace(GOOD, paged={"anna": ARCHIVE, "bert": ARCHIVE[1:]}),
        {"skipped by a paging reader": 1},
    ),
    "read twice by a paging reader": (
        replace(GOOD, paged={"anna": [*ARCHIVE, ARCHIVE[0]]}),
        {"read twice by a paging reader": 1},
    ),
    "read out of order": (replace(GOOD, paged={"bert": [*ARCHIVE[1:], ARCHIVE[0]]}), {"read out of order": 1}),
    "rejected without cause": (
        replace(
            with_archive(ARCHIVE[:-1]),
            sent={**SENT, "bert": [*SENT["bert"][:-1], replace(SENT["bert"][-1], refused=True)]},
            shown={"anna": shown_to("bert", ARCHIVE[:-1]), "bert": shown_to("anna", ARCHIVE[:-1])},
        ),
        {"rejected without cause": 1},
    ),
    "delivered to someone else": (
        with_view(
            *shown_to("anna"),
            Shown("direct:carl", "carl", "c1", "for somebody else"),
            Stray("users/dora/inbox/carl"),
        ),
        {"delivered to someone else": 2},
    ),
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_each_count_can_be_other_than_0_and_names_an_offender(kind: str) -> None:
    truth, expected = EXAMPLES[kind]
    verdict = judge(truth)
    assert found(verdict) == expected
    assert kind in expected
    assert len(verdict.offenders[kind]) == expected[kind]


def test_every_count_has_an_example_here() -> None:
    assert EXAMPLES.keys() | COUNTED_ELSEWHERE == set(MUST_BE_ZERO)


def test_a_message_on_a_page_of_another_conversation_is_delivered_to_someone_else() -> None:
    verdict = judge(replace(GOOD, paged={"anna": [*ARCHIVE, Row(50, "carl", "c1", "for somebody else")]}))
    assert found(verdict) == {"delivered to someone else": 1}


def test_a_message_is_shown_again_without_blame_once_if_a_kill_cut_its_record() -> None:
    again = shown_to("anna", ARCHIVE[2:3])
    before, after = shown_to("anna", ARCHIVE[:3]), shown_to("anna", ARCHIVE[3:])
    excused = judge(with_view(Began(), *before, Began(), Cut("anna", "a2"), *again, *after))
    assert found(excused) == {}
    assert excused.counts["shown again after a kill"] == 1
    twice = judge(with_view(Began(), *before, Began(), Cut("anna", "a2"), *again, *again, *after))
    assert found(twice) == {"shown twice": 1}


def test_without_a_kill_or_without_the_next_runs_word_there_is_no_excuse() -> None:
    again = shown_to("anna", ARCHIVE[2:3])
    before, after = shown_to("anna", ARCHIVE[:3]), shown_to("anna", ARCHIVE[3:])
    assert found(judge(with_view(Began(), *before, Cut("anna", "a2"), *again, *after))) == {"shown twice": 1}
    assert found(judge(with_view(Began(), *before, Began(), *again, *after))) == {"shown twice": 1}


def test_only_the_last_showing_before_the_kill_has_an_excuse() -> None:
    """The client records each message before it shows the next: one that recorded none shows more than one again."""
    before, after = shown_to("anna", ARCHIVE[:3]), shown_to("anna", ARCHIVE[3:])
    again = before[1:]
    truth = with_view(Began(), *before, Began(), Cut("bert", "b1"), Cut("anna", "a2"), *again, *after)
    assert found(judge(truth)) == {"shown twice": 1}


AWAY = [Sent("a1", "body of a1", 1.0, 2.0), Sent("a2", "body of a2", 10.0, 16.0), Sent("a3", "body of a3", 15.0, 16.5)]
"""a3 was sent before a2 was stored: the archive was away for more than 5 s."""
FETCHED = Shown("direct:anna", "anna", "a2", "body of a2", 13)


@pytest.mark.parametrize(
    ("sent", "linked_at", "late", "is_fault"),
    [
        (AWAY, 12.0, FETCHED, False),
        (AWAY, 9.0, FETCHED, True),
        (AWAY, 17.0, FETCHED, True),
        (AWAY, 12.0, replace(FETCHED, seq=0), True),
        ([AWAY[0], replace(AWAY[1], left_at=14.9), AWAY[2]], 12.0, FETCHED, True),
    ],
    ids=["missed", "was connected", "came after it was stored", "came live", "the archive was there"],
)
def test_a_message_is_fetched_late_without_blame_if_the_archive_was_away_and_its_reader_too(
    sent: list[Sent], linked_at: float, late: Shown, *, is_fault: bool
) -> None:
    before, after = shown_to("anna", ARCHIVE[:2]), shown_to("anna", ARCHIVE[4:])
    truth = with_view(Began(), *before, Linked(linked_at), *shown_to("anna", ARCHIVE[3:4]), late, *after)
    verdict = judge(replace(truth, sent={**SENT, "anna": sent}))
    assert found(verdict) == ({"shown out of order": 1} if is_fault else {})
    assert verdict.counts[SHOWN_LATE] == (not is_fault)


@pytest.mark.parametrize(
    ("beside", "late", "is_fault"),
    [
        ((Unasked(),), FETCHED, False),
        ((Unasked(), Linked(1.0)), FETCHED, False),
        ((Unasked(), Asked()), FETCHED, True),
        ((Unasked(),), replace(FETCHED, seq=0), True),
    ],
    ids=["REST away", "the broker's connection again", "REST had been asked", "came live"],
)
def test_a_message_is_fetched_late_without_blame_while_rest_could_not_be_asked(
    beside: tuple[Entry, ...], late: Shown, *, is_fault: bool
) -> None:
    before, after = shown_to("anna", ARCHIVE[:2]), shown_to("anna", ARCHIVE[4:])
    verdict = judge(with_view(Began(), *before, *beside, *shown_to("anna", ARCHIVE[3:4]), late, *after))
    assert found(verdict) == ({"shown out of order": 1} if is_fault else {})
    assert verdict.counts[SHOWN_UNASKED] == (not is_fault)


def test_conversations_are_added_up_and_only_the_first_offenders_are_named() -> None:
    total = Verdict()
    for _ in range(4):
        total.merge(judge(replace(GOOD, paged={"anna": ARCHIVE[2:]})))
    assert found(total) == {"skipped by a paging reader": 8}
    assert len(total.offenders["skipped by a paging reader"]) == 5
    assert total.counts["sent"] == 24
