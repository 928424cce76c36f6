"""The reading side of a person: what `nightjar tail` would print goes into a ledger, as it is told."""

import time

from aiomqtt import PublishPacket

from mqtt_client.events import CaughtUp, ConnectionChanged, Event, MessageArrived
from mqtt_client.follow import EVERYTHING, Follower
from mqtt_client.store import Store
from scripts.faults.ledger import Ledger, digest, read_tail
from scripts.faults.people import Person, Places
from scripts.faults.verdict import CUT_MOST
from wire.topics import archived, events, group_archived, group_messages, inbox

_CONVERSATION = b'"conversation":'
_TAIL_BYTES = 8192


class Viewer:
    """One person's screen, over all runs of its process. `count` is how many messages it has shown."""

    def __init__(self, person: Person, places: Places) -> None:
        path = places.ledger(person.name, "shown")
        showings = [line for line in read_tail(path, _TAIL_BYTES) if line[0] == "shown"]
        self.count = int(showings[-1][6]) if showings else 0
        self.has_caught_up = False
        self._is_unasked = False
        self._last = showings[-CUT_MOST:]
        self._cut: set[str] = set()
        self._archived = {archived(person.name), *([group_archived(person.group)] if person.group else [])}
        self._own = {*self._archived, events(person.name), *_message_topics(person)}
        self._conversation = _CONVERSATION + f'"{person.conversation}"'.encode()
        self._ledger = Ledger(path)

    def resume(self, store: Store) -> None:
        """Note that a process began, and which of the last showings the store knows nothing of."""
        self._ledger.write("began")
        recorded = {identity for identity, _ in store.shown()}
        cursor = store.cursors().get(EVERYTHING, 0)
        for _, _, sender, id_, seq, _, _ in self._last:
            if (sender, id_) not in recorded and not 0 < int(seq) <= cursor:
                self._ledger.write("cut", sender, id_)
                self._cut.add(id_)
        self._last = []

    async def run(self, follower: Follower) -> None:
        """Show what is told, without end."""
        self.has_caught_up = False
        async for event in follower.events():
            self.has_caught_up = self.has_caught_up or isinstance(event, CaughtUp)
            if isinstance(event, ConnectionChanged) and event.connected:
                self._ledger.write("linked", f"{time.monotonic():.2f}")
            self._note_feed(event, is_current=follower.is_current)
            self._show(event)

    def _note_feed(self, event: Event, *, is_current: bool) -> None:
        """Note when what comes live is shown without the feed, and when that is over."""
        is_live = isinstance(event, MessageArrived) and event.message.seq is None
        if is_live and not is_current and not self._is_unasked:
            self._is_unasked = True
            self._ledger.write("unasked")
        elif isinstance(event, CaughtUp):  # that of a process that was killed meanwhile may be missing
            self._is_unasked = False
            self._ledger.write("asked")

    def watch(self, packet: PublishPacket) -> None:
        """Note what the connection brings and is not ours: of another topic, or a receipt of another conversation."""
        is_strange = packet.topic not in self._own
        if packet.topic in self._archived:
            is_strange = packet.payload.count(_CONVERSATION) != packet.payload.count(self._conversation)
        if is_strange:
            what = f"{packet.topic} {packet.payload[:200].decode(errors='replace')}"
            self._ledger.write("stray", what.replace("\t", " ").replace("\n", " "))

    def _show(self, event: Event) -> None:
        if isinstance(event, MessageArrived):
            message = event.message
            self.count += message.id not in self._cut
            self._cut.discard(message.id)
            self._ledger.write(
                "shown",
                str(message.conversation),
                message.sender,
                message.id,
                message.seq or 0,
                digest(message.body),
                self.count,
            )


def _message_topics(person: Person) -> set[str]:
    """Name the topics of the messages of a person's conversation."""
    if person.group:
        return {group_messages(person.group, name) for name in person.everybody}
    (other,) = person.others
    return {inbox(person.name, other), inbox(other, person.name)}
