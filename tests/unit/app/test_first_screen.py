"""The first screen, drawn before the app is there: it stands where the app's stands."""

import re
from datetime import UTC

import pytest

from mqtt_client.app.first_screen import first_screen
from mqtt_client.app.palette import PALETTES
from mqtt_client.app.start import snapshot
from mqtt_client.app.storage import Chats, Incoming
from mqtt_client.profile import Profile
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import chat
from tests.unit.app.making import an_incoming

SIZES = [(30, 10), (80, 24), (300, 80)]


def rows(drawn: str) -> dict[int, str]:
    """Return the rows of a screen that was drawn row by row, without looks."""
    found = re.findall(r"\x1b\[(\d+);1H(.*?)(?=\x1b\[\d+;1H|$)", drawn, re.DOTALL)
    return {int(number): re.sub(r"\x1b\[[0-9;]*m", "", text) for number, text in found}


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_it_shows_the_same_at_the_same_places_as_the_app(
    make_app: MakeApp, profile: Profile, talks: list[Incoming], size: tuple[int, int]
) -> None:
    """The list and the messages; the status line and the keys are the app's own."""
    wide = an_incoming(
        12, "\u6f22\u5b57 *bold* https://example.org/ \x1b[2J", conversation="direct:carol", sender="carol"
    )
    app = make_app([*talks, wide])
    known = profile.who()
    assert known
    with Chats(profile.chats_file(*known), known[1]) as chats:
        early = rows(first_screen(snapshot(chats), "alice", size, UTC))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert chat(app).messages.viewport.entries
        late = [strip.text for strip in app.screen._compositor.render_strips()]
        for number in range(1, size[1] - 3):
            assert early[number].rstrip() == late[number - 1].rstrip(), number


def test_nothing_of_a_message_reaches_the_terminal(profile: Profile) -> None:
    """Neither with colours nor without."""
    known = profile.who()
    assert known
    with Chats(profile.chats_file(*known), known[1]) as chats:
        chats.begin("direct:bob", "\x1b]0;title\x07", 1, is_whole=True)
        chats.keep([an_incoming(1, "\x1b[2J\x9b0m\r")], news=True)
        for palette in (None, *PALETTES.values()):
            drawn = first_screen(snapshot(chats), "alice", (80, 24), UTC, palette)
            rest = re.sub(r"\x1b\[(\d+;1H|[0-9;]*m|\?(1049|25|7)[hl])", "", drawn)
            assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in rest)
