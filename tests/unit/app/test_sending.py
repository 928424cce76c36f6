"""What is typed goes to whom it is for, once, in its order, and is not lost: however soon the next key comes."""

from functools import partial

import pytest
from textual import events

from mqtt_client.app.backend import Backend
from mqtt_client.app.storage import Incoming
from mqtt_client.events import ReceiptArrived
from mqtt_client.profile import Profile
from mqtt_client.sending import compose
from mqtt_client.store import Outgoing, Store
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, press_at_once, shows, take, typed
from wire.conversations import direct
from wire.receipts import Rejected


async def test_a_message_is_sent_though_the_app_is_left_at_once(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Enter and Ctrl+Q in one go: it is in the outbox before the app ends."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: chat(app).status.link.state == "offline")
        press_at_once(app, *"hello", "enter", "ctrl+q")
        await until(pilot, lambda: not app.is_running)
    again = make_app()
    async with again.run_test(size=SIZE):
        assert shows(again, "hello …")()


async def test_what_is_typed_after_msg_is_for_whom_it_names(make_app: MakeApp, talks: list[Incoming]) -> None:
    """And never for whom was open before, however fast it was typed; a text behind the name goes first."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        for line in ("/msg bob one", "two", "/msg erin three", "four"):
            press_at_once(app, *line, "enter")
        await until(pilot, lambda: screen.talk.opened == "direct:erin")
        await until(pilot, shows(app, "four …"))
        assert [entry.text for entry in screen.messages.viewport.entries] == ["three", "four"]
        wanted = {"carol": "carol is here", "bob": "you: two", "erin": "you: four"}
        await until(pilot, lambda: {row.who: row.preview for row in screen.roster.rows} == wanted)
        page = await app.engine.do(lambda backend: backend.pages.newest("direct:bob"))
        assert [entry.text for entry in page.entries][-2:] == ["one", "two"]


async def test_what_is_typed_right_after_the_start_is_for_whom_the_app_was_started_for(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    """`nightjar chat erin`, and words before the backend is there: also when nobody has written to erin before."""
    app = make_app(talks, wanted="erin")
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        assert screen.talk.opened == "direct:erin"
        press_at_once(app, *"one", "enter", *"/whois", "enter", *"two", "enter")
        await until(pilot, shows(app, "two …"))
        assert [entry.text for entry in screen.messages.viewport.entries] == ["one", "two"]
        assert "who?" not in screen.status.text


async def test_two_words_in_the_switcher_send_nothing(make_app: MakeApp, talks: list[Incoming]) -> None:
    """They are no name, and the second is no message for the first."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await pilot.press("ctrl+k", *"erin", "space", *"smith", "enter")
        await until(pilot, lambda: "is no username" in screen.status.text)
        assert {row.who for row in screen.roster.rows} == {"carol", "bob"}


async def test_a_message_that_was_sent_again_is_sent_again_once(make_app: MakeApp, talks: list[Incoming]) -> None:
    """However often the key was pressed before the screen knew; one that is dropped is not sent any more."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: chat(app).status.link.state == "offline")
        for number, follow in enumerate((Backend.resend, Backend.discard)):
            id_ = await app.engine.do(lambda backend: backend.send("direct:carol", "again"))
            await app.engine.do(take(ReceiptArrived(Rejected(id_, "unknown_recipient"))))
            (*_, entry) = (await app.engine.do(lambda backend: backend.pages.newest("direct:carol"))).entries
            for act in (follow, Backend.resend):
                await app.engine.do(partial(act, entry=entry))
            page = await app.engine.do(lambda backend: backend.pages.newest("direct:carol"))
            assert [each.text for each in page.entries].count("again") == 1, number


async def test_what_waits_in_the_outbox_stands_in_its_order(
    make_app: MakeApp, profile: Profile, talks: list[Incoming]
) -> None:
    """Also when other commands have put it there while no app ran."""
    known = profile.who()
    assert known
    texts = [f"number {number}" for number in range(12)]
    profile.prepare()
    with Store(profile.store_file(*known)) as store:
        store.post(*(compose(direct("bob"), text.encode()) for text in texts))
    app = make_app(talks)
    async with app.run_test():
        page = await app.engine.do(lambda backend: backend.pages.newest("direct:bob"), logged_in=True)
        assert [entry.text for entry in page.entries][-12:] == texts


async def test_what_cannot_be_sent_is_in_the_input_again(make_app: MakeApp, talks: list[Incoming]) -> None:
    """A message that is too large, with the reason."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await typed(pilot, "x" * 70_000)
        await until(pilot, lambda: "too_large" in screen.status.text)
        assert screen.composer.text == "x" * 70_000


async def test_lines_that_come_all_at_once_are_sent_one_by_one(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Nothing of what is typed while one is sent is lost, and what is no command stands in the input again."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        for each in ("one", "two", "/nonsense"):
            for sign in each:
                app.post_message(events.Key("slash" if sign == "/" else sign, sign))
            app.post_message(events.Key("enter", "\r"))
        app.post_message(events.Key("x", "x"))
        await until(pilot, lambda: screen.composer.text == "/nonsensex")
        await until(pilot, shows(app, "two …"))
        assert [entry.text for entry in screen.messages.viewport.entries][-2:] == ["one", "two"]


async def test_a_message_goes_to_the_conversation_that_it_was_typed_in(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    """However soon after Enter one goes to another."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        for key in ("h", "i", "enter", "ctrl+n", "y", "o", "enter", "ctrl+p"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        wanted = {"carol": "you: hi", "bob": "you: yo"}
        await until(pilot, lambda: {row.who: row.preview for row in screen.roster.rows} == wanted)
        await until(pilot, lambda: screen.talk.opened == "direct:carol")
        await until(pilot, shows(app, "hi …"))
        assert screen.composer.text == ""


async def test_what_was_typed_before_anything_was_open_comes_along(make_app: MakeApp) -> None:
    """Without a conversation nothing is sent; a draft is dropped as soon as it has been sent."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await typed(pilot, "hello?")
        await until(pilot, lambda: "nobody is chosen" in screen.status.text)
        assert screen.composer.text == "hello?"
        await app.engine.do(lambda backend: backend.begin("erin"), logged_in=True)
        await until(pilot, lambda: screen.talk.opened == "direct:erin")
        assert screen.composer.text == "hello?"
        screen.talk.keep_draft()
        await until(pilot, lambda: screen.roster.rows[0].draft == "hello?")
        await pilot.press("enter")
        await until(pilot, shows(app, "hello? …"))
        await until(pilot, lambda: screen.roster.rows[0].draft == "")


@pytest.mark.parametrize("answering", [False, True])
async def test_what_is_in_the_outbox_is_not_given_back_though_the_copy_has_no_room(
    make_app: MakeApp, talks: list[Incoming], *, answering: bool
) -> None:
    """Enter would send it again, under another id."""

    async def fill(backend: Backend) -> None:
        backend.opened.chats._rows("PRAGMA query_only = ON")

    async def outbox(backend: Backend) -> list[Outgoing | None]:
        store = backend.opened.store
        return [store.outgoing(id_) for id_, _ in store.outbox()]

    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await app.engine.do(fill)
        if answering:
            (entry,) = (await app.engine.do(lambda backend: backend.pages.newest("direct:carol"))).entries
            await app.engine.do(lambda backend: backend.actions.reply("direct:carol", "once", entry))
        else:
            await typed(pilot, "once")
        await until(pilot, lambda: "the message is sent, but cannot be shown yet" in screen.status.text)
        await screen.handed_over()
        assert screen.composer.text == ""
        (sent,) = await app.engine.do(outbox)
        assert sent
        assert sent.body == b"once"
