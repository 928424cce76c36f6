"""Readers page by `after_seq` while four archivers write: nothing is skipped and nothing comes twice (contract, 1).

A trigger holds each transaction up at its COMMIT, when its numbers are drawn and not visible yet. Without the archive
lock a later number becomes visible first, and a reader goes past the earlier one for good.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiver.delivery import Delivery, Origin
from archiver.letters import read_delivery
from archiver.plan import Archived
from archiver.storage import Storage
from auth_api.history import Page, feed, page
from auth_api.pool import Pool
from auth_api.tokens import AccessClaims
from tests.integration.archiver.deliveries import add_member, change
from wire.conversations import Conversation, direct, group
from wire.topics import message_topic

US = 1_700_000_000_000_000
WRITERS = 4
_HOLD_UP_COMMITS = """
CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(convert_from(NEW.body, 'UTF8')::float8 / 1000);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hold_up AFTER INSERT ON messages
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_up();
"""


@dataclass(frozen=True)
class Batch:
    """What one archiver stores in one transaction: messages to these, held up at the commit by so many ms each."""

    to: tuple[str, ...]
    milliseconds: int


batches = st.builds(
    Batch,
    to=st.lists(
        st.sampled_from(["reader", "reader", "stranger", "group", "group", "foreign"]), min_size=1, max_size=6
    ).map(tuple),
    milliseconds=st.integers(0, 4),
)


@dataclass(frozen=True)
class Archive:
    """A database with users, whose commits are held up."""

    url: str
    pool: Pool

    def add_users(self, *names: str) -> list[AccessClaims]:
        """Add users with a session each; return who they are to the API."""
        with closing(psycopg2.connect(self.url)) as connection, connection, connection.cursor() as cursor:
            for name in names:
                cursor.execute(
                    """
                    WITH added AS (INSERT INTO users (username) VALUES (%(name)s) RETURNING id)
                    INSERT INTO devices (id, user_id) SELECT %(name)s, id FROM added
                    """,
                    {"name": name},
                )
        return [AccessClaims(name, name) for name in names]

    def add_group(self, group_id: str, members: Iterable[str]) -> None:
        """Add a group with members."""
        change(
            self.url,
            "INSERT INTO groups (id, title, visibility, history)"  # noqa: S608  # a name of ours
            f" VALUES ('{group_id}', 'group', 'private', 'since_joining');"
            f"INSERT INTO conversations (group_id) VALUES ('{group_id}')",
        )
        for name in members:
            add_member(self.url, name, group_id)


@pytest.fixture
def archive(database_url: str) -> Iterator[Archive]:
    """Make it."""
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_HOLD_UP_COMMITS)
    pool = Pool(database_url, 4)
    yield Archive(database_url, pool)
    pool.close()


def write(archive: Archive, sender: str, names: dict[str, Conversation], work: list[Batch]) -> list[tuple[int, str]]:
    """Store batches as an archiver of its own does; returns the number and receiver of each message."""
    storage = Storage(archive.url)
    made: list[tuple[int, str]] = []
    numbers = itertools.count(1)
    for batch in work:
        items = []
        for to in batch.to:
            number = next(numbers)
            topic, body = message_topic(names[to], sender), str(batch.milliseconds).encode()
            delivery = Delivery(number, number, False, topic, body, None, [("id", str(uuid4()))], US)
            items.append(read_delivery(delivery, uuid4))
        outcomes = storage.store(Origin(sender, 1, resumed=False), items)
        for to, outcome in zip(batch.to, outcomes, strict=True):
            assert isinstance(outcome, Archived)
            made.append((outcome.seq, to))
    storage.end()
    return made


def page_through(page: Callable[[int], Page], is_over: Callable[[], bool]) -> list[int]:
    """Read page after page, each after the last number of the one before, until nothing can come any more."""
    seen: list[int] = []
    while True:
        over = is_over()
        messages = page(seen[-1] if seen else 0).messages
        seen += [message.seq for message in messages]
        if over and not messages:
            return seen
        if not messages:
            time.sleep(0.001)


_examples = itertools.count(1)
_TO_GROUP_ID = str.maketrans("0123456789", "wxyzcdefhi")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    work=st.lists(st.lists(batches, max_size=6), min_size=WRITERS, max_size=WRITERS),
    limits=st.tuples(st.integers(1, 7), st.integers(1, 7)),
)
def test_readers_who_page_while_four_archivers_write_skip_and_repeat_nothing(
    archive: Archive, work: list[list[Batch]], limits: tuple[int, int]
) -> None:
    example = next(_examples)
    senders = [f"sender-{example}-{number}" for number in range(WRITERS)]
    users = [f"reader-{example}", f"stranger-{example}"]
    reader, *_ = archive.add_users(*users, *senders)
    groups = [f"g{kind}{example:011}".translate(_TO_GROUP_ID) for kind in "ab"]
    archive.add_group(groups[0], [users[0], *senders])
    archive.add_group(groups[1], senders)
    places = [direct(users[0]), direct(users[1]), group(groups[0]), group(groups[1])]
    names = dict(zip(("reader", "stranger", "group", "foreign"), places, strict=True))
    with ThreadPoolExecutor(WRITERS + 3) as pool:
        writers = [pool.submit(write, archive, sender, names, part) for sender, part in zip(senders, work, strict=True)]

        def is_over() -> bool:
            return all(writer.done() for writer in writers)

        def feed_page(after: int) -> Page:
            return feed(archive.pool, reader, after, limits[0])[0]

        def history_page(after: int) -> Page:
            return page(archive.pool, reader, direct(senders[0]), before=None, after=after, limit=limits[1])

        def group_page(after: int) -> Page:
            return page(archive.pool, reader, names["group"], before=None, after=after, limit=limits[1])

        read_feed = pool.submit(page_through, feed_page, is_over)
        read_history = pool.submit(page_through, history_page, is_over)
        read_group = pool.submit(page_through, group_page, is_over)
        made = [writer.result() for writer in writers]
        assert read_feed.result() == sorted(seq for part in made for seq, to in part if to in {"reader", "group"})
        assert read_group.result() == sorted(seq for part in made for seq, to in part if to == "group")
        assert read_history.result() == [seq for seq, to in made[0] if to == "reader"]
