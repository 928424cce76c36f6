"""What a run reads from the archive: each conversation whole, what is nobody's, and what was refused without cause."""

from contextlib import closing

import psycopg2
import pytest

from scripts.faults.facts import Span
from scripts.faults.queries import count_dead_letters, spans_of, stored_between, stored_elsewhere, stored_in

GROUP, OTHER = "gabcdefabcdef", "gzzzzzzzzzzzz"
_ROWS = """
    INSERT INTO users (username) VALUES ('anna'), ('bert'), ('cleo');
    INSERT INTO groups (id, title, visibility, history) VALUES
        ('gabcdefabcdef', 'one', 'private', 'since_joining'), ('gzzzzzzzzzzzz', 'two', 'private', 'since_joining');
    INSERT INTO conversations (user_low, user_high)
        SELECT low.id, high.id FROM users low, users high
        WHERE (low.username, high.username) IN (('anna', 'bert'), ('bert', 'cleo'));
    INSERT INTO conversations (group_id) VALUES ('gabcdefabcdef'), ('gzzzzzzzzzzzz');
    INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
        SELECT number, conversations.id, users.id, now(), gen_random_uuid(), 'hello'
        FROM users, conversations JOIN (
            SELECT c.id, row_number() OVER (ORDER BY c.id) AS number FROM conversations c
            WHERE c.group_id IS DISTINCT FROM 'globby2222222'
        ) AS numbered ON numbered.id = conversations.id
        WHERE username = 'bert';
    INSERT INTO spans (user_id, conversation_id, after_seq, until_seq)
        SELECT users.id, conversations.id, after_seq, until_seq FROM users, conversations, (VALUES (0, 3), (7, 99))
        AS span (after_seq, until_seq) WHERE username = 'bert' AND group_id = 'gabcdefabcdef';
    INSERT INTO dead_letters (received_at, topic, reason, detail, properties, body) VALUES
        (now(), 'groups/gabcdefabcdef/messages/bert', 'not_a_member', '', '[]', 'hello'),
        (now(), 'groups/gabcdefabcdef/messages/bert', 'malformed', '', '[]', 'hello'),
        (now(), 'groups/gabcdefabcdef/messages/cleo', 'not_a_member', '', '[]', 'hello');
"""
"""Seq 1 is between anna and bert, 2 between bert and cleo, 3 in the one group, 4 in the other."""


@pytest.fixture
def archive(database_url: str) -> str:
    """Store a message in each of four conversations, two spans, and three dead letters."""
    with closing(psycopg2.connect(database_url)) as database, database, database.cursor() as cursor:
        cursor.execute(_ROWS)
    return database_url


def test_each_conversation_is_read_and_what_is_in_another_is_nobodys(archive: str) -> None:
    assert [row.seq for row in stored_between(archive, "bert", "anna")] == [1]
    assert [row.seq for row in stored_in(archive, GROUP)] == [3]
    assert [row.seq for row in stored_elsewhere(archive, [("anna", "bert")], [GROUP])] == [2, 4]
    assert [row.seq for row in stored_elsewhere(archive, [("anna", "bert"), ("bert", "cleo")], [OTHER])] == [3]
    assert [row.seq for row in stored_elsewhere(archive, [], [])] == [1, 2, 3, 4]


def test_what_a_member_may_read_is_all_their_spans(archive: str) -> None:
    assert spans_of(archive, GROUP, "bert") == [Span(0, 3), Span(7, 99)]
    assert spans_of(archive, GROUP, "anna") == spans_of(archive, OTHER, "bert") == []


def test_only_what_who_was_removed_wrote_to_that_group_is_refused_with_cause(archive: str) -> None:
    assert count_dead_letters(archive, []) == 3
    assert count_dead_letters(archive, [(GROUP, "bert")]) == 2
    assert count_dead_letters(archive, [(OTHER, "bert"), (GROUP, "anna")]) == 3
