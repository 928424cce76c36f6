"""`/.well-known/jwks.json`: the public keys."""

from flask_openapi3.blueprint import APIBlueprint

from auth_api.openapi import answers, resource
from auth_api.schemas.service import Jwks
from auth_api.services import services
from auth_api.views.answers import Json


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = resource("keys", "Public keys.", prefix="/.well-known", private=False)
    api.get("/jwks.json", responses=answers({200: Jwks}))(jwks)
    return [api]


def jwks() -> tuple[Json, int, dict[str, str]]:
    """Show the public keys that verify tokens."""
    return services().keys.jwks(), 200, {"Cache-Control": "public, max-age=60"}
