"""Logs are kept to a size."""

from pathlib import Path

from scripts.stack.logs import keep_short


def test_a_long_log_is_moved_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    """Nothing is lost of it, and what is written afterwards stands at the beginning of the same file."""
    log = tmp_path / "api.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a" * 101)
        keep_short(log, most=100)
        writer.write(b"next")
    assert (tmp_path / "api.log.1").read_bytes() == b"a" * 101
    assert log.read_bytes() == b"next"


def test_a_short_or_missing_log_is_left_alone(tmp_path: Path) -> None:
    """Only what is longer than allowed is moved."""
    log = tmp_path / "api.log"
    keep_short(log, most=3)
    log.write_text("abc")
    keep_short(log, most=3)
    assert [path.name for path in tmp_path.iterdir()] == ["api.log"]
