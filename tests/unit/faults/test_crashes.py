"""Crashes that no fault explains: each kind is found, and what a fault explains is none."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mqtt_client.errors import ApiError, ClientError, NotLoggedInError, OutOfReachError
from scripts.faults.client import kind_of_end
from scripts.faults.crashes import LogWatch
from scripts.faults.facts import End
from scripts.faults.keeper import Job, Keeper
from scripts.faults.verdict import Verdict, judge_ends
from scripts.stack.process import Command
from tests.support.stack import wait_for

TRACEBACK = "Traceback (most recent call last):\n  File ...\nKeyError: 1\n"
KILLED = 7
"""The id of a process that we killed."""


def found_in(path: Path, name: str, *texts: str, excused: tuple[str, ...] = ()) -> Verdict:
    """Look at a log after each of the texts was added to it."""
    watch = LogWatch(lambda pid: pid == KILLED)
    for text in texts:
        with path.open("a") as log:
            log.write(text)
        watch.look({name: path}, "kill broker", excused)
    return watch.verdict


def test_a_traceback_of_ours_is_counted_once_and_named_with_what_struck_meanwhile(tmp_path: Path) -> None:
    verdict = found_in(tmp_path / "log", "archiver", "INFO begins\n", TRACEBACK[:30], TRACEBACK[30:], "INFO goes on\n")
    assert verdict.bad == ["traceback in a log"]
    assert verdict.offenders == {"traceback in a log": ["archiver, during kill broker"]}


@pytest.mark.parametrize(
    "how", ["was sent SIGKILL! Perhaps out of memory?", "was sent SIGSEGV!", "exited with code 3."]
)
def test_a_worker_that_ended_is_a_crash_unless_we_killed_it(tmp_path: Path, how: str) -> None:
    ours = found_in(tmp_path / "ours", "api", f"[ERROR] Worker (pid:{KILLED}) {how}\n")
    assert ours.bad == []
    other = found_in(tmp_path / "other", "api", f"[ERROR] Worker (pid:8) {how}\n")
    assert other.bad == ["crashed without a fault"]


def test_a_worker_that_was_asked_to_end_is_no_crash(tmp_path: Path) -> None:
    assert found_in(tmp_path / "log", "api", "[INFO] Worker (pid:8) was sent SIGTERM!\n").bad == []


@pytest.mark.parametrize(
    "line",
    [
        "LOG:  server process (PID 12) was terminated by signal 11: Segmentation fault",
        "PANIC:  could not write to file",
        "LOG:  server process (PID 12) exited with exit code 3",
        "LOG:  autovacuum worker process (PID 12) exited with exit code 127",
    ],
)
def test_a_crash_of_the_database_is_one_unless_its_disk_was_full(tmp_path: Path, line: str) -> None:
    assert found_in(tmp_path / "one", "postgres", f"{line}\n").bad == ["crashed without a fault"]
    assert found_in(tmp_path / "two", "postgres", f"{line}\n", excused=("postgres",)).bad == []


@pytest.mark.parametrize("code", [0, 1])
def test_a_process_of_the_database_that_ends_its_connection_is_no_crash(tmp_path: Path, code: int) -> None:
    line = f'LOG:  background worker "one" process (PID 12) exited with exit code {code}\n'
    assert found_in(tmp_path / "log", "postgres", line).bad == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OutOfReachError("no"), "not begun"),
        (ApiError("broken", 500), "not begun"),
        (ApiError("no such thing", 404), "ended"),
        (ApiError("too many", 429), "ended"),
        (NotLoggedInError("over"), "ended"),
    ],
)
def test_only_a_server_that_cannot_serve_excuses_a_command_and_only_at_its_start(error: ClientError, kind: str) -> None:
    assert kind_of_end(error, has_caught_up=False) == kind
    assert kind_of_end(error, has_caught_up=True) == "ended"


def test_a_command_that_ends_by_itself_is_a_fault_of_the_client_and_one_that_cannot_begin_is_none() -> None:
    verdict = judge_ends([End("not begun", "anna", "OutOfReachError: no"), End("ended", "bert", "without a word")])
    assert verdict.bad == ["client's command ended"]
    assert verdict.offenders["client's command ended"] == ["bert: without a word"]
    assert verdict.counts["command not begun"] == 1


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    """Return a keeper that keeps processes of this test."""
    with Keeper() as kept:
        yield kept


@pytest.fixture
def start(keeper: Keeper, tmp_path: Path) -> Callable[[str], int]:
    """Return a function that starts a Python program as `job` and gives its process id."""

    def start(code: str) -> int:
        command = Command("job", [sys.executable, "-c", code], tmp_path / "log")
        return keeper.start(Job("job", lambda: command)).pid

    return start


SLEEP = "import time; time.sleep(60)"


def ended(keeper: Keeper, first: int) -> Callable[[], bool]:
    """Make the question whether the job has been started again since process `first`."""
    return lambda: keeper.process("job").pid != first


def test_a_process_that_ends_by_itself_has_crashed(keeper: Keeper, start: Callable[[str], int]) -> None:
    first = start("raise SystemExit(3)")
    wait_for(ended(keeper, first), "it was started again", 60)
    assert keeper.crashes[0].startswith("job ended with 3, see ")


def test_a_database_that_waits_for_what_the_killed_one_left_behind_has_not_crashed(
    keeper: Keeper, start: Callable[[str], int]
) -> None:
    """Only its first process is killed, as by a person; the others end when they notice, after their query."""
    first = start("raise SystemExit('FATAL:  pre-existing shared memory block (key 2, ID 7) is still in use')")
    wait_for(ended(keeper, first), "it was started again", 60)
    assert keeper.crashes == []


def test_a_process_that_was_struck_has_not_crashed(keeper: Keeper, start: Callable[[str], int]) -> None:
    first = start(SLEEP)
    keeper.strike(first)
    keeper.process("job").kill()
    wait_for(ended(keeper, first), "it was started again", 60)
    assert keeper.crashes == []


def test_an_id_that_was_struck_is_another_process_the_next_time(keeper: Keeper, start: Callable[[str], int]) -> None:
    first = start(SLEEP)
    keeper.strike(first)
    assert keeper.was_struck(first)
    keeper.process("job").kill()
    wait_for(ended(keeper, first), "it was started again", 60)
    assert not keeper.was_struck(first)


def test_a_process_that_was_struck_right_before_all_end_has_not_crashed(
    keeper: Keeper, start: Callable[[str], int]
) -> None:
    keeper.strike(start(SLEEP))
    keeper.process("job").kill()
    keeper.let_end(["job"], 0.1)
    assert keeper.crashes == []


def test_a_process_that_is_excused_has_not_crashed(keeper: Keeper, start: Callable[[str], int]) -> None:
    first = start(SLEEP)
    with keeper.excusing("job"):
        keeper.process("job").kill()
    wait_for(ended(keeper, first), "it was started again", 60)
    assert keeper.crashes == []


def test_a_process_that_does_not_end_when_asked_to_is_told(keeper: Keeper, start: Callable[[str], int]) -> None:
    start(SLEEP)
    keeper.let_end(["job"], 0.1)
    assert keeper.crashes == ["job did not end when it was asked to"]


LIMITED = """
import signal, time
from scripts.faults.limit import Limit
{first}
limit = Limit(1.0, lambda: print("last words", limit.is_over, flush=True), patience={patience})
try:
    with limit:
        time.sleep(60)
except KeyboardInterrupt:
    print("over", limit.is_over, flush=True)
"""


@pytest.mark.parametrize(
    ("first", "patience", "said", "status"),
    [
        # A shell that starts tests beside itself has them ignore this signal.
        ("signal.signal(signal.SIGINT, signal.default_int_handler)", 10, "over True\n", 0),
        ("signal.signal(signal.SIGINT, signal.SIG_IGN)", 1, "last words True\n", 1),
    ],
    ids=["listens", "hangs"],
)
def test_a_run_that_takes_too_long_is_interrupted_and_one_that_hangs_is_killed(
    first: str, patience: int, said: str, status: int
) -> None:
    code = LIMITED.format(first=first, patience=patience)
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=50)
    assert (done.stdout, done.returncode) == (said, status), done.stderr
