"""Telling users' devices what changed, and again until the broker has confirmed it (contract, section 2).

Events are stored in the transaction that does what they tell of, and published after it, by whichever worker takes them
first. They come at least once, in no certain order: each says only what is worth asking REST for.
"""

import logging
from typing import Final

from auth_api.broker import BrokerLink, Publication
from auth_api.pool import Pool
from auth_api.queries import events as queries
from auth_api.side_task import SideTask
from wire.topics import events as events_topic

EVENTS_KEPT_SECONDS: Final = 7 * 86400
"""How old they become, here and at the broker. A device that comes back after that asks REST anyway."""
_LOOK_SECONDS: Final = 1.0
_CONFIRM_SECONDS: Final = 10.0
_AT_ONCE: Final = 200

_LOG = logging.getLogger(__name__)


class Announcer:
    """A thread that publishes stored events over the link; no request waits for it.

    It takes a part of them at a time, in a transaction that lasts until the broker has confirmed it, so that other
    workers leave those alone. Nothing is taken while the broker is out of reach.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._task = SideTask("announcer", "publishing events", _LOOK_SECONDS, _LOG)

    def start(self, link: BrokerLink) -> None:
        """Begin to publish over `link`; does not wait."""
        self._task.start(lambda: self._publish(link))

    def stop(self) -> None:
        """End the thread."""
        self._task.stop()

    def wake(self) -> None:
        """Say that events have been stored. Without this they are found within a second."""
        self._task.wake()

    def _publish(self, link: BrokerLink) -> None:
        while link.is_up and self._publish_some(link) and not self._task.is_stopped:
            pass

    def _publish_some(self, link: BrokerLink) -> bool:
        """Publish the oldest events; whether that went well and there may be more."""
        with self._pool.transaction() as cur:
            due = queries.claim(cur, _AT_ONCE)
            if not due:
                return False
            publications = [
                Publication(
                    events_topic(each.username), each.payload.encode(), max(1, EVENTS_KEPT_SECONDS - each.age_seconds)
                )
                for each in due
            ]
            confirmed = link.publish_all(publications, _CONFIRM_SECONDS)
            queries.drop(cur, [each.id for each, is_done in zip(due, confirmed, strict=True) if is_done])
        return all(confirmed) and len(due) == _AT_ONCE
