"""`/v1/me`: the caller's own account."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from auth_api.openapi import answers, resource
from auth_api.requests import caller, require_session
from auth_api.schemas.accounts import AccountDeletion, PasswordChange, Profile, ProfileChange
from auth_api.services import services
from auth_api.views.answers import Json, ended, profile_json

_LATER = "Done here; the broker has not confirmed it in time and is told again."


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_session(resource("me", "The caller's own account."))
    api.get("/me", responses=answers({200: Profile}, 401, 422))(show)
    api.patch("/me", responses=answers({200: Profile}, 401, 415, 422))(change)
    gone = {204: "Deleted, and the broker has cut its connections.", 202: _LATER}
    api.delete("/me", responses=answers(dict(gone), 401, 403, 415, 422, 429))(delete)
    changed = {204: "Changed; every other session has ended.", 202: _LATER}
    api.put("/me/password", responses=answers(dict(changed), 401, 403, 415, 422, 429))(change_password)
    return [api]


def show() -> Json:
    """Show the caller's profile."""
    return profile_json(caller().user)


def change(body: ProfileChange) -> Json:
    """Change the caller's display name."""
    return profile_json(services().accounts.rename(caller(), body.display_name))


def delete(body: AccountDeletion) -> Response:
    """Delete the account. Its name cannot be registered again for a year, or as long as the server says."""
    return ended(services().accounts.delete(caller(), body.password))


def change_password(body: PasswordChange) -> Response:
    """Change the password and end every other session."""
    return ended(services().accounts.change_password(caller(), body.current_password, body.new_password))
