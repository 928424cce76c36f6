"""Search: what is asked, and what is answered."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from auth_api.schemas.messages import Message
from auth_api.schemas.types import GroupId, Limit, Model, OptionalSeq, QueryModel, Storable, Username


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Query = Annotated[str, Field(min_length=1, max_length=256), Storable, AfterValidator(_not_blank)]


class SearchQuery(QueryModel):
    """What is searched, and where."""

    q: Query = Field(description='Words that must all be there; "a phrase"; the beginning of a word*.')
    other: Username | SkipJsonSchema[None] = Field(
        default=None, alias="with", description="Only in the conversation with this user. Not together with group."
    )
    group: GroupId | SkipJsonSchema[None] = Field(
        default=None, description="Only in this group, as far as the caller may read it. Not together with with."
    )
    before_seq: OptionalSeq = Field(default=None, description="Only what is older.")
    limit: Limit = 50

    @model_validator(mode="after")
    def _one_place(self) -> "SearchQuery":
        if self.other is not None and self.group is not None:
            raise PydanticCustomError("two_places", "with and group do not go together")
        return self


class SearchResult(Model):
    """A message that was found."""

    message: Message
    highlight: str = Field(
        description="Some of the body around the first match. Each match in it stands between U+E000 and U+E001."
    )


class SearchResults(Model):
    """A page of what was found, the newest first."""

    results: list[SearchResult]
    has_more: bool
