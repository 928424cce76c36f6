"""Work in a process of its own: it prepares, waits for the word, works, and hands back a result."""

import ctypes
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Generic, Self, TypeVar

import psutil

from benchmarks.errors import BenchmarkError

PREPARE_SECONDS = 120.0
_CONTEXT = multiprocessing.get_context("spawn")
T = TypeVar("T")
Counter = ctypes.c_ulonglong
"""A number that one process counts up and others read, without a lock."""


def new_counter() -> Counter:
    """Make a counter at 0, to be given to workers."""
    return _CONTEXT.RawValue(Counter, 0)


class Pilot:
    """What a worker hears of who started it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def ready(self) -> None:
        """Say that everything is prepared, and wait for the word to begin."""
        self._pipe.send(("ready", None))
        if self._pipe.recv() != "go":
            raise BenchmarkError("the benchmark was given up")

    def wait_for_stop(self) -> None:
        """Wait until the work is to end before its time."""
        self._pipe.recv()


class Worker(Generic[T]):
    """One such process. Use it as a context manager: at the end of the block it is gone."""

    def __init__(self, work: Callable[..., T], *arguments: object) -> None:
        """`work(pilot, *arguments)` is a function of a module; it calls `pilot.ready()` once it is prepared."""
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_run, args=(theirs, work, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.is_alive():
            self._process.terminate()
        self._process.join()
        self._pipe.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    def wait_ready(self) -> None:
        """Wait until it is prepared. Raises BenchmarkError with what went wrong there."""
        self._receive(PREPARE_SECONDS)

    def go(self) -> None:
        """Let it begin."""
        self._pipe.send("go")

    def stop(self) -> None:
        """Ask it to end before its time; only some kinds of work listen."""
        self._pipe.send("stop")

    def demand_alive(self) -> None:
        """Raise BenchmarkError, with what went wrong there, if it has ended."""
        if not self._process.is_alive():
            self.result(0)

    def result(self, timeout: float = 600.0) -> T:
        """Wait for its result. Raises BenchmarkError with what went wrong there."""
        answer: T = self._receive(timeout)  # type: ignore[assignment]  # it is what `work` returned
        return answer

    def _receive(self, timeout: float) -> object:
        if not self._pipe.poll(timeout):
            raise BenchmarkError(f"a load generator says nothing for {timeout:.0f} s")
        try:
            kind, content = self._pipe.recv()
        except EOFError:
            raise BenchmarkError("a load generator has ended") from None
        if kind == "failed":
            raise BenchmarkError(content)
        return content


@dataclass(frozen=True)
class Done:
    """What a load generator has done: `ended` is when, by `time.monotonic()`, `cpu` the seconds that it took it."""

    messages: int
    ended: float
    cpu: float


def own_cpu_seconds() -> float:
    """Return the CPU time of this process, so far."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _run(pipe: Connection, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for who started us, and ends us too
    try:
        pipe.send(("done", work(Pilot(pipe), *arguments)))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told to who waits
        said = str(error) if isinstance(error, BenchmarkError) else f"{type(error).__name__}: {error}"
        pipe.send(("failed", f"a load generator failed: {said}"))
