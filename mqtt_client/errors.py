"""Everything that can end a command: one root, one line for people, and the exit status of the contract."""

from typing import ClassVar


class ClientError(Exception):
    """A command cannot do what it was asked; the message is one line that says why. Exit status 1."""

    exit_status: ClassVar[int] = 1


class InputError(ClientError):
    """The command was called wrongly. Exit status 2."""

    exit_status = 2


class RejectedError(ClientError):
    """The archive refused the message for good. Exit status 3."""

    exit_status = 3


class UnconfirmedError(ClientError):
    """The message was not confirmed as stored in time; it stays in the outbox. Exit status 4."""

    exit_status = 4


class NotLoggedInError(ClientError):
    """There is no login, or it has ended. `reason` leaves out what to do about it on a command line. Exit status 5."""

    exit_status = 5

    def __init__(self, reason: str, remedy: str = "") -> None:
        """Give the line for people in its two parts."""
        super().__init__(f"{reason}: {remedy}" if remedy else reason)
        self.reason = reason
        self.remedy = remedy


class OutOfReachError(ClientError):
    """The REST server, or at the start of `tail` the broker, is out of reach. Exit status 6."""

    exit_status = 6


class ApiError(ClientError):
    """The REST server refused a request. `status` is the HTTP status, `retry_after` is in seconds."""

    def __init__(self, message: str, status: int, retry_after: int | None = None) -> None:
        """Give the line for people and what the server answered."""
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class StorageError(ClientError):
    """The profile's files cannot be used; the message says how to mend it. Exit status 1."""


def reason(error: ClientError) -> str:
    """Return the line for people who are not on a command line."""
    return error.reason if isinstance(error, NotLoggedInError) else str(error)
