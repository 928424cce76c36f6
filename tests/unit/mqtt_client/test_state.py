"""What the session decides, by a clock that the tests turn."""

from hypothesis import given
from hypothesis import strategies as st

from mqtt_client.state import Seen, SyncPlan, backoff, resend_delay


def test_a_message_is_sent_again_after_5_10_20_40_and_then_every_60_seconds() -> None:
    assert [resend_delay(sent) for sent in range(1, 8)] == [5, 10, 20, 40, 60, 60, 60]


def test_a_message_sent_a_million_times_still_waits_60_seconds() -> None:
    assert resend_delay(1_000_000) == 60


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_pause_before_a_reconnect_never_passes_30_seconds_and_is_never_nothing(
    failures: int, chance: float
) -> None:
    assert 0.1 <= backoff(failures, lambda: chance) <= 30


def test_a_sync_that_is_wanted_earlier_happens_earlier_and_once() -> None:
    plan = SyncPlan()
    plan.asked()
    plan.done(0)
    plan.want(30)
    plan.want(3)
    plan.want(10)
    assert not plan.is_due(2.9)
    assert plan.is_due(3)
    plan.asked()
    plan.done(3)
    assert not plan.is_due(30)


def test_a_sync_that_is_wanted_while_the_server_is_asked_happens_after_that() -> None:
    """The answer may not say what it is wanted for."""
    plan = SyncPlan()
    plan.asked()
    assert not plan.is_due(10)
    plan.want(11)
    plan.done(20)
    assert plan.is_due(20)


def test_a_sync_happens_every_minute_even_if_nothing_calls_for_one() -> None:
    plan = SyncPlan()
    plan.asked()
    plan.done(100)
    assert not plan.is_due(159)
    assert plan.is_due(160)
    assert plan.wait(130) == 30


def test_only_the_first_failure_in_a_row_is_worth_a_word() -> None:
    plan = SyncPlan()
    plan.asked()
    assert plan.failed(0, lambda: 0.0)
    plan.asked()
    assert not plan.failed(0, lambda: 0.0)
    assert plan.wait(0) >= 1
    plan.asked()
    plan.done(0)
    plan.asked()
    assert plan.failed(0, lambda: 0.0)


def test_an_identity_is_new_once_and_the_oldest_that_the_feed_has_passed_is_forgotten() -> None:
    seen = Seen(stored=2)
    for identity in (("bob", "1"), ("carol", "1"), ("bob", "2"), ("bob", "3")):
        assert seen.add(identity), "another sender's message of the same id is another message"
        assert not seen.add(identity)
    for identity in (("bob", "1"), ("bob", "2"), ("bob", "3")):
        seen.store(identity)
    assert ("bob", "1") not in seen
    assert ("bob", "2") in seen
    assert ("carol", "1") in seen, "it will be in the feed, however many come before"


def test_what_never_comes_in_the_feed_is_forgotten_too() -> None:
    seen = Seen(unstored=2)
    for number in range(3):
        seen.add(number)
    assert [number in seen for number in range(3)] == [False, True, True]


def test_what_was_met_before_is_not_new() -> None:
    seen = Seen([(("bob", "1"), True), (("bob", "2"), False)])
    assert not seen.add(("bob", "1"))
    assert not seen.add(("bob", "2"))
