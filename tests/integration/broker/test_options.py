"""A broker whose plugin is set up wrongly does not start, and says why in one line."""

from pathlib import Path

import pytest

from scripts.stack.errors import StackError
from tests.support.broker import Broker

WRONG = {
    "plugin_opt_keys_dir": ("./nowhere", "nightjar: plugin_opt_keys_dir ./nowhere cannot be read"),
    "plugin_opt_revocations_file": ("./nowhere/file", "plugin_opt_revocations_file ./nowhere/file: No such file"),
    "plugin_opt_user_token_seconds": ("a day", "nightjar: plugin_opt_user_token_seconds must be a number of seconds"),
    "plugin_opt_wait_for_control": ("maybe", "nightjar: plugin_opt_wait_for_control must be true or false"),
    "plugin_opt_colour": ("blue", "nightjar: plugin_opt_colour is no option of this plugin"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_option_ends_the_broker_with_a_line_that_names_it(plugin: Path, tmp_path: Path, name: str) -> None:
    """It must never come up half guarded."""
    value, line = WRONG[name]
    broker = Broker(tmp_path, plugin, {name: value})
    with pytest.raises(StackError, match="ended with"):
        broker.start()
    assert line in broker.log


@pytest.mark.parametrize("value", ["0", "-1", "99999999999999999999", "60s", "31536001"])
def test_seconds_are_a_sensible_number(plugin: Path, tmp_path: Path, value: str) -> None:
    """Nothing is guessed."""
    broker = Broker(tmp_path, plugin, {"plugin_opt_user_token_seconds": value})
    with pytest.raises(StackError):
        broker.start()
    assert "plugin_opt_user_token_seconds must be" in broker.log
