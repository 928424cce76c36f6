"""`/v1/blocks`: whose messages the caller is not shown."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from auth_api import blocks
from auth_api.openapi import answers, resource
from auth_api.requests import caller, require_session
from auth_api.schemas.accounts import BlockList, UsernamePath
from auth_api.services import services
from auth_api.views.answers import Json, done


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_session(resource("blocks", "Whose messages the caller is not shown."))
    api.get("/blocks", responses=answers({200: BlockList}, 401, 422))(list_blocks)
    api.put("/blocks/<username>", responses=answers({204: "Blocked."}, 401, 404, 422))(block)
    api.delete("/blocks/<username>", responses=answers({204: "Not blocked."}, 401, 404, 422))(unblock)
    return [api]


def list_blocks() -> Json:
    """List whom the caller blocks."""
    return {"blocked": blocks.blocked(services().pool, caller())}


def block(path: UsernamePath) -> Response:
    """Block a user: from now on their messages are hidden from the caller, for good. They cannot tell."""
    blocks.block(services().pool, caller(), path.username)
    return done()


def unblock(path: UsernamePath) -> Response:
    """End a block: what the user writes from now on is shown."""
    blocks.unblock(services().pool, caller(), path.username)
    return done()
