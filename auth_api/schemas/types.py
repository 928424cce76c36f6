"""Types of fields, shared by bodies, paths and queries."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from wire.names import (
    DEVICE_ID_PATTERN,
    DISPLAY_NAME_MAX,
    RESERVED_USERNAMES,
    USERNAME_PATTERN,
    is_shown_name,
    is_username,
)

SEQ_MAX = 2**63 - 1
_DIGITS = re.compile(r"[0-9]{1,32}\Z", re.ASCII)


class Model(BaseModel):
    """Strict: no unknown fields, no value of another type taken for the right one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PathModel(Model):
    """Parameters in a path."""


class QueryModel(Model):
    """Parameters of a query; each at most once, none unknown."""


class NoQuery(QueryModel):
    """No parameters at all."""


def _storable(text: object) -> object:
    if isinstance(text, str) and ("\0" in text or any("\ud800" <= character <= "\udfff" for character in text)):
        raise ValueError("must hold no NUL and no unpaired surrogate")
    return text


def _username(text: str) -> str:
    if not is_username(text):
        raise ValueError("must be 3 to 32 characters of a-z, 0-9, _ and -, the first one of a-z, 0-9")
    return text


def _unreserved(text: str) -> str:
    if text in RESERVED_USERNAMES:
        raise ValueError("is reserved")
    return text


def _shown_name(text: str) -> str:
    if not is_shown_name(text, DISPLAY_NAME_MAX):
        raise ValueError(f"must be at most {DISPLAY_NAME_MAX} characters, none a control character")
    return text


def _whole_number(text: object) -> object:
    if not isinstance(text, str):
        return text
    if not _DIGITS.match(text):
        raise ValueError("must be a whole number")
    return int(text)


def _not_reserved_schema(schema: dict[str, Any]) -> None:
    schema["not"] = {"enum": sorted(RESERVED_USERNAMES)}


Text = Annotated[str, BeforeValidator(_storable)]
Username = Annotated[Text, Field(pattern=USERNAME_PATTERN, min_length=3, max_length=32), AfterValidator(_username)]
NewUsername = Annotated[Username, AfterValidator(_unreserved), Field(json_schema_extra=_not_reserved_schema)]
ShownName = Annotated[Text, Field(max_length=DISPLAY_NAME_MAX), AfterValidator(_shown_name)]
NewPassword = Annotated[
    Text, Field(description="Not among the most used passwords.", json_schema_extra={"minLength": 8, "maxLength": 256})
]
Password = Annotated[Text, StringConstraints(min_length=1, max_length=4096)]
RefreshToken = Annotated[Text, StringConstraints(min_length=1, max_length=256)]
DeviceOrCurrent = Annotated[
    str, Field(pattern=rf"{DEVICE_ID_PATTERN}|^current$", max_length=10, description="A device id, or `current`.")
]
Limit = Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=200, description="At most so many.")]
SeqBound = Annotated[int, BeforeValidator(_whole_number), Field(ge=0, le=SEQ_MAX)]
Seq = Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=SEQ_MAX)]
OptionalSeq = SeqBound | SkipJsonSchema[None]
