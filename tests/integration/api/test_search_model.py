"""Whatever was edited, retracted, blocked or joined, a search finds what a plain model finds."""

import itertools
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection

from auth_api.pool import Pool
from auth_api.search.postings import SEGMENT
from tests.integration.api.search_model import GROUP, PEOPLE, PIECES, PLACES, Terms, World

SOME = st.integers(0, 50)
TEXT = st.lists(st.sampled_from(sorted(PIECES)), max_size=5)
STEPS = st.one_of(
    st.tuples(st.just("say"), SOME, st.sampled_from(PLACES), TEXT, st.sampled_from([1, 1, 1, 3, SEGMENT // 3])),
    st.tuples(st.just("edit"), SOME, TEXT),
    st.tuples(st.just("react"), SOME, TEXT),
    st.tuples(st.just("retract"), SOME),
    st.tuples(st.just("undo_edit"), SOME),
    st.tuples(st.just("block")),
    st.tuples(st.just("join")),
    st.tuples(st.just("index")),
)
TERM = st.one_of(
    st.tuples(st.just("word"), st.sampled_from(sorted(PIECES)).map(lambda piece: [piece])),
    st.tuples(
        st.just("beginning"), st.sampled_from(["hello", "help", "É", "e-mail", "世界"]).map(lambda piece: [piece])
    ),
    st.tuples(st.just("phrase"), TEXT),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(STEPS, min_size=1, max_size=30),
    st.lists(st.lists(TERM, min_size=1, max_size=3), min_size=3, max_size=6),
    st.integers(1, 4),
)
def test_search_finds_what_a_plain_model_finds(
    own_db: connection, pool: Pool, steps: Sequence[tuple[Any, ...]], searches: list[Terms], limit: int
) -> None:
    """For each person, whatever was edited, retracted, blocked or joined, indexed or not, on whatever page."""
    world = World(own_db, pool)
    for name, *values in steps:
        if name == "index":
            world.indexer.catch_up()
        else:
            getattr(world, name)(*values)
    for _ in range(2):
        for reader, terms in itertools.product(PEOPLE, searches):
            assert world.found(reader, terms, None, limit) == world.expected(reader, terms, None)
        for place in PLACES:
            for reader in PEOPLE:
                if (reader in place.split()) or (place == GROUP and reader != "carol"):
                    expected = world.expected(reader, searches[0], place)
                    assert world.found(reader, searches[0], place, limit) == expected
        world.indexer.catch_up()
