"""The store on a real disk."""

import resource
import sqlite3
import stat
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from mqtt_client.errors import StorageError
from mqtt_client.state import SHOWN_MOST
from mqtt_client.store import Outgoing, Result, Store
from mqtt_client.store_schema import SCHEMA
from wire.conversations import direct


def outgoing(id_: str, recipient: str = "bob") -> Outgoing:
    return Outgoing(id_, direct(recipient), "text/plain; charset=utf-8", "2026-01-31T12:00:00.000Z", b"\x00body")


def test_the_outbox_keeps_its_order_and_loses_what_is_answered(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store, Store(tmp_path / "s") as other:
        for id_ in ("1", "2", "3"):
            store.post(outgoing(id_))
        other.settle([Result("2", 7, None), Result("stranger", 8, None)])
        assert store.outbox() == [("1", "direct:bob"), ("3", "direct:bob")]
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


def test_what_was_shown_is_remembered_once_and_the_oldest_that_is_stored_is_forgotten(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.show([("bob", "1"), ("carol", "1")])
        store.show([("bob", "1")], stored=True)
        store.show([("bob", "1")])
        assert store.shown() == [(("bob", "1"), True), (("carol", "1"), False)]
        store.move_cursor("*", 7, [("dave", str(number)) for number in range(SHOWN_MOST)])
        store.tidy()
        assert store.shown()[:2] == [(("carol", "1"), False), (("dave", "0"), True)]
        assert len(store.shown()) == SHOWN_MOST + 1
        assert store.cursors() == {"*": 7}


def test_the_log_is_bounded_by_number_too(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.log([("message", b"a")] * 25_000)
        store.tidy()
        assert [entry.position for entry in store.log_after(0, 20_000)] == list(range(15_001, 25_001))


def test_several_messages_enter_the_outbox_all_or_none(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.post(outgoing("1"), outgoing("2"))
        with pytest.raises(StorageError):
            store.post(outgoing("3"), outgoing("1"))
        assert store.outbox() == [("1", "direct:bob"), ("2", "direct:bob")]
        assert store.outbox_after(1) == [(2, "2", "direct:bob")]


def test_the_files_do_not_grow_while_others_have_them_open(tmp_path: Path) -> None:
    """Sixteen thousand messages of 1 KB pass beside a reader that looks at everything and never leaves."""
    with Store(tmp_path / "s") as store, Store(tmp_path / "s") as reader:
        for round_ in range(160):
            messages = [replace(outgoing(f"{round_}.{number}"), body=bytes(1000)) for number in range(100)]
            store.post(*messages)
            assert len(reader.outbox()) == 100
            store.take([Result(message.id, 1, None) for message in messages], [("message", bytes(1000))] * 100)
            reader.log_after(0)
            store.tidy()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 40_000_000


def test_a_full_disk_is_one_clear_line_and_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    """The limit of the process on file sizes stands for the disk."""
    with Store(tmp_path / "s") as store:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        posted: list[tuple[str, str]] = []

        def fill() -> None:
            for number in range(100):
                store.post(replace(outgoing(str(number)), body=bytes(10_000)))
                posted.append((str(number), "direct:bob"))

        try:
            with pytest.raises(StorageError, match="cannot be used"):
                fill()
            with pytest.raises(StorageError):
                store.take([Result("0", 1, None)], [("message", bytes(100_000))])
            # SQLite ends a transaction by itself that does not fit into its cache.
            with pytest.raises(StorageError, match=r"used: (disk I/O error|database or disk is full)"):
                store.take([Result("0", 1, None)], [("message", bytes(87_000))] * 200)
            assert store.outbox() == posted
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        store.settle([Result("0", 1, None)])
        assert store.outbox() == posted[1:]
        store.post(outgoing("afterwards"))


def test_a_store_of_an_older_client_is_brought_up_to_date(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "s", isolation_level=None)) as old:
        old.executescript(SCHEMA[0])
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO shown (scope, sender, id) VALUES ('*', 'bob', '1'), ('direct:bob', 'bob', '1')")
        old.execute("INSERT INTO cursors VALUES ('*', 5)")
    for _ in range(2):
        with Store(tmp_path / "s") as store:
            assert store.shown() == [(("bob", "1"), True)]
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


_OPEN = """
import pathlib, sys, time
from mqtt_client.store import Store
while time.time() < float(sys.argv[2]): pass
with Store(pathlib.Path(sys.argv[1])) as store: store.log([("message", b"x")])
"""


def test_a_new_store_may_be_opened_by_several_processes_at_once(tmp_path: Path) -> None:
    for name in "abc":
        at = str(time.time() + 1.5)
        opening = [Popen([sys.executable, "-c", _OPEN, str(tmp_path / name), at], stderr=PIPE) for _ in range(4)]
        for each in opening:
            _, said = each.communicate(timeout=60)
            assert each.returncode == 0, said.decode()
        with Store(tmp_path / name) as store:
            assert len(store.log_after(0)) == 4
