"""The local copy: kept once, in order, read and unread, and a file that tells what is wrong with it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqtt_client.app.entries import PENDING, Mark
from mqtt_client.app.ledger import CopyLedger
from mqtt_client.app.storage import Chats
from mqtt_client.errors import StorageError
from mqtt_client.store import Store, remove_store
from tests.unit.app.making import an_incoming


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[Chats]:
    """An empty copy of alice's."""
    with Chats(tmp_path / "alice.chats.db", "alice") as made:
        made.begin("direct:bob", "", 1, is_whole=True)
        yield made


def test_a_message_is_kept_once_and_gains_its_seq(chats: Chats) -> None:
    """Live without one, then from the feed with one."""
    added, _ = chats.keep([an_incoming(5, seq=None)], news=True)
    assert [entry.place for entry in added] == [PENDING]
    added, changed = chats.keep([an_incoming(5)], news=True)
    assert added == []
    assert [entry.seq for entry in changed] == [5]
    assert len(chats.newest("direct:bob", 10).entries) == 1


def test_pages_go_back_to_the_first_message_and_on_to_the_newest(chats: Chats) -> None:
    """Each message once, in the order of the archive; what has no seq is last."""
    chats.keep([an_incoming(number) for number in (3, 1, 2, 5, 4)], news=False)
    chats.keep([an_incoming(99, seq=None)], news=True)
    last = chats.newest("direct:bob", 2)
    assert [entry.seq for entry in last.entries] == [5, None]
    assert not last.at_start
    before = chats.before("direct:bob", last.entries[0].key, 10)
    assert [entry.seq for entry in before.entries] == [1, 2, 3, 4]
    assert before.at_start
    after = chats.after("direct:bob", before.entries[0].key, 3)
    assert [entry.seq for entry in after.entries] == [2, 3, 4]
    assert not after.at_end


def test_our_messages_carry_marks_and_a_refusal_its_reason(chats: Chats) -> None:
    """Sending, stored, rejected; a refused one stays where it was when later ones are stored."""
    chats.keep([an_incoming(1), *(an_incoming(n, sender="alice", seq=None) for n in (2, 3))], news=False)
    assert [entry.mark for entry in chats.sending()] == [Mark.SENDING, Mark.SENDING]
    refused = chats.settle("alice", an_incoming(2).id, seq=None, reason="too_large")
    assert refused
    assert (refused.mark, refused.reason) == (Mark.REJECTED, "too_large")
    stored = chats.settle("alice", an_incoming(3).id, seq=9)
    assert stored
    assert stored.mark is Mark.STORED
    assert [entry.id for entry in chats.newest("direct:bob", 9).entries] == [an_incoming(n).id for n in (1, 2, 3)]
    assert chats.settle("alice", an_incoming(3).id, seq=9) is None
    assert chats.settle("alice", "unknown", seq=9) is None
    assert chats.rows()[0].failed == 1
    chats.remove(refused.arrival)
    chats.remove(stored.arrival)
    assert [entry.seq for entry in chats.newest("direct:bob", 9).entries] == [1, 9]


def test_unread_are_the_news_of_others_until_they_are_read(chats: Chats) -> None:
    """History that is loaded later is none, and our own is none."""
    chats.keep([an_incoming(1)], news=False)
    chats.keep([an_incoming(2), an_incoming(3, sender="alice"), an_incoming(4)], news=True)
    assert chats.rows()[0].unread == 2
    first = chats.first_unread("direct:bob")
    assert first
    assert first.seq == 2
    chats.read("direct:bob")
    assert chats.rows()[0].unread == 0
    assert chats.first_unread("direct:bob") is None


def test_a_text_is_found_whatever_its_case(chats: Chats) -> None:
    """In any script; a percent sign is a percent sign."""
    chats.keep([an_incoming(1, "STRASSE und Ärger"), an_incoming(2, "100%"), an_incoming(3, "1000")], news=False)
    assert [entry.seq for entry in chats.find("direct:bob", "straße", (PENDING, 0), 9)] == [1]
    assert [entry.seq for entry in chats.find("direct:bob", "ärger", (PENDING, 0), 9)] == [1]
    assert [entry.seq for entry in chats.found_apart("direct:bob", "100%", (PENDING, 0), 9)] == [2]


def test_drafts_mutes_and_choices_are_kept(tmp_path: Path, chats: Chats) -> None:
    """By the next opening too; of what was typed the newest 500."""
    chats.keep_draft("direct:bob", "half")
    chats.mute("direct:bob", muted=True)
    chats.choose("theme", "nightjar-light")
    for number in range(502):
        chats.keep_typed(str(number))
    chats.close()
    with Chats(tmp_path / "alice.chats.db", "alice") as again:
        row = again.rows(["direct:bob"])[0]
        assert (row.draft, row.muted) == ("half", True)
        assert again.choice("theme") == "nightjar-light"
        assert again.choice("nothing") is None
        assert again.typed() == [str(number) for number in range(2, 502)]


def test_the_ledger_moves_the_stores_cursor_too(tmp_path: Path, chats: Chats) -> None:
    """What the app has shown, `tail` does not show again; what is in the copy is not told again."""
    chats.keep([an_incoming(1), an_incoming(2, seq=None)], news=True)
    with Store(tmp_path / "alice.db") as store:
        ledger = CopyLedger(chats, store)
        ledger.move_cursor("*", 7, [("bob", "x")])
        ledger.show([("bob", "y")])
        ledger.flush()
        assert ledger.cursors() == {"*": 7} == store.cursors()
        assert [identity for identity, _ in store.shown()] == [("bob", "x"), ("bob", "y")]
        assert ledger.shown() == [(("bob", an_incoming(1).id), True), (("bob", an_incoming(2).id), False)]


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    """Damaged, made by a newer program, or not to be opened."""
    (tmp_path / "damaged.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match="is damaged"):
        Chats(tmp_path / "damaged.db", "alice")
    with sqlite3.connect(tmp_path / "newer.db") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StorageError, match="newer nightjar"):
        Chats(tmp_path / "newer.db", "alice")
    with pytest.raises(StorageError, match="cannot be opened"):
        Chats(tmp_path / "no" / "such.db", "alice")


def test_the_copy_goes_with_its_store(tmp_path: Path) -> None:
    """Deleting an account here leaves nothing."""
    Store(tmp_path / "alice.abc.db").__exit__()
    Chats(tmp_path / "alice.abc.chats.db", "alice").close()
    remove_store(tmp_path / "alice.abc.db")
    assert list(tmp_path.iterdir()) == []
