"""How often the screen is drawn: Textual reads that when it is loaded, so it has to be said before."""

import os
import subprocess
import sys

import pytest

CODE = """
import sys
from types import SimpleNamespace
from mqtt_client.app.start import _run

class App:
    crash = return_code = None

    def __init__(self, start):
        from textual.constants import MAX_FPS
        print(MAX_FPS)

    def run(self):
        pass

sys.modules["mqtt_client.app.nightjar"] = SimpleNamespace(NightjarApp=App, Start=lambda *given, **named: None)
_run(SimpleNamespace(who=lambda: None), None, "http://127.0.0.1:8080", None, None)
"""


@pytest.mark.parametrize(("chosen", "drawn"), [({}, "120"), ({"TEXTUAL_FPS": "30"}, "30")])
def test_a_start_draws_what_changes_soon_unless_somebody_has_chosen_how_often(
    chosen: dict[str, str], drawn: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TEXTUAL_FPS"} | chosen
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == drawn
