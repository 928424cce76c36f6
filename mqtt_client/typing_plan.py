"""When to tell that somebody is typing, and for how long to believe it. Pure; times are of one clock, passed in."""

AGAIN_SECONDS = 3.0
"""While somebody types on, it is told again after so long."""
SHOWN_SECONDS = 6.0
"""Who has not said it again for so long has stopped, or is gone."""


class TypingPlan:
    """What one of us tells of their own typing."""

    def __init__(self) -> None:
        """Begin with nobody typing."""
        self._told_at: dict[str, float] = {}

    def typed(self, conversation: str, now: float) -> bool:
        """Note a key; say whether to tell it."""
        if now - self._told_at.get(conversation, float("-inf")) < AGAIN_SECONDS:
            return False
        self._told_at[conversation] = now
        return True

    def stopped(self, conversation: str) -> bool:
        """Note that the text was sent or cleared; say whether to tell it: only if typing was told."""
        return self._told_at.pop(conversation, None) is not None


class Typists:
    """Who is typing where, as far as the others tell."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._until: dict[tuple[str, str], float] = {}

    def told(self, conversation: str, username: str, *, active: bool, now: float) -> None:
        """Take what was told."""
        if active:
            self._until[conversation, username] = now + SHOWN_SECONDS
        else:
            self._until.pop((conversation, username), None)

    def typing(self, conversation: str, now: float) -> list[str]:
        """Name who types in a conversation now, in the order of their names."""
        self._until = {key: until for key, until in self._until.items() if until > now}
        return sorted(username for where, username in self._until if where == conversation)
