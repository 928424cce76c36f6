"""In which order the outbox leaves, by a clock that the tests turn."""

from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mqtt_client.state import SendPlan

NEVER = float("inf")


def planned(*outbox: str) -> SendPlan:
    """Plan for messages named by their receiver and a number: `bob1`."""
    plan = SendPlan()
    for name in outbox:
        plan.add(name, name.rstrip("0123456789"))
    return plan


def published(plan: SendPlan, now: float) -> list[str]:
    """Publish what is due, each with its PUBACK at once, until nothing is."""
    done = []
    while chosen := plan.due(now):
        for id_ in chosen:
            plan.acknowledged(id_, now)
        done += chosen
    return done


def test_the_next_message_of_a_conversation_waits_for_the_receipt_of_the_one_before() -> None:
    plan = planned("bob1", "bob2", "carol1")
    assert plan.due(0) == ["bob1", "carol1"]
    assert plan.due(0) == []
    plan.acknowledged("bob1", 0)
    assert plan.due(4.9) == []
    assert plan.next_due() == 5
    plan.remove(["bob1"], 4.9)
    assert plan.due(4.9) == ["bob2"]


def test_a_receipt_that_comes_before_the_puback_does_not_let_two_be_in_flight() -> None:
    plan = planned("bob1", "bob2")
    plan.due(0)
    plan.remove(["bob1"], 0)
    assert plan.due(0) == []
    plan.acknowledged("bob1", 0)
    assert plan.due(0) == ["bob2"]


def test_a_head_published_twice_in_vain_lets_the_rest_go_in_order_each_after_a_puback() -> None:
    plan = planned("bob1", "bob2", "bob3")
    assert published(plan, 0) == ["bob1"]
    assert plan.due(5) == ["bob1"]
    assert plan.due(5) == [], "not before the PUBACK of the second publication"
    plan.acknowledged("bob1", 5)
    assert plan.due(5) == ["bob2"]
    assert plan.due(6) == []
    plan.acknowledged("bob2", 6)
    assert published(plan, 6) == ["bob3"]
    plan.add("bob4", "bob")
    assert published(plan, 7) == ["bob4"], "chat goes on"
    assert plan.next_due() == 15


def test_while_the_archive_is_away_only_the_head_is_published_again() -> None:
    plan = planned("bob1", "bob2", "bob3")
    times = [0, 5, 15, 35, 75, 135, 195]
    assert [published(plan, now) for now in times] == [["bob1"], ["bob1", "bob2", "bob3"], *[["bob1"]] * 5]


def test_with_the_receipt_of_the_head_the_strict_rule_is_back() -> None:
    plan = planned("bob1", "bob2", "bob3")
    published(plan, 0)
    published(plan, 5)
    plan.add("bob4", "bob")
    plan.remove(["bob1"], 6)
    assert published(plan, 6) == [], "2 and 3 are on their way and not stored yet"
    plan.remove(["bob2", "bob3"], 7)
    assert published(plan, 7) == ["bob4"]


def test_what_was_sent_without_waiting_and_not_stored_is_sent_again_one_by_one() -> None:
    """The archive has answered 1, so it is back; that 2 is not answered says that it was lost on the way."""
    plan = planned("bob1", "bob2", "bob3")
    published(plan, 0)
    published(plan, 5)
    plan.remove(["bob1"], 6)
    assert plan.next_due() == 11
    assert published(plan, 11) == ["bob2"]
    plan.remove(["bob2"], 11.1)
    assert published(plan, 11.1) == ["bob3"]


def test_a_rejected_head_makes_way() -> None:
    plan = planned("bob1", "bob2")
    published(plan, 0)
    plan.remove(["bob1"], 0)
    assert published(plan, 0) == ["bob2"]


def test_a_publication_that_the_broker_refuses_holds_up_its_conversation_and_no_other() -> None:
    plan = planned("bob1", "bob2", "carol1")
    assert plan.due(0) == ["bob1", "carol1"]
    plan.failed("bob1", 0)
    plan.acknowledged("carol1", 0)
    assert plan.due(4.9) == []
    assert plan.due(5) == ["bob1", "carol1"]
    plan.failed("bob1", 5)
    plan.acknowledged("carol1", 5)
    assert plan.due(14) == [], "10 s after the second refusal"
    assert plan.due(15) == ["bob1", "carol1"]
    plan.acknowledged("bob1", 15)
    assert plan.due(16) == [], "refused ones do not count as published in vain"


def test_a_refusal_of_what_follows_an_unanswered_head_keeps_the_order() -> None:
    plan = planned("bob1", "bob2", "bob3")
    published(plan, 0)
    plan.due(5)
    plan.acknowledged("bob1", 5)
    assert plan.due(5) == ["bob2"]
    plan.failed("bob2", 5)
    assert plan.due(9) == []
    assert published(plan, 10) == ["bob2", "bob3"]


def test_what_has_left_the_outbox_is_not_sent_again_and_nothing_of_it_is_kept() -> None:
    plan = planned("bob1")
    plan.due(0)
    plan.remove(["bob1", "stranger"], 0)
    plan.acknowledged("bob1", 0)
    assert plan.due(100) == []
    assert plan.next_due() == NEVER
    assert not plan._lines
    assert not plan._conversations


class Sending(RuleBasedStateMachine):
    """A plan beside a broker and an archive that answer when they like, in whatever order conversations go on."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = SendPlan()
        self.now = 0.0
        self.outbox: dict[str, list[str]] = defaultdict(list)
        self.in_flight: dict[str, str] = {}
        self.landed: dict[str, list[str]] = defaultdict(list)
        self.count = 0

    @rule(to=st.sampled_from(["bob", "carol"]), many=st.integers(1, 3))
    def write(self, to: str, many: int) -> None:
        """Somebody writes messages."""
        for _ in range(many):
            self.count += 1
            self.plan.add(f"{to}{self.count}", to)
            self.outbox[to].append(f"{to}{self.count}")

    @rule(seconds=st.sampled_from([0.01, 1.0, 5.0, 60.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule()
    def publish(self) -> None:
        """What is due is published; it must be the head, or follow a head that was published twice, in order."""
        for id_ in self.plan.due(self.now):
            to = id_.rstrip("0123456789")
            assert to not in self.in_flight, "one of a conversation at a time"
            self.in_flight[to] = id_
            waiting, landed = self.outbox[to], self.landed[to]
            if id_ != waiting[0]:
                assert landed.count(waiting[0]) >= 2, "only a head published in vain is passed"
                assert waiting[waiting.index(id_) - 1] in landed, "nothing is left out"

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), accepted=st.booleans())
    def answer(self, data: st.DataObject, accepted: bool) -> None:
        """The broker answers one publication."""
        to = data.draw(st.sampled_from(sorted(self.in_flight)))
        id_ = self.in_flight.pop(to)
        (self.plan.acknowledged if accepted else self.plan.failed)(id_, self.now)
        if accepted:
            self.landed[to].append(id_)

    @rule(data=st.data(), to=st.sampled_from(["bob", "carol"]))
    def settle(self, data: st.DataObject, to: str) -> None:
        """The archive answers some of what it was sent, in whatever order."""
        known = sorted({*self.landed[to], self.in_flight.get(to, "")} & {*self.outbox[to]})
        answered = data.draw(st.lists(st.sampled_from(known), unique=True)) if known else []
        self.outbox[to] = [id_ for id_ in self.outbox[to] if id_ not in answered]
        self.plan.remove(answered, self.now)

    @invariant()
    def looks_again_in_time(self) -> None:
        """Whatever waits and is not in flight is due within a minute."""
        if any(self.outbox[to] and to not in self.in_flight for to in ("bob", "carol")):
            assert self.plan.next_due() <= self.now + 60

    def teardown(self) -> None:
        """Nothing starves: with a broker and an archive that answer, all leaves, in order."""
        for to, id_ in self.in_flight.items():
            self.plan.acknowledged(id_, self.now)
            self.landed[to].append(id_)
        for to, landed in self.landed.items():
            self.plan.remove(landed, self.now)
            self.outbox[to] = [id_ for id_ in self.outbox[to] if id_ not in landed]
        for _ in range(self.count + 1):
            self.now = max(self.now, min(self.plan.next_due(), self.now + 60))
            for id_ in self.plan.due(self.now):
                to = id_.rstrip("0123456789")
                self.plan.acknowledged(id_, self.now)
                assert self.outbox[to].pop(0) == id_
                self.plan.remove([id_], self.now)
        assert not any(self.outbox.values())
        assert not self.plan._lines


TestSending = Sending.TestCase
TestSending.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
