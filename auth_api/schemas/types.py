"""Types of fields, shared by bodies, paths and queries."""

import re
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from wire.names import (
    DEVICE_ID_PATTERN,
    DISPLAY_NAME_MAX,
    GROUP_ID_PATTERN,
    RESERVED_USERNAMES,
    TITLE_MAX,
    TOMBSTONE_PATTERN,
    USERNAME_PATTERN,
    is_shown_name,
    is_tombstone,
    is_username,
)
from wire.receipts import SEQ_MAX

_DIGITS = re.compile(r"[0-9]{1,32}\Z", re.ASCII)


class Model(BaseModel):
    """Strict: no unknown fields, no value of another type taken for the right one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PathModel(Model):
    """Parameters in a path."""


class QueryModel(Model):
    """Parameters of a query; each at most once, none unknown."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401  # pydantic's own signature
        """Describe the model as pydantic does, but once: flask-openapi3 asks at every request, which takes 1 ms."""
        return _query_schema(cls, *args, **kwargs)


@cache
def _query_schema(model: type[QueryModel], *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401  # pydantic's own signature
    return super(QueryModel, model).model_json_schema(*args, **kwargs)


def _storable(text: object) -> object:
    if isinstance(text, str) and not is_storable(text):
        raise ValueError("must hold no NUL and no unpaired surrogate")
    return text


def _username(text: object) -> object:
    if isinstance(text, str) and not is_username(text):
        raise ValueError("must be 3 to 32 characters of a-z, 0-9, _ and -, the first one of a-z, 0-9")
    return text


def _unreserved(text: str) -> str:
    if text in RESERVED_USERNAMES or is_tombstone(text):
        raise ValueError("is reserved")
    return text


def _shown_name(text: str) -> str:
    if not is_shown_name(text, DISPLAY_NAME_MAX):
        raise ValueError(f"must be at most {DISPLAY_NAME_MAX} characters, none a control character")
    return text


def _title(text: str) -> str:
    if not is_shown_name(text, TITLE_MAX):
        raise ValueError(f"must be at most {TITLE_MAX} characters, none a control character")
    return text


def _not_null(given: object) -> object:
    if given is None:
        raise ValueError("must not be null")
    return given


def _whole_number(text: object) -> object:
    if not isinstance(text, str):
        return text
    if not _DIGITS.match(text):
        raise ValueError("must be a whole number")
    return int(text)


def _not_reserved_schema(schema: dict[str, Any]) -> None:
    schema["not"] = {"anyOf": [{"enum": sorted(RESERVED_USERNAMES)}, {"pattern": TOMBSTONE_PATTERN}]}


def is_storable(text: str) -> bool:
    """Whether Postgres and UTF-8 can hold the text: no NUL, no unpaired surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


Storable = BeforeValidator(_storable)
Username = Annotated[str, Field(pattern=USERNAME_PATTERN, min_length=3, max_length=32), BeforeValidator(_username)]
NewUsername = Annotated[Username, AfterValidator(_unreserved), Field(json_schema_extra=_not_reserved_schema)]
ShownName = Annotated[str, Field(max_length=DISPLAY_NAME_MAX), Storable, AfterValidator(_shown_name)]
Title = Annotated[str, Field(min_length=1, max_length=TITLE_MAX), Storable, AfterValidator(_title)]
NotNull = BeforeValidator(_not_null)
"""For a field that may be left out, but not be null."""
NewPassword = Annotated[
    str,
    Field(description="Not among the most used passwords.", json_schema_extra={"minLength": 8, "maxLength": 256}),
    Storable,
]
Password = Annotated[str, Field(min_length=1, max_length=4096), Storable]
RefreshToken = Annotated[str, Field(min_length=1, max_length=256), Storable]
GroupId = Annotated[str, Field(pattern=GROUP_ID_PATTERN, max_length=13, description="A group id.")]
DeviceOrCurrent = Annotated[
    str, Field(pattern=rf"{DEVICE_ID_PATTERN}|^current$", max_length=10, description="A device id, or `current`.")
]
Limit = Annotated[int, Field(ge=1, le=200, description="At most so many."), BeforeValidator(_whole_number)]
SeqBound = Annotated[int, Field(ge=0, le=SEQ_MAX), BeforeValidator(_whole_number)]
Seq = Annotated[int, Field(ge=1, le=SEQ_MAX), BeforeValidator(_whole_number)]
OptionalSeq = SeqBound | SkipJsonSchema[None]
