"""What the indexer of search commits, and how."""

from collections.abc import Iterator

import psycopg2
import pytest

from auth_api.errors import UnavailableError
from auth_api.pool import Pool
from auth_api.queries import search_index
from auth_api.search import indexing
from auth_api.search.indexing import Indexer


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """Open a pool of one connection, which every transaction gets."""
    opened = Pool(database_url, 1)
    yield opened
    opened.close()


def language(pool: Pool) -> str:
    """Return the language that the index is in."""
    with pool.transaction() as cur:
        state = search_index.claim(cur)
        assert state
        return state.language


def waits_for_the_disk(pool_cursor: psycopg2.extensions.cursor) -> bool:
    """Whether the commit of this transaction does."""
    pool_cursor.execute("SHOW synchronous_commit")
    return pool_cursor.fetchone() == ("on",)


def test_a_commit_of_the_index_waits_for_no_disk_and_a_change_of_its_language_does(pool: Pool) -> None:
    with pool.transaction() as cur:
        assert search_index.claim(cur)
        assert not waits_for_the_disk(cur)
    with pool.transaction() as cur:
        assert waits_for_the_disk(cur), "other transactions of the same connection do"
        search_index.claim(cur)
        search_index.set_language(cur, "simple")
        assert waits_for_the_disk(cur)


def test_a_change_of_language_that_was_not_committed_is_made_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    indexer = Indexer(pool, "german")
    assert language(pool) != "german"

    def cut(*_: object) -> bool:
        raise psycopg2.OperationalError("the connection was cut")

    with monkeypatch.context() as patched:
        patched.setattr(indexing, "_forget_stale", cut)
        with pytest.raises(UnavailableError):
            indexer.step()
    assert language(pool) != "german"
    indexer.step()
    assert language(pool) == "german"
