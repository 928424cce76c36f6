"""The lock that decides whose the connection is."""

import os
from pathlib import Path

from mqtt_client.locks import FileLock


def test_one_holder_at_a_time_and_the_next_after_it(tmp_path: Path) -> None:
    one, two = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.take()
    assert not two.take()
    one.release()
    assert two.take()
    assert not one.beat()


def test_a_silent_holder_is_deposed_and_notices(tmp_path: Path) -> None:
    stopped, heir = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert stopped.take()
    os.utime(tmp_path / "lock", (1, 1))
    heir.depose(5)
    assert heir.take()
    assert not stopped.beat()
    assert not stopped.take()
    assert heir.beat()


def test_a_holder_that_shows_life_is_not_deposed(tmp_path: Path) -> None:
    holder, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert holder.take()
    os.utime(tmp_path / "lock", (1, 1))
    assert holder.beat()
    other.depose(5)
    assert not other.take()
    assert holder.beat()


def test_of_two_that_depose_at_once_only_one_replaces_the_file(tmp_path: Path) -> None:
    """The second one looks again, and finds the fresh file of the first."""
    stopped, first, second = (FileLock(tmp_path / "lock") for _ in range(3))
    assert stopped.take()
    os.utime(tmp_path / "lock", (1, 1))
    first.depose(5)
    assert first.take()
    second.depose(5)
    assert not second.take()
    assert first.beat()


def test_a_free_lock_is_taken_without_replacing_its_file(tmp_path: Path) -> None:
    """Who takes it at the same moment would hold a file that is gone, and both would think it theirs."""
    (tmp_path / "lock").touch()
    os.utime(tmp_path / "lock", (1, 1))
    file = (tmp_path / "lock").stat().st_ino
    one, two = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.take_over(5)
    assert not two.take_over(5)
    assert (tmp_path / "lock").stat().st_ino == file
    os.utime(tmp_path / "lock", (1, 1))
    assert two.take_over(5)
    assert not one.beat()
