"""The counting of a group: faults among several who write are counted, and who was removed has rights of their own."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from scripts.faults.facts import Absence, Began, Cut, Row, Sent, Shown, Span, Stray, Truth
from scripts.faults.verdict import REFUSED, STORED_YET, Verdict, judge

GROUP = "group:gabcdefabcdef"
MEMBERS = ("anna", "bert", "cleo")
TIMES = {"a1": 1.0, "b1": 2.0, "c1": 3.0, "a2": 14.0, "b2": 15.0, "a3": 31.0, "c2": 32.0, "b3": 33.0}
"""When each message was sent; it was stored a second later."""
ABSENCE = Absence(removing=10.0, removed=11.0, adding=20.0, added=21.0)
"""In which a2 and b2 are sent."""
SENDERS = {name[0]: name for name in MEMBERS}
ARCHIVE = [Row(seq, SENDERS[id_[0]], id_, f"body of {id_}") for seq, id_ in enumerate(TIMES, 1)]
SENT = {
    name: [Sent(id_, f"body of {id_}", at, at + 1.0) for id_, at in TIMES.items() if id_[0] == name[0]]
    for name in MEMBERS
}
READABLE = [row for row in ARCHIVE if row.id not in ("a2", "b2")]
"""To who was removed."""


def shown(rows: Sequence[Row] = ARCHIVE) -> list[Shown]:
    """Show messages as they come live."""
    return [Shown(GROUP, row.sender, row.id, row.digest) for row in rows]


GOOD = Truth(
    conversations=dict.fromkeys(MEMBERS, GROUP),
    sent=SENT,
    archive=ARCHIVE,
    shown={name: [Began(), *shown()] for name in MEMBERS},
    paged=dict.fromkeys(MEMBERS, ARCHIVE),
)
REMOVED = replace(
    GOOD,
    shown={**GOOD.shown, "cleo": [Began(), *shown(READABLE)]},
    paged={**GOOD.paged, "cleo": READABLE},
    absences={"cleo": [ABSENCE]},
    spans={"cleo": [Span(0, 3), Span(5, 2**63 - 1)]},
)
"""Cleo was removed and added again."""


def to_cleo(truth: Truth, *view: Began | Cut | Shown | Stray) -> Truth:
    """Change what cleo was shown."""
    return replace(truth, shown={**truth.shown, "cleo": view})


def pages_of_cleo(truth: Truth, rows: Sequence[Row]) -> Truth:
    """Change what cleo read."""
    return replace(truth, paged={**truth.paged, "cleo": rows})


def refused(truth: Truth, at: float, left_at: float = math.inf) -> Truth:
    """Let a message of cleo be rejected that was on its way from `at` to `left_at`."""
    message = Sent("c9", "body of c9", at, left_at, refused=True)
    return replace(truth, sent={**truth.sent, "cleo": [*truth.sent["cleo"], message]})


def found(verdict: Verdict) -> dict[str, int]:
    """Return the counts that should be 0 and are not."""
    return {kind: verdict.counts[kind] for kind in verdict.bad}


@pytest.mark.parametrize("truth", [GOOD, REMOVED])
def test_a_good_run_has_only_sent_and_stored(truth: Truth) -> None:
    verdict = judge(truth)
    assert found(verdict) == {}
    assert verdict.counts["sent"] == verdict.counts["stored"] == 8


SWAPPED = [*ARCHIVE[1:3], ARCHIVE[0], *ARCHIVE[3:]]
BEHIND = [*ARCHIVE[:3], *ARCHIVE[4:6], ARCHIVE[3], *ARCHIVE[6:]]
"""a2 after a3."""
EXAMPLES: dict[str, tuple[Truth, dict[str, int]]] = {
    "a message that one of several was never shown": (to_cleo(GOOD, *shown(ARCHIVE[:-1])), {"never shown": 1}),
    "a message that is nowhere": (
        replace(GOOD, sent={**SENT, "bert": [*SENT["bert"], Sent("b4", "d")]}),
        {"lost": 1},
    ),
    "two of one sender the wrong way round": (to_cleo(GOOD, *shown(BEHIND)), {"shown out of order": 1}),
    "two that were fetched the wrong way round": (
        to_cleo(GOOD, *(Shown(GROUP, row.sender, row.id, row.digest, row.seq) for row in SWAPPED)),
        {"shown out of order": 1},
    ),
    "one shown twice": (to_cleo(GOOD, *shown(), *shown(ARCHIVE[1:2])), {"shown twice": 1}),
    "one shown in another conversation": (
        to_cleo(GOOD, *shown(ARCHIVE[:-1]), Shown("direct:bert", "bert", "b3", "body of b3")),
        {"delivered to someone else": 1, "never shown": 1},
    ),
    "one of another group": (
        to_cleo(GOOD, *shown(), Shown(GROUP, "dora", "d1", "body of d1")),
        {"delivered to someone else": 1},
    ),
    "one that a member skipped who pages": (pages_of_cleo(GOOD, ARCHIVE[1:]), {"skipped by a paging reader": 1}),
    "one sent while cleo was no member, shown": (
        to_cleo(REMOVED, *shown([*ARCHIVE[:4], *ARCHIVE[5:]])),
        {"delivered to someone else": 1},
    ),
    "one sent while cleo was no member, read": (
        pages_of_cleo(REMOVED, [*ARCHIVE[:4], *ARCHIVE[5:]]),
        {"delivered to someone else": 1},
    ),
    "one that the archive gave cleo by mistake": (
        replace(pages_of_cleo(REMOVED, ARCHIVE[:4] + ARCHIVE[5:]), spans={"cleo": [Span(0, 4), Span(5, 9)]}),
        {"delivered to someone else": 1, "never shown": 1},
    ),
    "one from before the removal, never shown": (to_cleo(REMOVED, *shown(READABLE[1:])), {"never shown": 1}),
    "one from after the return, skipped": (
        pages_of_cleo(REMOVED, READABLE[:-1]),
        {"skipped by a paging reader": 1},
    ),
    "one of cleo's, lost": (
        replace(REMOVED, sent={**SENT, "cleo": [*SENT["cleo"], Sent("c9", "d", 34.0, 35.0)]}),
        {"lost": 1},
    ),
    "one rejected before the removal": (refused(REMOVED, 5.0, 6.0), {"rejected without cause": 1}),
    "one rejected after the return": (refused(REMOVED, 22.0, 23.0), {"rejected without cause": 1}),
    "one rejected of somebody who was never removed": (refused(GOOD, 15.0), {"rejected without cause": 1}),
}


@pytest.mark.parametrize("what", EXAMPLES)
def test_a_fault_in_a_group_is_counted(what: str) -> None:
    truth, expected = EXAMPLES[what]
    assert found(judge(truth)) == expected


def test_messages_of_several_may_come_live_in_another_order_than_the_archives() -> None:
    assert found(judge(to_cleo(GOOD, *shown(SWAPPED)))) == {}


@pytest.mark.parametrize(("at", "left_at"), [(15.0, 16.0), (9.0, 12.0), (20.5, 22.0)])
def test_what_was_written_by_who_had_been_removed_is_rejected_and_counted_apart(at: float, left_at: float) -> None:
    verdict = judge(refused(REMOVED, at, left_at))
    assert found(verdict) == {}
    assert (verdict.counts["sent"], verdict.counts[REFUSED]) == (8, 1)


@pytest.mark.parametrize(("at", "bad", "apart"), [(15.0, {"stored of no member": 1}, 0), (9.0, {}, 1), (10.5, {}, 1)])
def test_what_was_rejected_may_be_stored_yet_only_if_it_was_written_before_the_removal(
    at: float, bad: dict[str, int], apart: int
) -> None:
    truth = refused(REMOVED, at, 16.0)
    row = Row(9, "cleo", "c9", "body of c9")
    stored = replace(
        truth,
        archive=[*ARCHIVE, row],
        shown={name: [*view, *shown([row])] for name, view in truth.shown.items()},
        paged={name: [*rows, row] for name, rows in truth.paged.items()},
    )
    verdict = judge(stored)
    assert found(verdict) == bad
    assert (verdict.counts["sent"], verdict.counts["stored"], verdict.counts[STORED_YET]) == (9, 9, apart)


def test_a_message_that_was_still_on_its_way_at_the_removal_or_the_return_may_be_shown() -> None:
    """The broker may have had it just before the one; and its sender may have sent it again after the other."""
    for put_at, left_at in ((10.5, 12.0), (15.0, 25.0)):
        bert = [replace(each, put_at=put_at, left_at=left_at) if each.id == "b2" else each for each in SENT["bert"]]
        truth = replace(REMOVED, sent={**SENT, "bert": bert})
        assert found(judge(to_cleo(truth, *shown([*READABLE, ARCHIVE[4]])))) == {}, "after b3, too: it has no place"


def test_what_was_missed_may_be_fetched_late_but_not_shown_live_late_and_not_what_was_sent_after_the_return() -> None:
    """With the archive away, b2 is stored only after cleo's return, and b3 comes live before it."""
    bert = [replace(each, left_at=40.0) if each.id == "b2" else each for each in SENT["bert"]]
    truth = replace(REMOVED, sent={**SENT, "bert": bert})
    truth = replace(truth, spans={"cleo": [Span(0, 3), Span(4, 99)]}, paged={})
    live, late = shown(READABLE), ARCHIVE[4]
    fetched = Shown(GROUP, "bert", "b2", "body of b2", late.seq)
    assert found(judge(to_cleo(truth, *live, fetched))) == {}
    assert found(judge(to_cleo(truth, *live, replace(fetched, seq=0)))) == {"shown out of order": 1}
    b3 = replace(fetched, id="b3", digest="body of b3", seq=8)
    bert = [*bert[:-1], replace(bert[-1], put_at=34.0), Sent("b4", "body of b4", 35.0, 36.0)]
    truth = replace(truth, sent={**SENT, "bert": bert}, archive=[*ARCHIVE, Row(9, "bert", "b4", "body of b4")])
    b4 = Shown(GROUP, "bert", "b4", "body of b4")
    view = [*live[:-1], fetched, b4, b3]
    assert judge(to_cleo(truth, *view)).counts["shown out of order"] == 1, "c2 is stored, so cleo was back before b3"


def test_a_removal_of_which_nobody_said_when_it_was_done_still_counts_by_numbers() -> None:
    unsure = replace(REMOVED, absences={"cleo": [replace(ABSENCE, removed=math.inf)]})
    assert found(judge(to_cleo(unsure, *shown()))) == {}
    assert found(judge(pages_of_cleo(unsure, ARCHIVE))) == {"delivered to someone else": 2}
