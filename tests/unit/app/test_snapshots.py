"""Pictures of the app: three sizes, two themes, without colour. `UPDATE_SNAPSHOTS=1 pytest …` draws them anew."""

import asyncio
import os
import re
from difflib import unified_diff
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Label

from mqtt_client.app.changes import LinkChanged, PresenceTold, TypingTold
from mqtt_client.app.nightjar import NightjarApp, Told
from mqtt_client.app.screens.chat import ChatScreen
from mqtt_client.app.storage import Incoming
from mqtt_client.events import MarkerArrived
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import chat, take
from tests.unit.app.making import an_incoming
from tests.unit.app.test_login_screen import app_at
from wire.conversations import direct

SNAPSHOTS = Path(__file__).parent / "snapshots"
WIDE = "\u6f22\u5b57\u304b\u306a\u4ea4\u3058\u308a\u6587"
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
SIZES = [(80, 24), (120, 40), (300, 80)]


@pytest.fixture
def server() -> str:
    """A server that is away, under an address that is always the same."""
    return "http://127.0.0.1:9"


@pytest.fixture
def scene() -> list[Incoming]:
    """A conversation with everything that a message can look like."""
    lines = [
        ("bob", "Hello Alice! Have you seen https://example.org/a_long_path/with_underscores?x=1 already?"),
        ("alice", "Yes. *Very* nice, `cargo run --release` works, _really_."),
        ("bob", f"{WIDE}, cafe\u0301, {FAMILY} and \u05e9\u05dc\u05d5\u05dd"),
        ("bob", "a control character \x1b[31m and an override \u202e stay text"),
        ("alice", "first line\nsecond line\n\n    indented code"),
        ("bob", "a longer message that has to be wrapped, because it does not fit on one line of a terminal " * 2),
    ]  # fmt: skip
    talk = [an_incoming(n * 60, text, sender=who) for n, (who, text) in enumerate(lines, 1)]
    others = [an_incoming(n, "earlier", conversation=f"direct:{who}", sender=who)
              for n, who in enumerate(("carol", "dave", "a-name-that-is-too-long-for-the"), 1)]  # fmt: skip
    return [*talk, *others]


async def settled(pilot: Pilot[None], screen: ChatScreen) -> None:
    """Stop what changes by itself: what a start does, the draft that is kept soon, the tries to reach the server.

    What is cut off would say so in the picture.
    """
    await until(pilot, lambda: screen.status.link.state == "offline")
    await screen.talk.draft_kept()
    await until(pilot, lambda: all(worker.is_finished for worker in screen.workers))
    screen.nightjar.engine.stop()
    # All that the backend has told is on its way: this comes after it.
    told = asyncio.Event()
    asyncio.get_running_loop().call_soon(screen.nightjar.call_later, told.set)
    await told.wait()
    screen.status.show_link(LinkChanged("online"))
    await pilot.pause()


def compare(app: NightjarApp, name: str) -> None:
    """Compare the screen with the picture of that name."""
    drawn = re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="nightjar"))
    drawn = "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"
    file = SNAPSHOTS / f"{name}.svg"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(drawn)
    difference = list(unified_diff(file.read_text().split("\n"), drawn.split("\n"), lineterm="", n=0))
    assert not difference, "\n".join([f"{file} shows something else", *difference])


@pytest.mark.parametrize("theme", ["nightjar-dark", "nightjar-light"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_chat_looks_as_in_its_picture(
    make_app: MakeApp, scene: list[Incoming], size: tuple[int, int], theme: str
) -> None:
    """Days, senders, marks, unread messages, styles, wide and combining characters, escapes as text."""
    unread = [an_incoming(9, "news", conversation="direct:dave", sender="dave")]
    app = make_app(scene, news=unread, theme=theme)
    async with app.run_test(size=size) as pilot:
        screen = chat(app)
        screen.composer.cursor_blink = False
        screen.composer.insert("an answer\nin two lines")
        await until(pilot, lambda: screen.composer.size.height == 2)
        await settled(pilot, screen)
        compare(app, f"chat-{size[0]}x{size[1]}-{theme}")


async def test_without_colour_all_is_still_told_apart(
    make_app: MakeApp, scene: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR leaves bold, underlined and reversed text, and the signs."""
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(scene, environment={"NO_COLOR": "1"})
    async with app.run_test(size=(80, 24)) as pilot:
        screen = chat(app)
        screen.composer.cursor_blink = False
        await settled(pilot, screen)
        compare(app, "chat-80x24-no-colour")
        styles = {segment.style for strip in app.screen._compositor.render_strips() for segment in strip}
    colours = {colour for style in styles if style for colour in (style.color, style.bgcolor) if colour}
    assert all(colour.is_default for colour in colours)


@pytest.mark.parametrize("key", ["f1", "ctrl+k"], ids=["help", "switcher"])
async def test_what_opens_over_the_chat_looks_as_in_its_picture(
    make_app: MakeApp, scene: list[Incoming], key: str
) -> None:
    """The help, and the switcher."""
    app = make_app(scene)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = chat(app)
        screen.composer.cursor_blink = False
        await settled(pilot, screen)
        await pilot.press(key)
        await until(pilot, lambda: len(app.screen_stack) == 3)
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause()
        compare(app, f"{'help' if key == 'f1' else 'switcher'}-80x24")


async def test_the_login_form_looks_as_in_its_picture(tmp_path: Path) -> None:
    """With an error beside its field."""
    app = app_at("https://chat.example.org", tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await until(pilot, lambda: app.screen.focused is not None and app.screen.focused.id == "username")
        await pilot.press(*"alice", "enter", *"one", "tab", *"two", "enter")
        await until(pilot, lambda: "differ" in str(app.screen.query_one("#again-error", Label).render()))
        await pilot.pause()
        compare(app, "login-80x24")


async def test_what_is_live_looks_as_in_its_picture(make_app: MakeApp, scene: list[Incoming]) -> None:
    """A group, who is there, who is typing, an edited and a retracted message, an answer, reactions, what was read."""
    group = an_incoming(2, "welcome", conversation="group:gabcdefabcdef", sender="carol")
    talk = [
        an_incoming(1000, "Shall we go and listen tonight?", edited_at=5.0, reactions=(("+1", ("alice",)),)),
        an_incoming(1010, "never mind", retracted_at=6.0),
        an_incoming(1020, "Gladly.", sender="alice", relation="reply", relates_to=1000),
        an_incoming(1030, "I bring tea.", sender="alice"),
    ]
    app = make_app([*scene, group, *talk])
    async with app.run_test(size=(80, 24)) as pilot:
        screen = chat(app)
        screen.composer.cursor_blink = False
        await until(pilot, lambda: screen.status.link.state == "offline")
        await app.engine.do(take(MarkerArrived(direct("bob"), "bob", 1030, 1020)))
        await until(pilot, lambda: screen.roster.rows[0].their_read == 1020)
        await settled(pilot, screen)
        there = (
            PresenceTold("bob", "online"),
            PresenceTold("carol", "away"),
            TypingTold("direct:bob", "bob", active=True),
        )
        app._told(Told(there))
        await pilot.pause()
        compare(app, "live-80x24")
