"""What runs beside the requests goes on, whatever a step of it raises."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from auth_api.errors import UnavailableError
from auth_api.side_task import SideTask

LOG = logging.getLogger(__name__)
NEVER = 3600.0
DEADLINE = 60.0


class Steps:
    """Steps that raise what they are given, one after the other, and note that they were taken."""

    def __init__(self, *raised: Exception) -> None:
        self._raised = list(raised)
        self.taken = threading.Semaphore(0)

    def __call__(self) -> float | None:
        self.taken.release()
        if self._raised:
            raise self._raised.pop(0)
        return None


@contextmanager
def running(task: SideTask, steps: Steps) -> Iterator[None]:
    task.start(steps)
    try:
        yield
    finally:
        task.stop()


def test_a_step_that_fails_is_logged_and_the_next_one_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps(UnavailableError("the database is away"), ValueError("ours"))
    with caplog.at_level(logging.WARNING), running(SideTask("sweeper", "sweeping", 0.01, LOG), steps):
        for _ in range(3):
            assert steps.taken.acquire(timeout=DEADLINE)
    assert caplog.messages == ["sweeping waits: the database is away", "sweeping failed"]


def test_who_is_woken_takes_the_next_step_at_once() -> None:
    steps = Steps()
    task = SideTask("sweeper", "sweeping", NEVER, LOG)
    with running(task, steps):
        assert not steps.taken.acquire(blocking=False)
        task.wake()
        assert steps.taken.acquire(timeout=DEADLINE)


def test_who_is_stopped_ends_while_it_waits_and_takes_no_step_any_more() -> None:
    steps = Steps()
    task = SideTask("sweeper", "sweeping", NEVER, LOG)
    with running(task, steps):
        pass
    assert task.is_stopped
    assert task.pause(NEVER)
    assert [thread.name for thread in threading.enumerate() if thread.name == "sweeper"] == []
    assert not steps.taken.acquire(blocking=False)
