"""Bell and desktop notifications: whether, and the bytes that the terminal understands. Pure."""

import re
from datetime import time

from mqtt_client.app.config import Config
from mqtt_client.app.entries import Entry, Row
from mqtt_client.app.lines import shown_text
from mqtt_client.text import shortened, visible

_PREVIEW = 120


def wanted(config: Config, row: Row | None, now: time, *, is_open: bool, has_focus: bool) -> bool:
    """Say whether a message deserves a notification: not one before somebody's eyes, a muted one, or in quiet hours."""
    if row and row.muted:
        return False
    if config.quiet and config.quiet.has(now):
        return False
    return not (is_open and has_focus)


def sequence(config: Config, entry: Entry, *, in_tmux: bool) -> str:
    """Write what makes the terminal notify: BEL, OSC 777 for those that have titles, OSC 9 for the others."""
    parts = []
    if config.desktop:
        title = _safe(entry.sender)
        body = _safe(shown_text(entry, _PREVIEW)[0]) if config.previews else "new message"
        oscs = (f"\x1b]777;notify;{title};{body}\x1b\\", f"\x1b]9;{title}: {body}\x1b\\")
        parts += [_through_tmux(osc) if in_tmux else osc for osc in oscs]
    if config.bell:
        parts.append("\x07")
    return "".join(parts)


def _through_tmux(osc: str) -> str:
    return "\x1bPtmux;" + osc.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def _safe(text: str) -> str:
    """Leave nothing in a text that could end the sequence, or begin another."""
    return shortened(re.sub(r"[;\x00-\x1f\x7f-\x9f]", " ", visible(text)), _PREVIEW)
