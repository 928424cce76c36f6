"""A field of one line, whose keys are taken in the order in which they were pressed.

Textual's own inputs take a letter at once, but hand a key that edits to the app and back. When many keys come at once,
as over a slow line, such a key would then edit what was typed after it.
"""

import asyncio
from collections.abc import Iterable

from textual import events
from textual.widget import Widget
from textual.widgets import Input


class Field(Input):
    """An input of one line."""

    async def _on_key(self, event: events.Key) -> None:
        await take_key(self, event)


async def take_key(widget: Widget, event: events.Key) -> None:
    """Do at once what a key stands for in a widget that is typed into, if it is one of the widget's own."""
    for binding in widget._bindings.key_to_bindings.get(event.key, ()):  # noqa: SLF001  # Textual names them in no other way
        if not event.is_printable and await widget.app.run_action(binding.action, widget):
            event.stop()
            event.prevent_default()
            return


async def all_taken(fields: Iterable[Field]) -> None:
    """Wait until fields have taken all the keys that were pressed in them so far."""
    for field in fields:
        taken = asyncio.Event()
        if field.call_later(taken.set):
            await taken.wait()
