"""What the REST server answers, checked before anything believes it (contract, section 6)."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictBool, StrictStr, StringConstraints
from pydantic import model_validator as checks

from wire.names import DEVICE_ID_PATTERN, GROUP_ID_PATTERN, USERNAME_PATTERN
from wire.receipts import SEQ_MAX

Username = Annotated[str, StringConstraints(strict=True, pattern=USERNAME_PATTERN)]
DeviceId = Annotated[str, StringConstraints(strict=True, pattern=DEVICE_ID_PATTERN)]
Seq = Annotated[int, Field(strict=True, gt=0, le=SEQ_MAX)]
Short = Annotated[str, StringConstraints(strict=True, max_length=1024)]
Reaction = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64)]
GroupId = Annotated[str, StringConstraints(strict=True, pattern=GROUP_ID_PATTERN)]
Role = Literal["owner", "admin", "member"]
Token = Annotated[SecretStr, Field(min_length=1, max_length=16384)]


class Answer(BaseModel):
    """An answer of the server; what it has beyond the fields named here is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Mqtt(Answer):
    """The `mqtt` block: where the broker is, and what it lets us in with."""

    host: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255)]
    port: Annotated[int, Field(strict=True, gt=0, le=65535)]
    tls: StrictBool
    username: Username
    password: Token
    client_id: Short
    expires_at: datetime

    @checks(mode="after")
    def _in_utc(self) -> Self:
        if self.expires_at.tzinfo is None:
            raise ValueError("expires_at has no time zone")
        return self


class User(Answer):
    """A user's public profile."""

    username: Username
    display_name: Short | None = None
    created_at: Short | None = None


class Device(Answer):
    """The device that a login made."""

    id: DeviceId
    name: Short | None = None


class Login(Answer):
    """The answer to a login and to a refresh."""

    access_token: Token
    expires_in: Annotated[int, Field(strict=True, gt=0, le=10**9)]
    refresh_token: Token
    device: Device
    user: User
    mqtt: Mqtt


class DeviceEntry(Answer):
    """One login session in the list of them."""

    id: DeviceId
    name: Short | None = None
    created_at: Short
    last_seen_at: Short
    current: StrictBool


class Devices(Answer):
    """The user's login sessions."""

    sessions: Annotated[list[DeviceEntry], Field(max_length=10_000)]


class With(Answer):
    """A conversation, as the user sees it."""

    type: Literal["direct", "group"]
    with_: Annotated[Username | None, Field(alias="with")] = None
    id: GroupId | None = None

    @checks(mode="after")
    def _named(self) -> Self:
        if (self.with_ if self.type == "direct" else self.id) is None:
            raise ValueError("the conversation has no name")
        return self

    @property
    def name(self) -> str:
        """Name it as receipts do: `direct:bob`."""
        return f"{self.type}:{(self.with_ if self.type == 'direct' else self.id) or ''}"


class Body(Answer):
    """What a stored message says: as text, or as base64."""

    content_type: Short
    body: StrictStr | None = None
    body_base64: StrictStr | None = None

    def content(self) -> bytes:
        """Return the body's bytes; a retracted message has none. Raises ValueError."""
        if self.body is not None:
            return self.body.encode(errors="replace")
        try:
            return base64.b64decode(self.body_base64 or "", validate=True)
        except binascii.Error as error:
            raise ValueError("body_base64 is no base64") from error


class RestMessage(Body):
    """A stored message."""

    id: Short
    seq: Seq
    conversation: With
    sender: Username
    sent_at: datetime
    received_at: datetime
    relation: Short | None = None
    relates_to: Seq | None = None
    edited_at: datetime | None = None
    retracted_at: datetime | None = None
    reactions: dict[Reaction, list[Username]] | None = None

    @checks(mode="after")
    def _readable(self) -> Self:
        self.content()
        times = (self.sent_at, self.received_at, self.edited_at, self.retracted_at)
        if any(time is not None and time.tzinfo is None for time in times):
            raise ValueError("a time has no time zone")
        return self


class Group(Answer):
    """A group, as the caller sees it; `role` is None when they are no member."""

    id: GroupId
    title: Short
    visibility: Literal["private", "open"]
    history: Literal["since_joining", "all"]
    created_at: Short | None = None
    role: Role | None = None
    members: Annotated[int, Field(strict=True, ge=0)]


class GroupsPage(Answer):
    """The frame of a list of groups; the groups are checked one by one."""

    groups: list[dict[str, object]]
    next_cursor: Short | None = None


class Member(Answer):
    """A member of a group."""

    username: Username
    role: Role
    joined_at: Short


class MembersPage(Answer):
    """The frame of a page of members; they are checked one by one."""

    members: list[dict[str, object]]
    next_cursor: Short | None = None


class Blocks(Answer):
    """Whom the user blocks."""

    blocked: Annotated[list[Username], Field(max_length=100_000)]


class Version(Body):
    """What a message said once. `seq` is of the message that brought it."""

    seq: Seq
    sent_at: datetime

    @checks(mode="after")
    def _readable(self) -> Self:
        self.content()
        if self.sent_at.tzinfo is None:
            raise ValueError("a time has no time zone")
        return self


class Versions(Answer):
    """All versions of a message, oldest first; none of one that was retracted."""

    versions: Annotated[list[dict[str, object]], Field(max_length=100_000)]


class Found(Answer):
    """A message that was searched for, and the part of it that matches."""

    message: dict[str, object]
    highlight: Annotated[str, StringConstraints(strict=True, max_length=65536)] | None = None


class SearchPage(Answer):
    """The frame of a page of what was found, newest first."""

    results: Annotated[list[Found], Field(max_length=1000)]
    has_more: StrictBool


class ConversationEntry(Answer):
    """One conversation in the list of them."""

    conversation: With
    title: Short | None = None
    last_message: RestMessage | None = None
    unread: Annotated[int, Field(strict=True, ge=0)]
    last_read_seq: Annotated[int, Field(strict=True, ge=0, le=SEQ_MAX)] = 0
    their_delivered_seq: Annotated[int, Field(strict=True, ge=0, le=SEQ_MAX)] | None = None
    their_read_seq: Annotated[int, Field(strict=True, ge=0, le=SEQ_MAX)] | None = None


class Page(Answer):
    """The frame of a page of messages; the messages are checked one by one."""

    messages: list[dict[str, object]]
    has_more: StrictBool
    next_after_seq: Annotated[int, Field(strict=True, ge=0, le=SEQ_MAX)] | None = None


class ConversationsPage(Answer):
    """The frame of a page of conversations."""

    conversations: list[dict[str, object]]
    next_cursor: Short | None = None
