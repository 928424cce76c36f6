"""`/v1/search`: full text over what the caller may read."""

from flask_openapi3.blueprint import APIBlueprint

from auth_api.message_json import messages_json
from auth_api.openapi import answers, resource
from auth_api.requests import claims, require_token
from auth_api.schemas.search import SearchQuery, SearchResults
from auth_api.search.finding import Asked, find
from auth_api.services import services
from auth_api.views.answers import Json


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_token(resource("search", "Full text over what the caller may read."))
    api.get("/search", responses=answers({200: SearchResults}, 401, 404, 422))(search)
    return [api]


def search(query: SearchQuery) -> Json:
    """Search all messages that the caller may read and that are text or JSON; the newest are first.

    An edited message is found by its newest body only, a retracted one not at all. It may answer 503 when phrases of
    very frequent words are searched for in a long archive.
    """
    asked = Asked(query.q, query.other, query.group, query.before_seq)
    page = find(services().pool, claims(), asked, query.limit)
    shown = messages_json(message for message, _ in page.found)
    results = [{"message": each, "highlight": snippet} for each, (_, snippet) in zip(shown, page.found, strict=True)]
    return {"results": results, "has_more": page.has_more}
