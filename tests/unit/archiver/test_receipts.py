"""Who is told what."""

from uuid import UUID

from archiver.delivery import Delivery
from archiver.letters import Refused
from archiver.plan import Archived, Outcome
from archiver.receipts import Gathered, to_senders
from wire.conversations import direct
from wire.message import MessageId
from wire.receipts import Rejected, Stored, decode_receipts

ONE, TWO, THREE = (MessageId(str(UUID(int=number))) for number in (1, 2, 3))
NOTHING = Delivery(1, 1, False, "", b"", None, [], 0)
OUTCOMES: list[Outcome] = [
    Archived(ONE, 1, "alice", "bob"),
    Refused(NOTHING, "alice", "x", "malformed", "because"),
    Archived(TWO, 2, "bob", "alice"),
    Refused(NOTHING, None, "y", "malformed", "because"),
    Archived(THREE, 3, "alice", "alice"),
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
    publications = to_senders([Archived(ONE, seq, "alice", "bob") for seq in range(1, 1002)])
    assert [len(decode_receipts(publication.payload)) for publication in publications] == [500, 500, 1]
