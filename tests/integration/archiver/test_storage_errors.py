"""What goes wrong while a batch is stored: whose fault it is, and what is said."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

import psycopg2
import pytest

from archiver.errors import OutageError, UnstorableError
from archiver.letters import Item, Letter
from archiver.storage import Storage
from tests.integration.archiver.deliveries import ORIGIN, change, item, numbers, rows
from tests.support.stack import wait_for
from wire.message import MessageId


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ("CREATE UNIQUE INDEX spoiled ON messages (sender_id)", "duplicate key value"),
        ("ALTER TABLE messages ADD COLUMN spoiled text; ALTER TABLE messages ALTER spoiled SET NOT NULL", "null value"),
        ("ALTER TABLE messages ADD FOREIGN KEY (seq) REFERENCES dead_letters (id)", "foreign key"),
    ],
)
def test_what_is_wrong_with_the_schema_or_other_rows_is_an_outage_that_blames_and_quotes_no_message(
    storage: Storage, url: str, spoiled: str, said: str
) -> None:
    change(url, spoiled)
    with pytest.raises(OutageError, match=said) as caught:
        storage.store(ORIGIN, [item(b"one"), item(b"two")])
    assert "DETAIL" not in str(caught.value)
    assert rows(url, "SELECT count(*) FROM messages") == [(0,)]


class Moody(list[Item]):
    """Items that cannot be looked at so many times, as if there were an error of our own."""

    def __init__(self, items: Sequence[Item], moods: int) -> None:
        super().__init__(items)
        self.moods = moods

    def __iter__(self) -> Iterator[Item]:
        """Fail, or behave."""
        if self.moods:
            self.moods -= 1
            raise KeyError("secret")
        return super().__iter__()


def test_an_error_of_our_own_that_does_not_come_again_costs_no_message(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    assert numbers(storage.store(ORIGIN, Moody([item(b"x")], 1))) == [1]
    assert "tried once more: our own error, KeyError at sorting.py:" in caplog.text
    assert "secret" not in caplog.text


def test_an_error_of_our_own_that_comes_again_is_named_with_its_place_and_quotes_nothing(storage: Storage) -> None:
    good = item(b"good")
    assert isinstance(good, Letter)
    bad = good._replace(id=MessageId("secret"), given=True)
    with pytest.raises(UnstorableError, match=r"^our own error, ValueError at rows\.py:\d+$"):
        storage.store(ORIGIN, [good, bad])
    assert numbers(storage.store(ORIGIN, [good])) == [1]


def test_a_server_that_ends_within_a_copy_is_an_outage_without_a_traceback(
    storage: Storage, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """COPY waits for a transaction that has the same id in hand, so it is in the middle when the server ends."""
    letter = item(b"x")
    assert isinstance(letter, Letter)
    with closing(psycopg2.connect(url)) as other, other.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)"
            " SELECT 77, 1, id, now(), %s, '' FROM users WHERE username = 'user0'",
            (letter.id,),
        )

        def end_it() -> None:
            waiting = "FROM pg_stat_activity WHERE application_name = 'nightjar-archiver' AND query LIKE 'COPY%'"
            wait_for(lambda: rows(url, f"SELECT 1 {waiting} AND wait_event_type = 'Lock'") == [(1,)], "COPY waits")
            rows(url, f"SELECT pg_terminate_backend(pid) {waiting}")

        ending = threading.Thread(target=end_it)
        ending.start()
        with pytest.raises(OutageError):
            storage.store(ORIGIN, [letter])
        ending.join()
    said = capsys.readouterr()
    assert said.err == ""
    assert numbers(storage.store(ORIGIN, [letter])) == [1]


def test_what_the_database_refuses_is_told_from_an_outage(storage: Storage, url: str) -> None:
    storage.check()
    change(url, "ALTER TABLE messages ADD CHECK (body <> 'poison')")
    with pytest.raises(UnstorableError, match="CheckViolation"):
        storage.store(ORIGIN, [item(b"good"), item(b"poison")])
    assert rows(url, "SELECT count(*) FROM messages") == [(0,)]
    numbers(storage.store(ORIGIN, [item(b"good")]))
    with pytest.raises(OutageError):
        Storage("postgresql://127.0.0.1:1/x").store(ORIGIN, [item(b"good")])
    with pytest.raises(OutageError):
        Storage("postgresql://127.0.0.1:1/x").check()
    storage.end()
    with pytest.raises(OutageError, match="ending"):
        storage.store(ORIGIN, [item(b"good")])


@pytest.mark.parametrize("many", [1, 100], ids=["one statement", "a transaction"])
def test_a_refusal_of_the_database_costs_no_new_connection(storage: Storage, url: str, many: int) -> None:
    """Or whoever finds something that the database refuses has us connect at each message of theirs."""
    storage.check()
    ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'nightjar-archiver'"
    before = rows(url, ours)
    change(url, "ALTER TABLE messages ADD CHECK (body <> 'poison')")
    with pytest.raises(UnstorableError):
        storage.store(ORIGIN, [item(b"good") for _ in range(many)] + [item(b"poison")])
    assert len(storage.store(ORIGIN, [item(b"good") for _ in range(many)])) == many
    assert rows(url, ours) == before


def test_a_batch_that_waits_for_another_archiver_can_be_interrupted(storage: Storage, url: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")

        def interrupt() -> None:
            waits = (
                "SELECT 1 FROM pg_stat_activity"
                " WHERE application_name = 'nightjar-archiver' AND wait_event_type = 'Lock'"
            )
            wait_for(lambda: rows(url, waits) == [(1,)], "the batch waits")
            storage.interrupt()

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with pytest.raises(OutageError):
            storage.store(ORIGIN, [item(b"good")])
        interrupting.join()
        connection.rollback()
    assert numbers(storage.store(ORIGIN, [item(b"good")])) == [1]
