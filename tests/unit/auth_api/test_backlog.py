"""When messages pile up at the broker: what is said, when, and how often."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_api.backlog import DROPPED_SECONDS, Backlog, Held, QueueLimits
from auth_api.slots import Speaker

LIMITS = QueueLimits(messages=1000, bytes=10_000)


class Watched:
    """A backlog with a clock of its own."""

    def __init__(self, *, speaks: bool = True) -> None:
        self.now = 0.0
        self.backlog = Backlog(LIMITS, lambda: self.now, lambda: speaks)

    def count(self, *, is_news: bool = True, **counters: int) -> str | None:
        """Take counters, and say what is wrong then."""
        for name, value in counters.items():
            self.backlog.count(name, value, is_news=is_news)
        return self.backlog.reason()


def test_it_begins_at_half_and_ends_below_two_fifths_and_is_said_once_each(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    with caplog.at_level(logging.INFO, "auth_api.backlog"):
        wrong = [watched.count(messages=held) is not None for held in (499, 500, 999, 400, 399, 499, 500)]
    assert wrong == [False, True, True, True, False, False, True]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
    assert caplog.messages[0] == (
        "the broker holds 500 messages of 1000 that may wait for an archiver: is its database away?"
    )


def test_bytes_count_as_messages_do() -> None:
    watched = Watched()
    assert watched.count(messages=1, bytes=4999) is None
    assert "5000 bytes of 10000" in (watched.count(bytes=5000) or "")


def test_what_is_retained_waits_for_nobody() -> None:
    """Everybody's presence is kept for ever."""
    watched = Watched()
    assert watched.count(retained=600, messages=1099) is None
    assert watched.backlog.held == Held(499, None, None)
    assert watched.count(messages=1100) is not None


def test_a_drop_counts_for_ten_minutes(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    with caplog.at_level(logging.INFO, "auth_api.backlog"):
        assert watched.count(messages=1, dropped=0) is None
        assert watched.count(dropped=3) == "the broker has dropped messages, 3 since its start"
        watched.now = DROPPED_SECONDS
        assert watched.backlog.reason() is not None
        watched.now += 1
        assert watched.backlog.reason() is None
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_drop_is_remembered_without_its_count_when_the_connection_is_another() -> None:
    watched = Watched()
    watched.count(dropped=5)
    watched.backlog.forget()
    assert watched.count(is_news=False, messages=3) == "the broker has dropped messages"


def test_what_was_dropped_before_this_process_came_is_no_news() -> None:
    """The counter comes as a retained message then; the broker leaves it out when it has not changed for a minute."""
    assert Watched().count(is_news=False, dropped=5) is None
    assert Watched().count(is_news=True, dropped=5) is not None


def test_a_broker_that_starts_anew_counts_from_0() -> None:
    watched = Watched()
    watched.count(messages=900, dropped=7)
    watched.backlog.forget()
    assert watched.backlog.held == Held()
    watched.now = DROPPED_SECONDS + 1
    assert watched.count(messages=0, dropped=0) is None


def test_only_one_of_several_processes_writes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(speaks=False)
    with caplog.at_level(logging.INFO, "auth_api.backlog"):
        assert watched.count(messages=900) is not None
    assert caplog.messages == []


def test_one_speaker_at_a_time(tmp_path: Path) -> None:
    """Whoever asks first is it, and stays it for as long as its process lives."""
    first, second = Speaker(tmp_path), Speaker(tmp_path)
    assert [first.is_us(), second.is_us(), first.is_us(), second.is_us()] == [True, False, True, False]


@given(st.lists(st.integers(0, 1000)))
def test_whatever_comes_half_is_wrong_and_below_two_fifths_is_not(counts: list[int]) -> None:
    watched = Watched()
    for held in counts:
        wrong = watched.count(messages=held)
        assert wrong or held < 500
        assert not wrong or held >= 400
