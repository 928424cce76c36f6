"""What goes wrong when something is measured."""


class BenchmarkError(Exception):
    """A measurement cannot be made, or its outcome cannot be right (messages dropped, say). One line for people."""
