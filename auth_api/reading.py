"""Reading a request strictly: JSON bodies, queries, and what pydantic finds wrong with them."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NoReturn, Protocol

import flask
from gunicorn.http.errors import ParseException
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from auth_api.errors import FieldError, InvalidInputError, UnsupportedMediaTypeError
from auth_api.schemas.types import is_storable

_ERRORS_SHOWN: Final = 20
_NAME_SHOWN: Final = 64
_BODY: Final = "body"
_DRAINED_MAX: Final = 8 * 1024 * 1024
_DRAIN_SECONDS: Final = 2.0


class _Readable(Protocol):
    def read(self, size: int) -> bytes:
        """Read at most `size` bytes."""


class StrictRequest(flask.Request):
    """A request whose JSON body is an object, in UTF-8, with each name once, or is refused."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:  # noqa: ANN401, ARG002  # Flask's own signature
        """Return the body as a dict; the arguments are Flask's and change nothing."""
        return parse_json_object(read_json_bytes(self))


def read_json_bytes(request: flask.Request) -> bytes:
    """Read the whole body. Raises UnsupportedMediaTypeError, or 413 when it is too long."""
    if request.mimetype != "application/json" or not _is_utf8(request.mimetype_params.get("charset", "utf-8")):
        refuse_too_large(request)
        raise UnsupportedMediaTypeError
    longest = request.max_content_length or 0
    try:
        content: bytes = request.environ["wsgi.input"].read(longest + 1)
    except ParseException as error:
        raise BadRequest("The body is not sent as HTTP has it.") from error
    if len(content) > longest:
        raise RequestEntityTooLarge
    return content


def refuse_too_large(request: flask.Request) -> None:
    """Raise 413 when the body is said to be longer than is allowed."""
    length = request.content_length
    if length is None:
        return
    longest = request.max_content_length
    if longest is not None and length > longest:
        raise RequestEntityTooLarge


def drain(stream: _Readable) -> None:
    """Read on for a moment what nobody wants, so that whoever sends it gets to read the answer."""
    until = time.monotonic() + _DRAIN_SECONDS
    left = _DRAINED_MAX
    while left > 0 and time.monotonic() < until:
        try:
            chunk = stream.read(65536)
        except (OSError, ParseException):
            return
        if not chunk:
            return
        left -= len(chunk)


def parse_json_object(content: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises InvalidInputError naming `body`, or the name that stands there twice."""
    try:
        parsed = json.loads(
            content.decode(), object_pairs_hook=_object_with_unique_names, parse_constant=_refuse_constant
        )
    except InvalidInputError:
        raise
    except UnicodeDecodeError:
        _refuse_body("must be UTF-8")
    except RecursionError:
        _refuse_body("is nested too deeply")
    except ValueError:
        _refuse_body("is no JSON")
    if not isinstance(parsed, dict):
        _refuse_body("must be a JSON object")
    strange = [name for name in parsed if not is_storable(name)][:_ERRORS_SHOWN]
    if strange:
        raise InvalidInputError(*[FieldError(shown_name(name), "is not known here") for name in strange])
    return parsed


def check_query(names: Sequence[str], allowed: frozenset[str]) -> None:
    """Raise InvalidInputError for parameters that are unknown or stand there twice. `names` has one a value."""
    unknown = [
        FieldError(shown_name(name), "is not known here") for name in dict.fromkeys(names) if name not in allowed
    ]
    twice = [FieldError(name, "stands there twice") for name in sorted(allowed) if names.count(name) > 1]
    if unknown or twice:
        raise InvalidInputError(*[*unknown, *twice][:_ERRORS_SHOWN])


def refuse_invalid(error: ValidationError) -> NoReturn:
    """Turn what pydantic found into an InvalidInputError that never repeats the value."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    named = [_field_error(each["loc"], each["type"], each["msg"]) for each in found if each["type"] != "none_required"]
    raise InvalidInputError(*named[:_ERRORS_SHOWN]) from None


def shown_name(name: str) -> str:
    """Make a name that a caller wrote fit to be shown: short, without unpaired surrogates."""
    return name.encode("utf-8", "replace").decode()[:_NAME_SHOWN]


def _field_error(location: tuple[int | str, ...], kind: str, message: str) -> FieldError:
    if kind == "two_directions":
        return FieldError("before_seq", message)
    if kind == "two_places":
        return FieldError("group", message)
    if kind == "needs_open":
        return FieldError("visibility", message)
    field = shown_name(str(location[0])) if location else _BODY
    match kind:
        case "missing":
            return FieldError(field, "is missing")
        case "extra_forbidden":
            return FieldError(field, "is not known here")
        case _:
            return FieldError(
                field, message.removeprefix("Value error, ").removeprefix("Input ").replace("String ", "", 1)
            )


def _object_with_unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InvalidInputError(FieldError(shown_name(twice), "stands there twice"))
    return made


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("no JSON")


def _refuse_body(message: str) -> NoReturn:
    raise InvalidInputError(FieldError(_BODY, message)) from None


def _is_utf8(charset: str) -> bool:
    return charset.lower() in {"utf-8", "utf8"}
