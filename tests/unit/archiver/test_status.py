"""What is said, and how often; back-off; the health file."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver import health
from archiver.backoff import Backoff
from archiver.errors import SettingsError
from archiver.status import Status


def test_the_state_follows_broker_and_database() -> None:
    status = Status(lambda: 0.0)
    seen = [status.state]
    changes: list[Callable[[], None]] = [
        lambda: status.broker_here("new session"),
        status.database_here,
        lambda: status.broker_away("cut", "it is cut"),
        lambda: status.database_away("no answer"),
        status.database_here,
        lambda: status.broker_here("session resumed"),
    ]
    for change in changes:
        change()
        seen.append(status.state)
    assert seen == ["starting", "starting", "ready", "broker away", "database away", "broker away", "ready"]


def test_an_outage_is_said_once_when_it_starts_and_once_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    status = Status(lambda: now[0])
    status.broker_here("new session")
    with caplog.at_level(logging.INFO, "archiver"):
        for _ in range(3):
            status.database_away("no answer")
            now[0] += 1
        for _ in range(3):
            status.database_here()
        for cause in ("cut", "refused", "cut", "refused"):
            status.broker_away(cause, f"it is {cause}")
        for _ in range(3):
            status.broker_here("session resumed")
    assert caplog.messages == [
        "the database is away: no answer; nothing is acknowledged until it is back",
        "the database is back after 3.0 s",
        "the broker is away: it is cut; trying again",
        "the broker is away: it is refused; trying again",
        "the broker is back after 0.0 s (session resumed)",
    ]


def test_a_broker_that_serves_nobody_yet_is_no_outage_until_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    status = Status(lambda: now[0])
    with caplog.at_level(logging.INFO, "archiver"):
        for _ in range(15):
            status.broker_away("refused", "it serves nobody yet")
            now[0] += 1
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "the broker is not there yet: it serves nobody yet; trying again"),
        ("WARNING", "the broker is away: it serves nobody yet; trying again"),
    ]


@given(st.floats(0, 1))
def test_delays_double_up_to_the_most_and_begin_again(chance: float) -> None:
    backoff = Backoff(0.1, 1.0, lambda: chance)
    delays = [backoff.next() for _ in range(6)]
    for delay, whole in zip(delays, [0.1, 0.2, 0.4, 0.8, 1.0, 1.0], strict=True):
        assert whole / 2 <= delay <= whole
    backoff.reset()
    assert backoff.next() <= 0.1


def test_the_health_file_is_read_while_it_is_fresh(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "health"
    health.prepare(path)
    at = json.loads(path.read_text())["at"]
    assert health.read(path, at) == (False, "starting")
    health.write(path, "ready")
    at = json.loads(path.read_text())["at"]
    assert health.read(path, at + 4.9) == (True, "ready")
    assert health.read(path, at + 5) == (False, "not running: the health file is old")
    health.write(path, "database away")
    assert health.read(path, at + 1) == (False, "database away")
    assert [file.name for file in path.parent.iterdir()] == ["health"]


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"state": "ready", "at": "now"}', '{"state": "ready"}'])
def test_a_health_file_of_another_shape_is_not_ready(tmp_path: Path, content: str) -> None:
    (tmp_path / "health").write_text(content)
    assert health.read(tmp_path / "health", 0) == (False, "the health file cannot be read")


def test_without_a_health_file_it_is_not_running(tmp_path: Path) -> None:
    assert health.read(tmp_path / "none", 0) == (False, "not running")


def test_a_health_file_that_cannot_be_written_is_a_bad_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="NIGHTJAR_ARCHIVER_HEALTH_FILE"):
        health.prepare(tmp_path / "file" / "health")
