"""Everything that goes wrong, in the one shape people and programs see: RFC 9457 problem details.

`ApiError` is the one root. A subclass is one kind of problem; its message becomes the `detail`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

PROBLEM_JSON = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is refused: `field` as the caller wrote it (dots between levels), `message` says why."""

    field: str
    message: str


class ApiError(Exception):
    """A problem with a status, a type and headers of its own."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "about:blank"
    title: ClassVar[str] = "Internal Server Error"
    quiet: ClassVar[bool] = False
    """Whether the log has said it elsewhere."""

    def __init__(
        self, detail: str, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class InvalidInputError(ApiError):
    """A field, a parameter or the body is not as it must be; `errors` names each."""

    status = 422
    type = "urn:nightjar:problem:invalid-input"
    title = "The input is not valid"

    def __init__(self, *errors: FieldError) -> None:
        named = ", ".join(sorted({error.field for error in errors}))
        super().__init__(f"Refused: {named}.", errors=errors)


class UnsupportedMediaTypeError(ApiError):
    """The body is of another media type than JSON."""

    status = 415
    type = "urn:nightjar:problem:unsupported-media-type"
    title = "The body must be JSON"

    def __init__(self) -> None:
        wanted = FieldError("Content-Type", "must be application/json, in UTF-8")
        super().__init__("Send the body with Content-Type: application/json.", errors=[wanted])


class UnauthenticatedError(ApiError):
    """Who calls is not known: no token, a token that is void, or a wrong user name or password."""

    status = 401
    type = "urn:nightjar:problem:unauthenticated"
    title = "Not authenticated"

    def __init__(self, detail: str, *, challenge: str = "Bearer") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class WrongPasswordError(ApiError):
    """The password that confirms an action is wrong; the caller is known."""

    status = 403
    type = "urn:nightjar:problem:wrong-password"
    title = "Wrong password"

    def __init__(self, field: str) -> None:
        super().__init__("The password is wrong.", errors=[FieldError(field, "is wrong")])


class NotFoundError(ApiError):
    """There is no such thing, or none that the caller may see."""

    status = 404
    type = "urn:nightjar:problem:not-found"
    title = "Not found"


class UsernameTakenError(ApiError):
    """The username belongs to somebody, or to an account deleted too short a time ago."""

    status = 409
    type = "urn:nightjar:problem:username-taken"
    title = "The username is taken"

    def __init__(self) -> None:
        taken = FieldError("username", "is taken")
        super().__init__("Choose another username.", errors=[taken])


class ForbiddenError(ApiError):
    """The caller may see this, but not do that."""

    status = 403
    type = "urn:nightjar:problem:forbidden"
    title = "Not allowed"


class LastOwnerError(ApiError):
    """The group would have members but no owner."""

    status = 409
    type = "urn:nightjar:problem:last-owner"
    title = "The only owner"


class LimitReachedError(ApiError):
    """There is no room for more: members in a group, or groups of a user."""

    status = 409
    type = "urn:nightjar:problem:limit-reached"
    title = "There is no room for more"


class TooManyAttemptsError(ApiError):
    """A limit is used up; `retry_after` is in seconds."""

    status = 429
    type = "urn:nightjar:problem:too-many-attempts"
    title = "Too many attempts"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Try again in {retry_after} s.", headers={"Retry-After": str(retry_after)})


class ExportUnderWayError(ApiError):
    """The user is being sent an export already; there is one at a time."""

    status = 429
    type = "urn:nightjar:problem:export-under-way"
    title = "An export is under way"

    def __init__(self, retry_after: int) -> None:
        headers = {"Retry-After": str(retry_after)}
        super().__init__("Wait until the export that you asked for before has ended.", headers=headers)


class UnavailableError(ApiError):
    """Something the service needs is away for now; the same request may well succeed a little later."""

    status = 503
    type = "urn:nightjar:problem:unavailable"
    title = "Unavailable for now"

    def __init__(self, detail: str, retry_after: int = 2) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class BrokerAwayError(UnavailableError):
    """The broker is out of reach, which the link to it has said in the log already."""

    quiet = True

    def __init__(self) -> None:
        super().__init__("The broker is away.")


class KeyFilesError(ApiError):
    """The keys cannot be read or written; the message is one line for whoever runs the service."""


def problem(
    status: int, title: str, detail: str, type_: str = "about:blank", errors: Sequence[FieldError] = ()
) -> dict[str, object]:
    """Build the body of a problem answer."""
    body: dict[str, object] = {"type": type_, "title": title, "status": status, "detail": detail}
    if errors:
        body["errors"] = [{"field": error.field, "message": error.message} for error in errors]
    return body
