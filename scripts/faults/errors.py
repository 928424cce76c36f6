"""What keeps a run from being made or from ending."""


class FaultsError(Exception):
    """The run cannot go on; the message is one line."""
