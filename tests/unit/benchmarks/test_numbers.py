"""What is read from the system and counted from samples."""

import subprocess
import sys

import pytest

from benchmarks.cpu import where_the_limit_is
from benchmarks.errors import BenchmarkError
from benchmarks.groups import GROUPS, group
from benchmarks.memory import MIB, Memory, in_words, memory_of, read_smaps, total
from benchmarks.queries import device_of
from benchmarks.statistics import percentile
from wire.names import is_device_id

_CHILD = "import sys; held = b'x' * (64 << 20); print('held', flush=True); sys.stdin.read()"
_PARENT = f"""
import subprocess, sys
print("alone", flush=True)
input()
with subprocess.Popen([sys.executable, "-c", {_CHILD!r}]):
    pass
"""
"""Both end with their standard input; the child writes and reads what its parent does."""


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share: float, value: int) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], share) == value


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([3.0], 0.99) == 3.0


def test_the_part_that_takes_most_is_named_first() -> None:
    said = where_the_limit_is({"broker": 1.0, "archiver": 1.9}, seconds=2.0, messages=10_000)
    assert said == "CPU a message: archiver 190 µs (95% of a core), broker 100 µs (50% of a core)"


def test_memory_is_read_from_what_the_kernel_adds_up() -> None:
    text = (
        "55d0-7ffc ---p 00000000 00:00 0 [rollup]\nRss:     2048 kB\nPss:     1024 kB\nPss_Anon:     512 kB\n"
        "Swap:     512 kB\nSwapPss:     256 kB\n"
    )
    assert read_smaps(text) == Memory(pss=1 * MIB, rss=2 * MIB, own=768 * 1024)


def test_what_a_child_holds_counts_for_its_parent() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdin
        assert parent.stdout
        assert parent.stdout.readline() == "alone\n"
        before = memory_of(parent.pid)
        parent.stdin.write("\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == "held\n"
        during = memory_of(parent.pid)
    assert 64 * MIB < during.pss - before.pss < 96 * MIB
    assert 64 * MIB < during.own - before.own < 96 * MIB
    with pytest.raises(BenchmarkError, match="cannot be read"):
        memory_of(parent.pid)


def test_memory_of_parts_is_added_up_and_put_into_words() -> None:
    parts = {"broker": Memory(2 * MIB, 10 * MIB, 1 * MIB), "api": Memory(100 * MIB, 300 * MIB, 90 * MIB)}
    assert total(parts) == Memory(102 * MIB, 310 * MIB, 91 * MIB)
    assert in_words(parts) == "broker 2 (RSS 10), api 100 (RSS 300)"


def test_the_devices_of_many_users_are_all_different_and_well_formed() -> None:
    names = {device_of(number, "a" * 10) for number in range(5000)}
    assert len(names) == 5000
    assert all(is_device_id(name) for name in names)


@pytest.mark.parametrize("name", GROUPS)
def test_every_group_that_is_named_can_be_measured(name: str) -> None:
    assert callable(group(name))
