"""The store on a real disk."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from mqtt_client.errors import StorageError
from mqtt_client.state import SHOWN_MOST
from mqtt_client.store import _SCHEMA, Outgoing, Result, Store


def outgoing(id_: str, recipient: str = "bob") -> Outgoing:
    return Outgoing(id_, recipient, "text/plain; charset=utf-8", "2026-01-31T12:00:00.000Z", b"\x00body")


def test_the_outbox_keeps_its_order_and_loses_what_is_answered(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store, Store(tmp_path / "s") as other:
        for id_ in ("1", "2", "3"):
            store.post(outgoing(id_))
        other.settle([Result("2", 7, None), Result("stranger", 8, None)])
        assert store.outbox() == [("1", "bob"), ("3", "bob")]
        assert store.result("2") == Result("2", 7, None)
        assert store.result("stranger") is None
        assert store.outgoing("1") == outgoing("1")
        assert store.outgoing("2") is None


def test_the_log_counts_on_after_it_was_tidied(tmp_path: Path) -> None:
    now = 1000.0
    with Store(tmp_path / "s", now=lambda: now) as store:
        assert store.log_end() == 0
        store.log([("message", b"a"), ("message", b"b")])
        now += 3600
        store.tidy()
        assert store.log_after(0) == []
        assert store.log_end() == 2
        store.log([("connected", b"")])
        assert [entry.position for entry in store.log_after(0)] == [3]


def test_a_cursor_never_moves_back(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.move_cursor("*", 5)
        store.move_cursor("*", 3)
        assert store.cursors() == {"*": 5}


def test_what_was_shown_is_remembered_once_and_the_oldest_is_forgotten(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.show([("bob", "1"), ("carol", "1")])
        store.show([("bob", "1")])
        assert store.shown() == [("bob", "1"), ("carol", "1")]
        store.show([("dave", str(number)) for number in range(SHOWN_MOST - 1)])
        store.tidy()
        assert store.shown()[:2] == [("carol", "1"), ("dave", "0")]
        assert len(store.shown()) == SHOWN_MOST


def test_a_store_of_an_older_client_is_brought_up_to_date(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "s", isolation_level=None)) as old:
        old.executescript(_SCHEMA[0])
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO shown (scope, sender, id) VALUES ('*', 'bob', '1'), ('direct:bob', 'bob', '1')")
        old.execute("INSERT INTO cursors VALUES ('*', 5)")
    for _ in range(2):
        with Store(tmp_path / "s") as store:
            assert store.shown() == [("bob", "1")]
            assert store.cursors() == {"*": 5}


def test_only_the_owner_can_read_any_of_its_files(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.post(outgoing("1"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) == {"s", "s-wal", "s-shm"}
    assert set(modes.values()) == {0o600}


def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"this is no database, whatever it is" * 100)
    with pytest.raises(StorageError, match=r"is damaged.*move it away"):
        Store(tmp_path / "s")


def test_a_store_of_a_newer_client_is_left_alone(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store._db.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="newer nightjar"):
        Store(tmp_path / "s")


def test_a_directory_in_its_place_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        Store(tmp_path)
