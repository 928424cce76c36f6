"""What is live on the screen: who is there, who types, marks, and messages that change after they were sent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from textual.geometry import Region

from mqtt_client.app.backend import Backend
from mqtt_client.app.changes import GroupTold, LinkChanged, PresenceTold, SessionsTold, TypingTold
from mqtt_client.app.nightjar import NightjarApp, Told
from mqtt_client.app.screens.live import AWAY_SECONDS
from mqtt_client.app.storage import Incoming
from mqtt_client.events import MarkerArrived, Message, MessageArrived
from mqtt_client.store import Outgoing
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, Screen, chat, shows, take, typed
from tests.unit.app.making import an_incoming
from wire.conversations import Conversation, direct

GROUP = "gabcdefabcdef"
THEN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def tell(app: NightjarApp, *changes: PresenceTold | TypingTold | GroupTold | SessionsTold | LinkChanged) -> None:
    """Have the screen learn of something."""
    app._told(Told(changes))


def listed(app: NightjarApp) -> list[str]:
    """Return the lines of the list of conversations."""
    view = chat(app).conversations
    return [view.render_line(y).text for y in range(len(view.rows))]


async def outbox(app: NightjarApp) -> list[Outgoing]:
    """Return what waits to be sent."""

    async def waiting(backend: Backend) -> list[Outgoing]:
        store = backend.opened.store
        return [message for id_, _ in store.outbox() if (message := store.outgoing(id_))]

    return await app.engine.do(waiting, logged_in=True)


async def offline(pilot: Screen, app: NightjarApp) -> None:
    """Wait until the app has found that its server is away."""
    await until(pilot, lambda: chat(app).status.link.state == "offline")


def a_group(*messages: Incoming) -> list[Incoming]:
    """Make a group's messages."""
    first = an_incoming(31, "welcome", conversation=f"group:{GROUP}", sender="carol")
    return [first, *messages]


async def test_who_is_there_has_a_mark_in_the_list_while_that_is_known(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    """Online and away, not offline; nobody has one while the connection is cut. A group has a sign of its own."""
    app = make_app([*talks, *a_group()])
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        app.engine.stop()
        await pilot.pause()
        tell(app, LinkChanged("online"), PresenceTold("bob", "online", THEN), PresenceTold("carol", "away", THEN))
        assert [line[:8] for line in listed(app)] == [f"1 #{GROUP[:5]}", "2 ◐carol", "3 ●bob  "]
        tell(app, PresenceTold("bob", "offline", THEN))
        assert listed(app)[2].startswith("3  bob")
        tell(app, LinkChanged("offline"))
        assert listed(app)[1].startswith("2  carol")


async def test_only_the_row_that_has_changed_is_drawn_anew(
    make_app: MakeApp, talks: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the list, while messages pour in; where rows come, move or are looked at otherwise, all are."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        screen, drawn = chat(app), []
        view = screen.conversations
        monkeypatch.setattr(view, "refresh", lambda *regions: drawn.append(regions))
        first, second = view.rows
        view.show((first, replace(second, unread=7)), view.opened)
        assert drawn == [(Region(0, 1, view.size.width, 1),)]
        assert view.render_line(1).text.rstrip().endswith("7")
        view.show((replace(second, unread=7), first), view.opened, {"bob": "online"})
        view.show((first,), view.opened, {"bob": "online"})
        assert drawn[1:] == [(), ()]


async def test_who_is_typing_stands_in_the_status_line_for_a_while(
    make_app: MakeApp, talks: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the conversation that is open, until a message comes, they have stopped, or say nothing more."""
    app = make_app([*talks, *a_group()], wanted="bob")
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        screen = chat(app)
        await until(pilot, lambda: screen.talk.opened == "direct:bob")
        tell(app, TypingTold("direct:carol", "carol", active=True))
        assert "typing" not in screen.status.text
        tell(app, TypingTold("direct:bob", "bob", active=True))
        assert "bob is typing" in screen.status.text
        screen.status.show_notice("you are in #garden now")
        assert screen.status.text == "you are in #garden now  bob is typing"
        screen.status.show_notice("")
        tell(app, TypingTold("direct:bob", "bob", active=False))
        assert "typing" not in screen.status.text
        screen.talk.open(f"group:{GROUP}")
        for name in ("dave", "erin"):
            tell(app, TypingTold(f"group:{GROUP}", name, active=True))
        assert "dave and erin are typing" in screen.status.text
        message = Message(Conversation("group", GROUP), "dave", "x" * 36, "text/plain", b"done", THEN)
        await app.engine.do(take(MessageArrived(message)))
        await until(pilot, lambda: "erin is typing" in screen.status.text)
        now = screen.app_time()
        monkeypatch.setattr(screen, "app_time", lambda: now + 7)
        screen.live.show_typing()
        assert "typing" not in screen.status.text


async def test_typing_is_told_while_a_message_is_written_and_when_it_is_sent(
    make_app: MakeApp, talks: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in a while, not for a command or a draft that is opened, and with an end."""
    told: list[tuple[str, bool]] = []
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)

        async def watch(backend: Backend) -> None:
            def noted(name: str, *, active: bool) -> None:
                told.append((name, active))

            monkeypatch.setattr(backend.opened.store, "type", noted)

        await app.engine.do(watch, logged_in=True)
        now = chat(app).app_time()
        monkeypatch.setattr(chat(app), "app_time", lambda: now)  # keys a second apart would tell it again
        await pilot.press(*"/help me", *["backspace"] * 8)
        assert told == []
        await pilot.press(*"hello")
        await until(pilot, lambda: told == [("direct:carol", True)])
        await pilot.press("enter")
        await until(pilot, lambda: told == [("direct:carol", True), ("direct:carol", False)])
        await pilot.press(*"draft", "ctrl+n")
        await until(pilot, lambda: told[2:] == [("direct:carol", True), ("direct:carol", False)])
        await until(pilot, lambda: chat(app).talk.opened == "direct:bob")
        await pilot.press("ctrl+p")
        await until(pilot, lambda: chat(app).composer.text == "draft")
        await pilot.pause()
        assert len(told) == 4


async def test_a_message_shows_how_far_it_has_come(make_app: MakeApp) -> None:
    """Stored, delivered, read, as the other side tells; not a later one."""
    mine = [an_incoming(number, f"mine {number}", sender="alice") for number in (1, 2)]
    app = make_app(mine)
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        assert shows(app, "mine 2 ✓")()
        await app.engine.do(take(MarkerArrived(direct("bob"), "bob", 2, 1)))
        await until(pilot, shows(app, "mine 1 ✓✓ read"))
        assert [line for line in chat(app).messages.shown_text() if line.endswith("mine 2 ✓✓")]


async def test_what_is_told_of_groups_and_sessions_is_said(make_app: MakeApp, talks: list[Incoming]) -> None:
    """In the status line, by the group's title; the switcher finds it by that."""
    app = make_app([*talks, *a_group()])
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)

        async def begin(backend: Backend) -> None:
            backend.opened.sync.begin(f"group:{GROUP}", "the\x1b[2J garden")

        await app.engine.do(begin, logged_in=True)
        await until(pilot, lambda: "#the\\x1b" in listed(app)[0])
        tell(app, GroupTold(GROUP, "removed"))
        assert "you are not in #the\\x1b[2J garden any more" in chat(app).status.text
        tell(app, GroupTold(GROUP, "added"))
        assert "you are in #the" in chat(app).status.text
        tell(app, SessionsTold("abcdefghij", "added"))
        assert "another device has logged in" in chat(app).status.text
        await pilot.press("alt+2", "ctrl+k", *"gard", "enter")
        await until(pilot, lambda: chat(app).talk.opened == f"group:{GROUP}")
        assert str(chat(app).heading.render()) == "#the\\x1b[2J garden"


async def test_what_comes_while_something_is_open_over_it_is_read_afterwards(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    """The help hides the conversation: what comes is unread until it is closed."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        screen = chat(app)
        await pilot.press("f1")
        await until(pilot, lambda: app.screen is not screen)
        message = Message(direct("carol"), "carol", "y" * 36, "text/plain", b"are you there", THEN, seq=500)
        await app.engine.do(take(MessageArrived(message)))
        await until(pilot, lambda: screen.roster.unread == 1)

        async def told(backend: Backend) -> int:
            return backend.opened.store.marker("direct:carol").read

        await pilot.pause()
        assert await app.engine.do(told, logged_in=True) == 11
        await pilot.press("escape")
        await until(pilot, lambda: screen.roster.unread == 0)
        assert await app.engine.do(told, logged_in=True) == 500


async def test_who_touches_nothing_for_a_while_is_away(
    make_app: MakeApp, talks: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And online again with the next key."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        screen = chat(app)
        statuses: list[str] = []

        async def status(backend: Backend) -> None:
            statuses.append(backend._status())

        async def has_become(wanted: str) -> None:
            await until(pilot, asked(wanted))

        def asked(wanted: str) -> Callable[[], bool]:
            def ask() -> bool:
                screen.do(status)
                return statuses[-1:] == [wanted]

            return ask

        await has_become("online")
        now = screen.app_time()
        with monkeypatch.context() as later:
            later.setattr(screen, "app_time", lambda: now + AWAY_SECONDS + 60)
            screen.live.look()
        await has_become("away")
        await pilot.press("x")
        await has_become("online")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("/reply indeed", ("reply", 9, "indeed")),
        ("/react thumbsup", ("reaction", 9, "👍")),
        ("/react 🦉", ("reaction", 9, "🦉")),
        ("/correct better so", ("edit", 10, "better so")),
        ("/retract", ("retract", 10, "")),
    ],
)
async def test_a_command_about_a_message_goes_out_with_its_relation(
    make_app: MakeApp, talks: list[Incoming], line: str, wanted: tuple[str, int, str]
) -> None:
    """To the newest of the other side, or our last one; it waits in the outbox while the server is away."""
    app = make_app(talks, wanted="bob")
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        await until(pilot, shows(app, "message 10"))
        await typed(pilot, line)
        sent: list[Outgoing] = []
        while not sent:
            await pilot.pause(0.05)
            sent = await outbox(app)
        (message,) = sent
        relation, target, body = wanted
        assert (message.relation, message.relates_to) == (relation, an_incoming(target).id)
        assert message.body.decode() == body
        if relation == "reply":
            await until(pilot, shows(app, "│ bob: message 9"))


async def test_a_command_is_about_the_message_that_is_chosen(make_app: MakeApp, talks: list[Incoming]) -> None:
    """One of somebody else cannot be corrected."""
    app = make_app(talks, wanted="bob")
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        await until(pilot, shows(app, "message 10"))
        await pilot.press(*["alt+up"] * 3)
        await typed(pilot, "/react eyes")
        sent: list[Outgoing] = []
        while not sent:
            await pilot.pause(0.05)
            sent = await outbox(app)
        assert sent[0].relates_to == an_incoming(8).id
        await pilot.press("alt+down")
        await typed(pilot, "/retract")
        await until(pilot, lambda: "the chosen message is not yours" in chat(app).status.text)
        assert len(await outbox(app)) == 1


async def test_messages_are_shown_as_they_are_now(make_app: MakeApp) -> None:
    """Edited in place, retracted without its text, with reactions; an answer quotes what it answers."""
    talk = [
        an_incoming(1, "the original", relation=None),
        an_incoming(2, "as it is now", sender="alice", edited_at=5.0),
        an_incoming(3, "what was said", retracted_at=6.0),
        an_incoming(4, "liked", reactions=(("\x1b[31m", ("carol",)), ("👍", ("a", "b", "c", "d")))),
        an_incoming(5, "an answer", sender="alice", relation="reply", relates_to=1),
        an_incoming(6, "another", relation="reply", relates_to=3),
        an_incoming(7, "a third", relation="reply", relates_to=99),
    ]
    app = make_app(talk)
    async with app.run_test(size=(80, 40)) as pilot:
        await offline(pilot, app)
        shown = "\n".join(chat(app).messages.shown_text())
    assert "as it is now (edited) ✓" in shown
    assert "  (retracted)" in shown
    assert "what was said" not in shown
    assert "  \\x1b[31m carol  👍 4" in shown
    assert "  │ bob: the original\n  an answer ✓" in shown
    assert "  │ bob: (retracted)\n  another" in shown
    assert "  │ an earlier message\n  a third" in shown


async def test_a_group_is_written_to_by_its_title_though_that_has_blanks(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    """What stands behind the title is sent there."""
    app = make_app([*talks, *a_group()])
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)

        async def begin(backend: Backend) -> None:
            backend.opened.sync.begin(f"group:{GROUP}", "the garden")

        await app.engine.do(begin, logged_in=True)
        await until(pilot, lambda: "#the garden" in listed(app)[0])
        await pilot.press("alt+2")
        await typed(pilot, "/msg #the garden hello all")
        await until(pilot, shows(app, "hello all …"))
        assert chat(app).talk.opened == f"group:{GROUP}"
        await typed(pilot, "/msg #no such group")
        await until(pilot, lambda: "out of reach" in chat(app).status.text)


async def test_commands_that_come_all_at_once_are_all_followed(make_app: MakeApp, talks: list[Incoming]) -> None:
    """None takes the place of the one before."""
    app = make_app(talks, wanted="bob")
    async with app.run_test(size=SIZE) as pilot:
        await offline(pilot, app)
        await until(pilot, shows(app, "message 10"))
        for line in ("/reply one", "/reply two", "/reply three"):
            chat(app).talk.submit(line, "direct:bob")
        sent: list[Outgoing] = []
        while len(sent) < 3:
            await pilot.pause(0.05)
            sent = await outbox(app)
        assert [message.body for message in sent] == [b"one", b"two", b"three"]
