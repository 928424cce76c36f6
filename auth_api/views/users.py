"""`/v1/users`: registering, and others' profiles."""

from flask_openapi3.blueprint import APIBlueprint

from auth_api.openapi import answers, resource
from auth_api.requests import address, open_to_all, require_session
from auth_api.schemas.accounts import Profile, Registration, UsernamePath
from auth_api.services import services
from auth_api.views.answers import Json, profile_json

_ABOUT = "Accounts and profiles."


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    public = open_to_all(resource("users_public", _ABOUT, private=False))
    public.post("/users", responses=answers({201: Profile}, 409, 415, 422, 429))(register)
    private = require_session(resource("users", _ABOUT))
    private.get("/users/<username>", responses=answers({200: Profile}, 401, 404, 422))(show_profile)
    return [public, private]


def register(body: Registration) -> tuple[Json, int]:
    """Make an account."""
    user = services().accounts.register(body.username, body.password, body.display_name, address())
    return profile_json(user), 201


def show_profile(path: UsernamePath) -> Json:
    """Show a user's public profile."""
    return profile_json(services().accounts.profile(path.username))
