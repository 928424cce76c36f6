"""Measurements that the machine's host has disturbed are made again."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.bench import ATTEMPTS, Bench
from benchmarks.cpu import StolenTime


@dataclass(frozen=True)
class Told(StolenTime):
    """A share that is told, not read."""

    told: float

    def share(self) -> float:
        """Return it."""
        return self.told


def bench(shares: Iterator[float], *, quick: bool = False) -> Bench:
    """Make one on a machine whose host takes these shares, measurement after measurement."""
    return Bench(Path("/unused"), quick, 2, lambda _: None, lambda: Told(next(shares)))


def test_what_was_not_disturbed_is_kept_at_once() -> None:
    measured, ours = count(1), bench(iter([0.0, 0.019]))
    assert ours.each_round(lambda: next(measured)) == [1, 2]
    assert ours.disturbed == [0.0, 0.019]


def test_what_was_disturbed_is_measured_again_until_it_is_not() -> None:
    measured, ours = count(1), bench(iter([0.5, 0.02, 0.01, 0.0]))
    assert ours.each_round(lambda: next(measured)) == [3, 4]
    assert ours.disturbed == [0.01, 0.0]


def test_of_a_machine_that_is_never_left_alone_the_quietest_measurement_is_kept() -> None:
    """Whatever it says: the best and the worst are among the others."""
    shares = [0.5, 0.4, 0.1, 0.3, 0.2]
    measured, ours = iter([1, 9, 5, 7, 6]), bench(iter(shares))
    assert len(shares) == ATTEMPTS
    assert ours.undisturbed(lambda: next(measured)) == 5
    assert ours.disturbed == [0.1]
    assert next(measured, None) is None


def test_a_first_look_measures_once() -> None:
    measured, ours = count(1), bench(iter([0.5, 0.5]), quick=True)
    assert ours.each_round(lambda: next(measured)) == [1, 2]
    assert ours.disturbed == [0.5, 0.5]
