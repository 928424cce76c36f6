"""What works and what does not: said in the log when it changes, and shown by the health file."""

import logging
from collections.abc import Callable
from typing import Literal

State = Literal["ready", "starting", "database away", "broker away"]

GRACE_SECONDS = 10.0
"""A broker that serves nobody yet so soon after our start is no outage: the parts start together."""

_LOG = logging.getLogger("archiver")


class Status:
    """Whether broker and database are there. An outage is said once when it starts and once when it ends."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a monotonic clock, in seconds."""
        self._clock = clock
        self._began = clock()
        self._broker_seen = False
        self._database_seen = False
        self._broker_away_since: float | None = None
        self._broker_causes: set[tuple[int, str]] = set()
        self._database_away_since: float | None = None

    @property
    def state(self) -> State:
        """The state as the health file shows it."""
        if self._database_away_since is not None:
            return "database away"
        if self._broker_away_since is not None:
            return "broker away"
        return "ready" if self._broker_seen and self._database_seen else "starting"

    def broker_here(self, detail: str) -> None:
        """Note that we are connected and subscribed."""
        if self._broker_away_since is not None:
            _LOG.info("the broker is back after %.1f s (%s)", self._clock() - self._broker_away_since, detail)
        elif not self._broker_seen:
            _LOG.info("connected to the broker (%s)", detail)
        self._broker_seen = True
        self._broker_away_since = None
        self._broker_causes.clear()

    def broker_away(self, cause: str, detail: str) -> None:
        """Note that there is no connection; each cause is said once in an outage."""
        if self._broker_away_since is None:
            self._broker_away_since = self._clock()
        level = self._broker_level()
        if (level, cause) not in self._broker_causes:
            self._broker_causes.add((level, cause))
            away = "away" if level == logging.WARNING else "not there yet"
            _LOG.log(level, "the broker is %s: %s; trying again", away, detail)

    def database_here(self) -> None:
        """Note that the database did what it was asked."""
        if self._database_away_since is not None:
            _LOG.info("the database is back after %.1f s", self._clock() - self._database_away_since)
        elif not self._database_seen:
            _LOG.info("connected to the database")
        self._database_seen = True
        self._database_away_since = None

    def database_away(self, detail: str) -> None:
        """Note that the database cannot be used."""
        if self._database_away_since is None:
            self._database_away_since = self._clock()
            _LOG.warning("the database is away: %s; nothing is acknowledged until it is back", detail)

    def _broker_level(self) -> int:
        """Say how loud it is that the broker is away."""
        late = self._clock() - self._began > GRACE_SECONDS
        return logging.WARNING if self._broker_seen or late else logging.INFO
