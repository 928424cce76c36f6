"""Markers, watched presence, typing and blocks in the store; and stores of older clients."""

import sqlite3
from contextlib import closing
from pathlib import Path

from mqtt_client.store import Store
from mqtt_client.store_live import WATCHED_MOST, Marker
from mqtt_client.store_schema import SCHEMA
from wire.conversations import direct


def test_markers_never_move_back_and_are_told_once(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        assert store.mark("direct:bob", delivered=5)
        assert not store.mark("direct:bob", delivered=4)
        assert store.mark("direct:bob", read=5)
        assert store.unsent_markers() == [Marker("direct:bob", 5, 5)]
        store.markers_sent(Marker("direct:bob", 5, 5))
        assert store.unsent_markers() == []
        store.mark("direct:bob", delivered=9)
        assert store.unsent_markers() == [Marker("direct:bob", 9, 5, told_read=5)]


def test_a_marker_of_another_device_is_not_told_again(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.mark("direct:bob", delivered=5)
        store.markers_sent(Marker("direct:bob", 8, 8))
        assert store.unsent_markers() == []
        assert store.marker("direct:bob") == Marker("direct:bob", 8, 8, 8)
        assert not store.mark("direct:bob", read=7)


def test_a_server_that_counts_anew_makes_markers_count_anew(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.mark("direct:bob", read=500)
        store.move_cursor("direct:bob", 500)
        store.set_back(7)
        assert store.cursors() == {"*": 7}
        assert store.mark("direct:bob", read=3)


def test_who_is_watched_again_is_told_of_again_and_the_oldest_wishes_pass(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.watch(["bob", "carol"])
        end = store.watched_after(0)[-1][0]
        store.watch(["bob"])
        assert [name for _, name in store.watched_after(end)] == ["bob"]
        store.watch(f"user{number}" for number in range(WATCHED_MOST))
        assert len(store.watched_after(0)) == WATCHED_MOST


def test_typing_is_told_once_and_not_late(tmp_path: Path) -> None:
    now = 1000.0
    with Store(tmp_path / "s", now=lambda: now) as store:
        assert store.take_typing() == []
        store.type("direct:bob", active=True)
        store.type("direct:bob", active=False)
        store.type("direct:carol", active=True)
        assert store.take_typing() == [("direct:bob", False), ("direct:carol", True)]
        store.type("direct:bob", active=True)
        now += 60
        assert store.take_typing() == []


def test_the_list_of_those_who_are_blocked_is_replaced(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store, Store(tmp_path / "s") as other:
        assert store.replace_blocked(frozenset(), ["bob", "carol"])
        assert store.replace_blocked(frozenset({"bob", "carol"}), ["bob"])
        assert other.blocked() == {"bob"}


def test_a_list_from_before_somebody_was_blocked_here_is_not_taken_over(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store, Store(tmp_path / "s") as other:
        known = store.blocked()
        other.block("bob")
        assert not store.replace_blocked(known, ["carol"])
        assert store.blocked() == {"bob"}
        assert store.replace_blocked(known, ["bob"]), "there is nothing to do"
        other.unblock("bob")
        assert store.blocked() == frozenset()


def test_what_waits_in_the_outbox_of_an_older_client_is_kept(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "s", isolation_level=None)) as old:
        for script in SCHEMA[:3]:
            old.executescript(script)
        old.execute("PRAGMA user_version = 3")
        old.execute(
            "INSERT INTO outbox (id, recipient, content_type, sent_at, body)"
            " VALUES ('1', 'bob', 'text/plain', 'then', 'hi')"
        )
    for _ in range(2):
        with Store(tmp_path / "s") as store:
            assert store.outbox() == [("1", "direct:bob")]
            message = store.outgoing("1")
            assert message is not None
            assert (message.conversation, message.relation, message.relates_to) == (direct("bob"), None, None)
