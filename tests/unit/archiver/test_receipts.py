"""Who is told what."""

from uuid import UUID

from archiver.delivery import Delivery
from archiver.letters import Refused
from archiver.markings import Moved
from archiver.plan import Archived, Outcome
from archiver.receipts import Gathered, to_senders
from wire.conversations import direct, group
from wire.message import MessageId
from wire.receipts import Rejected, Stored, Watermark, decode_receipts, decode_watermarks

ONE, TWO, THREE = (MessageId(str(UUID(int=number))) for number in (1, 2, 3))
NOTHING = Delivery(1, 1, False, "", b"", None, [], 0)
OUTCOMES: list[Outcome] = [
    Archived(ONE, 1, "alice", direct("bob")),
    Refused(NOTHING, "alice", "x", "malformed", "because"),
    Archived(TWO, 2, "bob", direct("alice")),
    Refused(NOTHING, None, "y", "malformed", "because"),
    Archived(THREE, 3, "alice", direct("alice")),
]


def test_senders_are_told_of_all_their_messages_in_one_publication_each() -> None:
    told = {publication.topic: decode_receipts(publication.payload) for publication in to_senders(OUTCOMES)}
    assert told == {
        "users/alice/archived": [
            Stored(ONE, 1, direct("bob"), "alice"),
            Rejected("x", "malformed"),
            Stored(THREE, 3, direct("alice"), "alice"),
        ],
        "users/bob/archived": [Stored(TWO, 2, direct("alice"), "bob")],
    }


def test_receivers_are_told_of_what_is_stored_and_nobody_of_a_note_to_oneself() -> None:
    gathered = Gathered()
    gathered.add(OUTCOMES)
    assert len(gathered) == 2
    told = {publication.topic: decode_receipts(publication.payload) for publication in gathered.take()}
    assert told == {
        "users/bob/archived": [Stored(ONE, 1, direct("alice"), "alice")],
        "users/alice/archived": [Stored(TWO, 2, direct("bob"), "bob")],
    }
    assert gathered.take() == []
    assert len(gathered) == 0


def test_a_flood_to_one_receiver_is_cut_into_publications_of_500() -> None:
    publications = to_senders([Archived(ONE, seq, "alice", direct("bob")) for seq in range(1, 1002)])
    assert [len(decode_receipts(publication.payload)) for publication in publications] == [500, 500, 1]


def test_the_members_of_a_group_are_told_together_and_a_user_of_that_name_apart() -> None:
    name = "gabcdefghijkl"
    outcomes: list[Outcome] = [
        Archived(ONE, 1, "alice", group(name)),
        Archived(TWO, 2, "bob", group(name)),
        Archived(THREE, 3, "alice", direct(name)),
        Archived(ONE, 4, name, group(name)),
    ]
    gathered = Gathered()
    gathered.add(outcomes)
    told = {publication.topic: decode_receipts(publication.payload) for publication in gathered.take()}
    in_group = [
        Stored(ONE, 1, group(name), "alice"),
        Stored(TWO, 2, group(name), "bob"),
        Stored(ONE, 4, group(name), name),
    ]
    assert told == {
        f"groups/{name}/archived": in_group,
        f"users/{name}/archived": [Stored(THREE, 3, direct("alice"), "alice")],
    }
    told = {publication.topic: decode_receipts(publication.payload) for publication in to_senders(outcomes)}
    assert told == {
        "users/alice/archived": [in_group[0], Stored(THREE, 3, direct(name), "alice")],
        "users/bob/archived": in_group[1:2],
        f"users/{name}/archived": in_group[2:],
    }


def test_who_blocks_the_sender_is_told_nothing_and_the_sender_the_same_as_ever() -> None:
    gathered = Gathered()
    gathered.add([Archived(ONE, 1, "alice", direct("bob"), muted=True)])
    assert gathered.take() == []
    muted, heard = (to_senders([Archived(ONE, 1, "alice", direct("bob"), muted=muted)]) for muted in (True, False))
    assert muted == heard


def test_a_user_is_told_of_watermarks_in_publications_without_receipts() -> None:
    far = Watermark(direct("bob"), 42, 40)
    publications = to_senders([*OUTCOMES, Moved("alice", far), *[Moved("bob", far)] * 501])
    marked = [publication for publication in publications if decode_watermarks(publication.payload)]
    assert [(one.topic, len(decode_watermarks(one.payload))) for one in marked] == [
        ("users/alice/archived", 1),
        ("users/bob/archived", 500),
        ("users/bob/archived", 1),
    ]
    assert decode_watermarks(marked[0].payload) == [far]
    assert [decode_receipts(one.payload) for one in marked] == [[], [], []]
