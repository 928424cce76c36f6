"""Whatever people, members, blockers and editors do: what each may read is what a plain model says, on every way."""

from contextlib import closing
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg2.extensions import connection

from auth_api import history
from auth_api.errors import NotFoundError
from auth_api.message_json import StoredMessage, message_json
from auth_api.pool import Pool
from auth_api.queries import archive, blocks, members
from auth_api.tokens import AccessClaims
from auth_api.views.conversations import entry_json
from tests.integration.api.reading_model import GROUPS, PEOPLE, Model, Said
from wire.conversations import Conversation, direct, group

_CLEAN = """
    TRUNCATE messages, spans, members, participants, blocks, conversations, groups, devices, users
        RESTART IDENTITY CASCADE;
    ALTER SEQUENCE message_seq RESTART;
"""
_SAY = """
    INSERT INTO messages (seq, conversation_id, sender_id, relates_to_seq, received_at, message_id, relation, body)
    SELECT nextval('message_seq'), %s, u.id, %s, now(), gen_random_uuid(), %s, %s FROM users u WHERE u.username = %s
    RETURNING seq
"""
_RELATE = """
    UPDATE messages SET changed = true WHERE seq = %(target)s AND %(relation)s IN ('edit', 'retract', 'reaction');
    UPDATE messages SET body = '' WHERE %(relation)s = 'retract'
    AND (seq = %(target)s OR (relation = 'edit' AND relates_to_seq = %(target)s));
"""
_PAIR = """
    WITH pair AS (SELECT min(id) AS low, max(id) AS high FROM users WHERE username = ANY(%s)), made AS (
        INSERT INTO conversations (user_low, user_high) SELECT low, high FROM pair ON CONFLICT DO NOTHING
        RETURNING id, user_low, user_high
    ), taking_part AS (
        INSERT INTO participants (user_id, conversation_id)
        SELECT DISTINCT unnest(ARRAY[user_low, user_high]), id FROM made
    )
    SELECT id FROM made
    UNION ALL SELECT c.id FROM conversations c JOIN pair ON c.user_low = pair.low AND c.user_high = pair.high
"""
_DELIVERED = """
    UPDATE participants SET delivered_seq = greatest(delivered_seq, %s) WHERE user_id = %s AND conversation_id = %s
"""
_READ = "UPDATE participants SET read_seq = greatest(read_seq, %s) WHERE user_id = %s AND conversation_id = %s"
people = st.sampled_from(PEOPLE)
groups = st.sampled_from(sorted(GROUPS))
places = groups | st.tuples(people, people).map(lambda pair: " ".join(sorted(pair)))
texts = st.sampled_from(["hello", "👍", "❤", "so long"])
picks = st.integers(0, 10_000)


class Reading(RuleBasedStateMachine):
    """Does everything twice: in the database as the other programs do it, and in the model."""

    def __init__(self, pool: Pool, db: connection) -> None:
        super().__init__()
        self.pool, self.db, self.model = pool, db, Model()
        self.run(_CLEAN)
        self.ids = {name: self.number("INSERT INTO users (username) VALUES (%s) RETURNING id", name) for name in PEOPLE}
        self.run("INSERT INTO devices (id, user_id) SELECT 'd-' || username, id FROM users")
        for id_, kept in GROUPS.items():
            self.run("INSERT INTO groups VALUES (%s, %s, 'private', %s)", id_, id_, kept)
            self.run("INSERT INTO conversations (group_id) VALUES (%s)", id_)

    def run(self, statement: str, *values: Any) -> None:
        with self.db, self.db.cursor() as cur:
            cur.execute(statement, values[0] if values and isinstance(values[0], dict) else values or None)

    def number(self, statement: str, *values: Any) -> int:
        with self.db, self.db.cursor() as cur:
            cur.execute(statement, values)
            ((found,),) = cur.fetchall()
        return int(found)

    def conversation(self, where: str) -> int:
        if where in GROUPS:
            return self.number("SELECT id FROM conversations WHERE group_id = %s", where)
        return self.number(_PAIR, where.split(" "))

    def store(self, sender: str, where: str, body: str, relation: str | None = None, target: int | None = None) -> None:
        conversation = self.conversation(where)
        seq = self.number(_SAY, conversation, target, relation, body.encode(), sender)
        self.run(_RELATE, {"target": target, "relation": relation})
        self.run("UPDATE conversations SET last_seq = %s WHERE id = %s", seq, conversation)
        self.model.say(Said(seq, sender, where, body, relation, target))

    @initialize(members=st.sets(st.tuples(people, groups)), blocks=st.sets(st.tuples(people, people), max_size=2))
    def begin(self, members: set[tuple[str, str]], blocks: set[tuple[str, str]]) -> None:
        """Most of what there is to see needs members."""
        for pair in sorted(members):
            self.join(*pair)
        for pair in sorted(blocks):
            self.block(*pair)

    @rule(sender=people, where=places, body=texts)
    def send(self, sender: str, where: str, body: str) -> None:
        if sender in self.model.audience(where):
            self.store(sender, where, body)

    @precondition(lambda self: self.model.said)
    @rule(
        sender=people,
        pick=picks,
        relation=st.sampled_from(["edit", "edit", "retract", "reaction", "reaction", "reply", "thread"]),
        body=texts,
    )
    def relate(self, sender: str, pick: int, relation: str, body: str) -> None:
        """As the archiver has it: an edit of an edit is one of the original, and nobody edits what is retracted."""
        seen = self.model.visible(sender)
        if not seen:
            return
        target = self.model.said[seen[pick % len(seen)]]
        if relation == "edit" and target.relation == "edit":
            target = self.model.said[target.target or 0]
        is_own = target.sender == sender and target.relation != "retract"
        if relation in {"edit", "retract"} and not is_own:
            return
        if (relation == "edit" and not target.body) or sender not in self.model.audience(target.where):
            return
        self.store(sender, target.where, "" if relation == "retract" else body, relation, target.seq)

    @rule(who=people, where=groups)
    def join(self, who: str, where: str) -> None:
        if who not in self.model.members[where]:
            with self.pool.transaction() as cur:
                archive.lock(cur)
                members.add(cur, where, [self.ids[who]], "member", archive.newest_seq(cur))
            self.model.join(who, where)

    @rule(who=people, where=groups)
    def leave(self, who: str, where: str) -> None:
        if who in self.model.members[where]:
            with self.pool.transaction() as cur:
                archive.lock(cur)
                members.remove(cur, where, [self.ids[who]], archive.newest_seq(cur))
            self.model.members[where].discard(who)

    @rule(who=people, whom=people)
    def block(self, who: str, whom: str) -> None:
        if who != whom and not self.model.blocking(who, whom):
            with self.pool.transaction() as cur:
                archive.lock(cur)
                blocks.begin(cur, self.ids[who], self.ids[whom], archive.newest_seq(cur))
            self.model.block(who, whom)

    @rule(who=people, whom=people)
    def unblock(self, who: str, whom: str) -> None:
        if self.model.blocking(who, whom):
            with self.pool.transaction() as cur:
                archive.lock(cur)
                blocks.end(cur, self.ids[who], self.ids[whom], archive.newest_seq(cur))
            self.model.unblock(who, whom)

    @precondition(lambda self: self.model.said)
    @rule(who=people, pick=picks, is_read=st.booleans())
    def mark(self, who: str, pick: int, is_read: bool) -> None:
        """Markers never move back; what was read was delivered."""
        seq, said = sorted(self.model.said.items())[pick % len(self.model.said)]
        if who in self.model.audience(said.where):
            kinds = [(self.model.delivered, _DELIVERED), *([(self.model.read, _READ)] if is_read else [])]
            for markers, statement in kinds:
                markers[who, said.where] = max(markers.get((who, said.where), 0), seq)
                self.run(statement, seq, self.ids[who], self.conversation(said.where))

    @invariant()
    def lists_are_right(self) -> None:
        for who in PEOPLE:
            entries, following = history.conversation_page(self.pool, claims(who), None, 50)
            assert [shown_entry(entry_json(each)) for each in entries] == self.model.listed(who), who
            assert following is None
            if entries[1:]:
                (first,), following = history.conversation_page(self.pool, claims(who), None, 1)
                (second,), _ = history.conversation_page(self.pool, claims(who), following, 1)
                assert [first, second] == entries[:2]

    @rule(who=people, limit=st.integers(1, 6), at=picks, where=places)
    def read_pages(self, who: str, limit: int, at: int, where: str) -> None:
        bound = at % (self.model.newest + 2)
        expected = [self.model.shown(who, seq) for seq in self.model.visible(who)]
        after = [each for each in expected if each["seq"] > bound]
        fed, following = history.feed(self.pool, claims(who), bound, limit)
        assert (shown(fed.messages), fed.has_more) == (after[:limit], len(after) > limit)
        skipped = [each["seq"] for each in after[limit:] if each["seq"] <= following]
        assert not skipped
        assert following >= (fed.messages[-1].seq if fed.messages else bound)
        if where not in GROUPS and who not in where.split(" "):
            return
        if where in GROUPS and (who, where) not in self.model.known:
            with pytest.raises(NotFoundError):
                self.page(who, where, limit)
            return
        expected = [self.model.shown(who, seq) for seq in self.model.visible(who, where)]
        assert self.page(who, where, limit) == (expected[-limit:], len(expected) > limit)
        before = [each for each in expected if each["seq"] < bound]
        assert self.page(who, where, limit, before=bound) == (before[-limit:], len(before) > limit)
        after = [each for each in expected if each["seq"] > bound]
        assert self.page(who, where, limit, after=bound) == (after[:limit], len(after) > limit)

    @precondition(lambda self: self.model.said)
    @rule(who=people, pick=picks)
    def read_one(self, who: str, pick: int) -> None:
        seq = sorted(self.model.said)[pick % len(self.model.said)]
        if seq not in self.model.visible(who):
            for read in (history.one_message, history.versions):
                with pytest.raises(NotFoundError):
                    read(self.pool, claims(who), seq)
            return
        assert shown([history.one_message(self.pool, claims(who), seq)]) == [self.model.shown(who, seq)]
        found = history.versions(self.pool, claims(who), seq)
        assert [(each.seq, bytes(each.body).decode()) for each in found] == self.model.versions(who, seq)

    def teardown(self) -> None:
        """Look at everything there is, as everybody."""
        for who in PEOPLE:
            for place in range(len(self.model.said)):
                self.read_one(who, place)
            for at in (0, self.model.newest // 2):
                for where in (*GROUPS, *(" ".join(sorted((who, other))) for other in PEOPLE)):
                    self.read_pages(who, 50, at, where)

    def page(self, who: str, where: str, limit: int, **bounds: int) -> tuple[list[dict[str, Any]], bool]:
        page = history.page(
            self.pool, claims(who), seen_by(who, where),
            before=bounds.get("before"), after=bounds.get("after"), limit=limit,
        )  # fmt: skip
        return shown(page.messages), page.has_more


def claims(who: str) -> AccessClaims:
    return AccessClaims(who, f"d-{who}")


def seen_by(who: str, where: str) -> Conversation:
    if where in GROUPS:
        return group(where)
    first, second = where.split(" ")
    return direct(second if first == who else first)


def shown(messages: list[StoredMessage]) -> list[dict[str, Any]]:
    return [without_times(message_json(each)) for each in messages]


def shown_entry(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"last_message": without_times(entry["last_message"])}


def without_times(message: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the model does not know; of an edit and a retraction leave that there is a time."""
    kept = {
        name: value for name, value in message.items() if name not in {"id", "content_type", "sent_at", "received_at"}
    }
    return kept | {name: True for name in ("edited_at", "retracted_at") if name in kept}


@pytest.mark.timeout(400)
def test_what_each_may_read_is_what_the_model_says(database_url: str) -> None:
    with closing(Pool(database_url, 1)) as pool, closing(psycopg2.connect(database_url)) as db:
        run_state_machine_as_test(
            lambda: Reading(pool, db),  # type: ignore[arg-type]  # whatever makes one will do
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_who_has_left_sees_a_message_as_it_was_then(database_url: str) -> None:
    """Later edits and reactions are later messages; they count again for none but those who may read them."""
    with closing(Pool(database_url, 1)) as pool, closing(psycopg2.connect(database_url)) as db:
        both = Reading(pool, db)
        for where in GROUPS:
            both.join("alice", where)
            both.join("bobby", where)
            both.store("alice", where, "hello")
            first = both.model.newest
            both.leave("bobby", where)
            both.store("alice", where, "so long", "edit", first)
            both.store("alice", where, "👍", "reaction", first)
            assert both.model.shown("bobby", first)["body"] == "hello"
            both.teardown()
            both.join("bobby", where)
            both.store("alice", where, "hello", "edit", first)
            both.teardown()
