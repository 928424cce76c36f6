"""Groups: what is asked, and what is answered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from auth_api.queries.groups import History, Role, Visibility
from auth_api.schemas.messages import Cursor
from auth_api.schemas.types import GroupId, Limit, Model, NotNull, PathModel, QueryModel, Title, Username


class NewGroup(Model):
    """Ask for a group."""

    title: Title
    visibility: Visibility
    history: History = Field(default="since_joining", description="What new members may read of the past.")
    members: list[Username] = Field(default=[], max_length=10_000, description="Whom to add.")


class GroupChange(Model):
    """Change a group; at least one of these."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Annotated[Title | SkipJsonSchema[None], NotNull] = None
    visibility: Annotated[Visibility | SkipJsonSchema[None], NotNull] = None
    history: Annotated[
        History | SkipJsonSchema[None], NotNull, Field(description="It counts for who joins from now on.")
    ] = None

    @model_validator(mode="after")
    def _something(self) -> "GroupChange":
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "must name title, visibility or history")
        return self


class Membership(Model):
    """What a member is to be."""

    role: Role


class GroupPath(PathModel):
    """A group named in a path."""

    group: GroupId


class MemberPath(GroupPath):
    """A member named in a path."""

    username: Username


class GroupsQuery(QueryModel):
    """Which groups: the caller's, or a page of the open ones."""

    visibility: Literal["open"] | SkipJsonSchema[None] = Field(default=None, description="All open groups.")
    limit: Limit = Field(default=50, description="At most so many open ones; of the caller's all are listed.")
    cursor: Cursor | SkipJsonSchema[None] = Field(default=None, description="`next_cursor` of the page before.")

    @model_validator(mode="after")
    def _only_open_pages(self) -> "GroupsQuery":
        if self.visibility is None and self.model_fields_set & {"limit", "cursor"}:
            raise PydanticCustomError("needs_open", "must be open where limit or cursor is given")
        return self


class MembersQuery(QueryModel):
    """A page of a group's members."""

    limit: Limit = 50
    cursor: Cursor | SkipJsonSchema[None] = Field(default=None, description="`next_cursor` of the page before.")


class Group(Model):
    """A group, as the caller sees it."""

    id: str
    title: str
    visibility: Visibility
    history: History
    created_at: datetime
    role: Role | None = Field(description="The caller's; null for who is no member.")
    members: int = Field(ge=0, description="How many it has.")


class GroupList(Model):
    """Groups in the order of their titles."""

    groups: list[Group]
    next_cursor: str | None = Field(description="Where the next page of open groups begins; null after the last.")


class Member(Model):
    """A member of a group."""

    username: str
    role: Role
    joined_at: datetime


class MemberList(Model):
    """A page of members in the order of their names."""

    members: list[Member]
    next_cursor: str | None
