"""What the session decides, by a clock that the tests turn."""

from hypothesis import given
from hypothesis import strategies as st

from mqtt_client.state import Seen, SendPlan, SyncPlan, backoff, resend_delay


def test_a_message_is_sent_again_after_5_10_20_40_and_then_every_60_seconds() -> None:
    assert [resend_delay(sent) for sent in range(1, 8)] == [5, 10, 20, 40, 60, 60, 60]


def test_a_message_sent_a_million_times_still_waits_60_seconds() -> None:
    assert resend_delay(1_000_000) == 60


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_pause_before_a_reconnect_never_passes_30_seconds_and_is_never_nothing(
    failures: int, chance: float
) -> None:
    assert 0.1 <= backoff(failures, lambda: chance) <= 30


def test_the_next_message_of_a_conversation_waits_for_the_puback_of_the_one_before() -> None:
    plan = SendPlan()
    plan.follow([("1", "bob"), ("2", "bob"), ("3", "carol")])
    assert plan.due(0) == ["1", "3"]
    assert plan.due(0) == []
    plan.acknowledged("1", 0)
    assert plan.due(0) == ["2"]


def test_a_message_refused_by_the_broker_holds_back_what_follows_until_it_is_sent_again() -> None:
    plan = SendPlan()
    plan.follow([("1", "bob"), ("2", "bob")])
    plan.due(0)
    plan.failed("1", 0)
    assert plan.due(1) == []
    assert plan.due(5) == ["1"]
    plan.acknowledged("1", 5)
    assert plan.due(5) == ["2"]


def test_an_unconfirmed_message_does_not_hold_back_what_follows_its_puback() -> None:
    plan = SendPlan()
    plan.follow([("1", "bob"), ("2", "bob")])
    plan.due(0)
    plan.acknowledged("1", 0)
    plan.due(0)
    plan.acknowledged("2", 0)
    assert plan.next_due() == 5
    assert plan.due(5) == ["1"], "one at a time in flight, resent ones too"


def test_what_has_left_the_outbox_is_not_sent_again() -> None:
    plan = SendPlan()
    plan.follow([("1", "bob")])
    plan.due(0)
    plan.acknowledged("1", 0)
    plan.follow([])
    plan.acknowledged("1", 0)
    assert plan.due(100) == []
    assert plan.next_due() == float("inf")


@given(st.lists(st.sampled_from(["follow", "ack", "fail", "due"]), max_size=60))
def test_never_are_two_messages_of_one_conversation_in_flight(steps: list[str]) -> None:
    plan, now, in_flight = SendPlan(), 0.0, list[str]()
    outbox = [(str(number), "bob") for number in range(6)]
    for step in steps:
        now += 3
        if step == "follow":
            plan.follow(outbox)
        elif step == "due":
            in_flight += plan.due(now)
        elif in_flight:
            (plan.acknowledged if step == "ack" else plan.failed)(in_flight.pop(), now)
        assert len(in_flight) <= 1


def test_a_sync_that_is_wanted_earlier_happens_earlier_and_once() -> None:
    plan = SyncPlan()
    plan.done(0)
    plan.want(30)
    plan.want(3)
    plan.want(10)
    assert not plan.is_due(2.9)
    assert plan.is_due(3)
    plan.done(3)
    assert not plan.is_due(30)


def test_a_sync_happens_every_minute_even_if_nothing_calls_for_one() -> None:
    plan = SyncPlan()
    plan.done(100)
    assert not plan.is_due(159)
    assert plan.is_due(160)
    assert plan.wait(130) == 30


def test_only_the_first_failure_in_a_row_is_worth_a_word() -> None:
    plan = SyncPlan()
    assert plan.failed(0, lambda: 0.0)
    assert not plan.failed(0, lambda: 0.0)
    assert plan.wait(0) >= 1
    plan.done(0)
    assert plan.failed(0, lambda: 0.0)


def test_an_identity_is_new_once_and_the_oldest_is_forgotten() -> None:
    seen = Seen(most=2)
    assert seen.add(("bob", "1"))
    assert not seen.add(("bob", "1"))
    assert seen.add(("carol", "1")), "another sender's message of the same id is another message"
    seen.add(("bob", "2"))
    assert ("bob", "1") not in seen


def test_what_was_met_before_is_not_new() -> None:
    assert not Seen([("bob", "1")]).add(("bob", "1"))
