"""The picture of the README is made of a real run."""

import secrets
from pathlib import Path

from scripts.recording.picture import picture
from tests.support.stack import RunningStack


def test_it_shows_what_people_said(shared_stack: RunningStack, tmp_path: Path) -> None:
    """Conversations, messages with their marks, and what is unread."""
    names = [f"{name}-{secrets.token_hex(4)}" for name in ("alice", "bob", "carol", "dave")]
    drawn = picture(shared_stack.server, tmp_path, names)
    said = drawn.replace("&#160;", " ")
    assert "by the old gate?" in said
    assert "✓" in said
    assert "online" in said
