"""Conversations and messages: what is asked, and what is answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from auth_api.schemas.types import Limit, Model, OptionalSeq, PathModel, QueryModel, Seq, SeqBound, Storable
from wire.message import Relation

Cursor = Annotated[str, Field(min_length=1, max_length=64), Storable]


class ConversationsQuery(QueryModel):
    """A page of the list of conversations."""

    limit: Limit = 50
    cursor: Cursor | SkipJsonSchema[None] = Field(default=None, description="`next_cursor` of the page before.")


class HistoryQuery(QueryModel):
    """A page of a conversation: what is newest, what lies before a seq, or what lies after one."""

    limit: Limit = 50
    before_seq: OptionalSeq = Field(default=None, description="Only what is older. Not together with after_seq.")
    after_seq: OptionalSeq = Field(default=None, description="Only what is newer. Not together with before_seq.")

    @model_validator(mode="after")
    def _one_direction(self) -> "HistoryQuery":
        if self.before_seq is not None and self.after_seq is not None:
            raise PydanticCustomError("two_directions", "before_seq and after_seq do not go together")
        return self


class FeedQuery(QueryModel):
    """A page of the sync feed."""

    after_seq: SeqBound = Field(default=0, description="Only what is newer.")
    limit: Limit = 50


class SeqPath(PathModel):
    """A message named in a path."""

    seq: Seq


class DirectConversation(Model):
    """The conversation with one user."""

    type: Literal["direct"]
    other: str = Field(alias="with")


class GroupConversation(Model):
    """A group's conversation."""

    type: Literal["group"]
    id: str


AnyConversation = Annotated[DirectConversation | GroupConversation, Field(discriminator="type")]


class Message(Model):
    """A stored message, as it is after its edits.

    It has a `body`, a `body_base64`, or, when it retracts another or was retracted, neither.
    """

    id: UUID
    seq: int = Field(ge=1)
    conversation: AnyConversation
    sender: str
    content_type: str
    body: str | SkipJsonSchema[None] = None
    body_base64: str | SkipJsonSchema[None] = None
    sent_at: datetime
    received_at: datetime
    relation: Relation | SkipJsonSchema[None] = None
    relates_to: int | SkipJsonSchema[None] = Field(default=None, description="The seq of the other message.")
    edited_at: datetime | SkipJsonSchema[None] = Field(
        default=None, description="When the edit that brought this body was received."
    )
    retracted_at: datetime | SkipJsonSchema[None] = Field(default=None, description="When its retraction was received.")
    reactions: dict[str, list[str]] | SkipJsonSchema[None] = Field(
        default=None, description="Who reacted with what; of the newest 200 of a message."
    )


class Version(Model):
    """What a message said once. It has a `body` or a `body_base64`."""

    seq: int = Field(ge=1, description="Of the message that brought it: the first one, or an edit.")
    content_type: str
    body: str | SkipJsonSchema[None] = None
    body_base64: str | SkipJsonSchema[None] = None
    sent_at: datetime


class VersionList(Model):
    """A message's versions, oldest first; none when it was retracted. Of its edits the newest 100."""

    versions: list[Version]


class ConversationEntry(Model):
    """A conversation in the list."""

    conversation: AnyConversation
    title: str | SkipJsonSchema[None] = Field(default=None, description="A group's.")
    last_message: Message = Field(description="The newest that the caller may read.")
    unread: int = Field(
        ge=0,
        le=10_000,
        description="Messages, replies and messages in threads of others above last_read_seq; more are not counted.",
    )
    last_read_seq: int = Field(ge=0)
    their_delivered_seq: int | SkipJsonSchema[None] = Field(
        default=None, ge=1, description="How far the other's devices have it; not in groups."
    )
    their_read_seq: int | SkipJsonSchema[None] = Field(
        default=None, ge=1, description="How far the other has read; not in groups."
    )


class ConversationList(Model):
    """A page of conversations, the one with the newest message first."""

    conversations: list[ConversationEntry]
    next_cursor: str | None


class MessagePage(Model):
    """A page of messages in ascending seq."""

    messages: list[Message]
    has_more: bool


class FeedPage(Model):
    """A page of the sync feed in ascending seq."""

    messages: list[Message]
    has_more: bool
    next_after_seq: int = Field(ge=0)
