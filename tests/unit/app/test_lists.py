"""The list of conversations, the settings file, keys and notifications."""

from datetime import time
from pathlib import Path

import pytest

from mqtt_client.app.config import Config, Quiet, read_config
from mqtt_client.app.entries import Row
from mqtt_client.app.keys import KEYS, footer, keys_of, spoken
from mqtt_client.app.notify import sequence, wanted
from mqtt_client.app.roster import Roster, matching
from mqtt_client.errors import InputError
from tests.unit.app.making import a_row, an_entry

ROWS = (a_row("bob", newest=(5, 1)), a_row("carol", newest=(9, 2), unread=2), a_row("dave", newest=(7, 3), unread=1))


def test_the_newest_conversation_comes_first_and_changes_move_it() -> None:
    """The list is ordered anew by what came."""
    roster = Roster(ROWS)
    assert [row.who for row in roster.rows] == ["carol", "dave", "bob"]
    roster.update([a_row("bob", newest=(10, 4), unread=1)])
    assert [row.who for row in roster.rows] == ["bob", "carol", "dave"]
    assert roster.unread == 4
    assert roster.users == ("bob", "carol", "dave")


def test_one_goes_around_the_end_of_the_list() -> None:
    """Down from the last is the first; from nowhere it begins at an end."""
    roster = Roster(ROWS)
    assert roster.step("direct:bob", 1) == roster.rows[0]
    assert roster.step("direct:carol", -1) == roster.rows[-1]
    assert roster.step(None, 1) == roster.rows[0]
    assert roster.step(None, -1) == roster.rows[-1]
    assert Roster().step(None, 1) is None


def test_the_next_unread_is_the_next_in_the_list_and_muted_ones_come_last() -> None:
    """Around the end too, and never the one that is open."""
    roster = Roster(ROWS)
    found = roster.next_unread("direct:carol")
    assert found
    assert found.who == "dave"
    roster.update([a_row("dave", newest=(7, 3), unread=1, muted=True)])
    assert (found := roster.next_unread("direct:bob"))
    assert found.who == "carol"
    assert Roster([a_row("bob", unread=1)]).next_unread("direct:bob") is None


def test_the_switcher_finds_by_scattered_letters_the_closest_first() -> None:
    """All letters in their order, whatever their case."""
    rows = [a_row("catalogue"), a_row("carol"), a_row("bob")]
    assert [row.who for row in matching(rows, "CAL")] == ["catalogue", "carol"]
    assert [row.who for row in matching(rows, "rl")] == ["carol"]
    assert matching(rows, "xyz") == []
    assert len(matching(rows, "")) == 3


def test_quiet_hours_may_go_over_midnight() -> None:
    """The end does not belong to them."""
    night = Quiet(time(22), time(7))
    assert [night.has(time(hour)) for hour in (21, 22, 3, 7)] == [False, True, True, False]
    noon = Quiet(time(12), time(13))
    assert [noon.has(time(hour)) for hour in (11, 12, 13)] == [False, True, False]


def test_a_notification_is_wanted_only_for_what_is_not_before_ones_eyes() -> None:
    """Nor for what is muted, nor in quiet hours."""
    quiet = Config(quiet=Quiet(time(22), time(7)))
    assert wanted(Config(), a_row("bob"), time(12), is_open=False, has_focus=True)
    assert wanted(Config(), a_row("bob"), time(12), is_open=True, has_focus=False)
    assert not wanted(Config(), a_row("bob"), time(12), is_open=True, has_focus=True)
    assert not wanted(Config(), a_row("bob", muted=True), time(12), is_open=False, has_focus=False)
    assert not wanted(quiet, a_row("bob"), time(23), is_open=False, has_focus=False)


def test_a_notification_is_bell_and_both_kinds_of_osc_and_nothing_gets_out_of_it() -> None:
    """What a message says cannot end the sequence; previews, bell and desktop can be turned off."""
    entry = an_entry("a;b\x1b]0;evil\x07\n second", sender="bob")
    said = sequence(Config(), entry, in_tmux=False)
    assert said.count("\x1b") == 4
    assert said.count("\x07") == 1
    assert said.startswith("\x1b]777;notify;bob;a b")
    assert sequence(Config(desktop=False), entry, in_tmux=False) == "\x07"
    assert "evil" not in sequence(Config(previews=False), entry, in_tmux=False)
    assert sequence(Config(desktop=False, bell=False), entry, in_tmux=False) == ""
    assert sequence(Config(), entry, in_tmux=True).startswith("\x1bPtmux;\x1b\x1b]777")


def test_the_settings_file_is_read_and_need_not_be_there(tmp_path: Path) -> None:
    """All of it, or none of it."""
    file = tmp_path / "config.toml"
    assert read_config(file) == Config()
    file.write_text(
        'theme = "nightjar-light"\n[notifications]\nbell = false\nquiet = "22:00-07:30"\n'
        '[keys]\nswitch = "ctrl+t"\nnext = ["f2", "f3"]\n'
    )
    config = read_config(file)
    assert config.theme == "nightjar-light"
    assert not config.bell
    assert config.desktop
    assert config.quiet == Quiet(time(22), time(7, 30))
    assert keys_of(config.keys, "switch") == ("ctrl+t",)
    assert keys_of(config.keys, "previous") == ("ctrl+p",)
    assert ("Ctrl+T", "switch") in footer(config.keys)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("theme = 5", "theme is a text"),
        ("[notifications]\nbell = 1", "bell is true or false"),
        ('[notifications]\nquiet = "at night"', "a span of hours"),
        ('[notifications]\nquiet = "22:00Z-07:00Z"', "a span of hours"),
        ('[keys]\nnonsense = "f9"', "there is no setting keys.nonsense"),
        ("[keys]\nnext = []", "keys.next is a key"),
        ('[keys]\nnext = "ctrl+k"', "ctrl+k is given to both"),
        ("keys = 5", "keys is a table"),
        ("colour = 5", "there is no setting colour"),
        ("theme = ", "Invalid value"),
    ],
)
def test_a_mistake_in_the_settings_file_is_named(tmp_path: Path, content: str, said: str) -> None:
    """With the file."""
    file = tmp_path / "config.toml"
    file.write_text(content)
    with pytest.raises(InputError, match=r"config\.toml: ") as raised:
        read_config(file)
    assert said in str(raised.value)


def test_no_two_actions_share_a_key() -> None:
    """Of the usual ones."""
    keys = [each for key in KEYS for each in key.keys]
    assert len(keys) == len(set(keys))
    assert spoken("alt+pageup") == "Alt+PgUp"


def test_a_group_is_found_by_the_title_that_a_text_begins_with() -> None:
    """The longest one, as a whole, in whatever case."""
    rows = [Row(f"group:g{number}", title) for number, title in enumerate(("garden", "garden shed", "gar"))]
    roster = Roster([*rows, a_row("garden")])
    assert roster.group_named("#Garden hello") == rows[0]
    assert roster.group_named("#garden shed") == rows[1]
    assert roster.group_named("#gardens") is None
