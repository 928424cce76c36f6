"""Search over REST: what is found at once, by whom, and what it makes of hostile queries."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg2.extensions import connection

from auth_api.search.snippets import BEGIN, END
from tests.integration.api.archive import Archive
from tests.integration.api.people import Person, assert_problem
from tests.support.stack import wait_for


def search(person: Person, **asked: str | int) -> dict[str, Any]:
    answer = person.ask("GET", "/v1/search", params=asked)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def test_a_message_is_found_as_soon_as_it_is_stored(alice: Person, bob: Person, archive: Archive) -> None:
    for number in range(5):
        seq = archive.store(alice.username, bob.username, f"Nightjars sing, {number}".encode())
        page = search(bob, q=f"nightj* {number}")
        (result,) = page["results"]
        assert page["has_more"] is False
        assert result["message"] == bob.ask("GET", f"/v1/messages/{seq}").json()
        assert result["highlight"] == f"{BEGIN}Nightjars{END} sing, {BEGIN}{number}{END}"


def test_an_edited_message_is_found_by_its_newest_words_and_shown_with_them(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    seq = archive.store(alice.username, bob.username, b"the first words")
    archive.store(alice.username, bob.username, b"the other words", relation=("edit", seq))
    with db.cursor() as cur:
        cur.execute("UPDATE messages SET changed = true WHERE seq = %s", (seq,))
    assert search(bob, q="first")["results"] == []
    (result,) = search(bob, q='"other words"')["results"]
    assert (result["message"]["seq"], result["message"]["body"]) == (seq, "the other words")
    assert "edited_at" in result["message"]


def test_the_service_indexes_beside_its_requests(alice: Person, archive: Archive, db: connection) -> None:
    seq = archive.store(alice.username, alice.username, b"the first of many")
    with db.cursor() as cur:
        cur.execute(
            """
            INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
            SELECT nextval('message_seq'), conversation_id, sender_id, now(), gen_random_uuid(), 'one of many'
            FROM messages, generate_series(1, 1024) WHERE seq = %s
            """,
            (seq,),
        )

        def is_indexed() -> bool:
            cur.execute("SELECT indexed_seq >= %s FROM search_state", (seq,))
            return cur.fetchone() == (True,)

        wait_for(is_indexed, "the message is indexed", timeout=60)
    assert [each["message"]["seq"] for each in search(alice, q="first many")["results"]] == [seq]
    assert search(alice, q="many", limit=1)["has_more"] is True


def test_nobody_else_finds_a_message(
    alice: Person, bob: Person, new_person: Callable[[], Person], archive: Archive
) -> None:
    eve = new_person()
    archive.store(alice.username, bob.username, b"between us")
    assert search(eve, q="between")["results"] == []
    assert search(eve, **{"q": "between", "with": alice.username})["results"] == []
    assert len(search(bob, **{"q": "between", "with": alice.username})["results"]) == 1
    assert search(bob, **{"q": "between", "with": bob.username})["results"] == []


def test_only_what_the_server_can_read_is_searched(alice: Person, archive: Archive) -> None:
    stored = [
        archive.store(alice.username, alice.username, b'{"a": "needle"}', "application/json"),
        archive.store(alice.username, alice.username, b"<i>needle</i>", "text/html"),
    ]
    archive.store(alice.username, alice.username, b"needle", "application/pgp-encrypted")
    archive.store(alice.username, alice.username, b"needle \xff", "text/plain")
    assert [each["message"]["seq"] for each in search(alice, q="needle")["results"]] == stored[::-1]


HOSTILE = [
    "'",
    "a' OR 1=1 --",
    "!!! & | <-> ( ) :* a:b",
    '"',
    '"""" *',
    "* a**",
    "\\ %s %(x)s $1 {}",
    "a\tb\nc",
    "\u202e\u200d\ufeff",
    "\U0010ffff",
    "\u2018a\u2019 “b”",
    "<script>",
    "a" * 256,
    "* " * 128,
]


@pytest.mark.parametrize("q", HOSTILE)
def test_no_query_is_an_error_of_the_servers(alice: Person, archive: Archive, q: str) -> None:
    archive.store(alice.username, alice.username, b"a b c")
    search(alice, q=q)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": " \n"}, "q"),
        ({"q": "a" * 257}, "q"),
        ({"q": "a\0"}, "q"),
        ({"q": "a", "limit": 201}, "limit"),
        ({"q": "a", "before_seq": "x"}, "before_seq"),
        ({"q": "a", "with": "X"}, "with"),
        ({"q": "a", "group": "bob"}, "group"),
        ({"q": "a", "with": "bob", "group": "globby2222222"}, "group"),
        ({"q": "a", "other": "bob"}, "other"),
    ],
)
def test_what_cannot_be_asked_is_refused(alice: Person, asked: dict[str, str], field: str) -> None:
    assert_problem(alice.ask("GET", "/v1/search", params=asked), 422, field)


def test_who_is_unknown_is_not_found(alice: Person) -> None:
    assert_problem(alice.ask("GET", "/v1/search", params={"q": "a", "with": "nobody-at-all"}), 404)
    assert_problem(alice.ask("GET", "/v1/search", params={"q": "a", "group": "gaaaaaaaaaaaa"}), 404)
