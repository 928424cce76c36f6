"""What is typed: messages, commands, completion, and what was typed before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_client.app.commands import COMMANDS, Do, Say, Unknown, common_start, completions, reaction, read_typed
from mqtt_client.app.screens.answering import Answering
from mqtt_client.app.screens.commanding import Commanding
from mqtt_client.app.typed import Typed


def test_every_command_is_read_with_its_rest() -> None:
    """Its name, and all that stands behind it."""
    for command in COMMANDS:
        assert read_typed(f"/{command.name}  a b ") == Do(command, "a b")
        assert read_typed(f"/{command.name}") == Do(command, "")


@pytest.mark.parametrize("text", ["/nonsense", "/ help", "/", "/MSG bob", "/msgbob hello", "/etc/passwd"])
def test_an_unknown_command_is_never_a_message(text: str) -> None:
    """It says so instead, and how to send it."""
    typed = read_typed(text)
    assert isinstance(typed, Unknown)
    assert "double the slash" in str(typed)


def test_a_near_miss_is_suggested() -> None:
    """By how it begins."""
    assert "/help?" in str(read_typed("/hepl"))


@given(st.text())
def test_what_begins_with_one_slash_is_never_sent_and_all_else_is_as_typed(text: str) -> None:
    """Two slashes stand for one; nothing but blanks is nothing."""
    typed = read_typed(text)
    if not text.strip():
        assert typed is None
    elif text.startswith("//"):
        assert typed == Say(text[1:])
    elif text.startswith("/"):
        assert not isinstance(typed, Say)
    else:
        assert typed == Say(text)


def test_tab_completes_commands_users_and_themes() -> None:
    """At the beginning a name is an address; after a command what it takes."""
    users, themes = ("bob", "bobby", "carol"), ("nightjar-dark", "nightjar-light")
    assert completions("/hi", users, themes) == (0, ("/history ",))
    assert completions("/msg bo", users, themes) == (5, ("bob ", "bobby "))
    assert completions("/msg bob bo", users, themes) == (9, ("bob ", "bobby "))
    assert completions("/theme night", users, themes) == (7, themes)
    assert completions("ca", users, themes) == (0, ("carol: ",))
    assert completions("ask ca", users, themes) == (4, ("carol ",))
    assert completions("ask @ca", users, themes) == (4, ("@carol ",))
    assert completions("", users, themes) == (0, ())
    assert completions("ask ", users, themes) == (4, ())


def test_tab_completes_groups_reactions_and_what_others_are_told() -> None:
    """A group's title with blanks in it, with or without its sign."""
    groups = ("#the garden", "#the shed", "#lobby")
    assert completions("/join #the g", (), (), groups) == (6, ("#the garden",))
    assert completions("/join lob", (), (), groups) == (6, ("#lobby",))
    assert completions("/join ", (), (), groups) == (6, groups)
    assert completions("/react thumb", (), ()) == (7, ("thumbsup", "thumbsdown"))
    assert completions("/privacy m", (), ()) == (9, ("markers",))
    assert completions("/block b", ("bob",), ()) == (7, ("bob ",))
    assert reaction("heart") == reaction(":heart:") == "\u2764\ufe0f"
    assert reaction("\U0001f989") == "\U0001f989"


def test_several_completions_share_what_is_certain() -> None:
    """No more than what all of them begin with."""
    assert common_start(("bob ", "bobby ")) == "bob"
    assert common_start(("bob ",)) == "bob "
    assert common_start(()) == ""


def test_what_was_typed_comes_back_and_the_unfinished_waits() -> None:
    """Back to the first, on to what was being typed; the same twice is kept once."""
    typed = Typed(["one", "two"])
    assert typed.step(-1, "unfinished") == "two"
    assert typed.step(-1, "two") == "one"
    assert typed.step(-1, "one") is None
    assert typed.step(1, "one") == "two"
    assert typed.step(1, "two") == "unfinished"
    assert typed.step(1, "unfinished") is None
    assert typed.add("three")
    assert not typed.add("three")
    assert typed.step(-1, "") == "three"


def test_every_command_is_followed() -> None:
    """The list of commands and what follows them are one."""
    for command in COMMANDS:
        assert any(hasattr(each, f"_{command.name}") for each in (Commanding, Answering))
