"""How often the screen is drawn: Textual reads that when it is loaded, so it has to be said before."""

import os
import subprocess
import sys

import pytest

CODE = """
import os
from mqtt_client.app.start import draw_often
draw_often(os.environ)
from textual.constants import MAX_FPS
print(MAX_FPS)
"""


@pytest.mark.parametrize(("chosen", "drawn"), [({}, "120"), ({"TEXTUAL_FPS": "30"}, "30")])
def test_what_changes_is_drawn_soon_unless_somebody_has_chosen_how_often(chosen: dict[str, str], drawn: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TEXTUAL_FPS"} | chosen
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == drawn
