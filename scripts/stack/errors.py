"""What goes wrong when the parts are started."""


class StackError(Exception):
    """A part cannot be started or is not usable; the message is one line, and names what to do where that is known."""
