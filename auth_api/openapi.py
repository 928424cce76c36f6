"""What the operations have in common in /openapi.json."""

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.models.tag import Tag

from auth_api.errors import PROBLEM_JSON
from auth_api.schemas.types import Model
from auth_api.settings import Settings

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": SecurityScheme(type="http", scheme="bearer", bearerFormat="JWT", description="The access token.")
}
_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
_PROBLEMS = {
    400: "The request is not as HTTP has it.",
    401: "Not authenticated: no token, or one that is void.",
    403: "Not allowed: the password is wrong, or the caller's role is not enough.",
    404: "There is no such thing, or none that the caller may see.",
    409: "Not as things are: the username is taken, a limit is reached, or a group would have no owner.",
    413: "The body is too long.",
    415: "The body is of another media type than JSON.",
    422: "A field, a parameter or the body is not as it must be.",
    429: "Too many attempts.",
    500: "The service has failed; its log says why.",
    503: "The database is away, or the service is too busy.",
}
_HEADERS = {
    401: {"WWW-Authenticate": "How to authenticate."},
    429: {"Retry-After": "Seconds to wait."},
    503: {"Retry-After": "Seconds to wait."},
}
_ALWAYS = (400, 413, 500, 503)


def answers(success: dict[int, type[Model] | str], *problems: int) -> dict[Any, Any]:
    """Describe an operation's answers: a model or, without a body, a sentence for each success; then problems.

    What any operation may answer is added.
    """
    described: dict[Any, Any] = {
        status: {"description": said} if isinstance(said, str) else said for status, said in success.items()
    }
    return described | {status: _problem(status) for status in sorted({*problems, *_ALWAYS})}


def plain(status: int, description: str, media_type: str, schema: dict[str, Any]) -> dict[Any, Any]:
    """Describe an answer that is no JSON model."""
    return {status: {"description": description, "content": {media_type: {"schema": schema}}}}


def resource(name: str, about: str, *, prefix: str = "/v1", private: bool = True) -> APIBlueprint:
    """Make the blueprint of a resource; a private one is for callers with an access token."""
    return APIBlueprint(
        name,
        __name__,
        url_prefix=prefix,
        abp_tags=[Tag(name=name.partition("_")[0], description=about)],
        abp_security=[{"bearer": []}] if private else [],
    )


def keep_operations(known: dict[str, Any], added: dict[str, Any]) -> None:
    """Carry the operations of paths that are known already over to the paths that will replace them."""
    for path in known.keys() & added.keys():
        for method in known[path].model_fields_set - added[path].model_fields_set:
            setattr(added[path], method, getattr(known[path], method))


def complete(spec: dict[str, Any], settings: Settings) -> None:
    """Write the lengths of passwords that the settings allow into the specification.

    And take out the answer for invalid input that the library writes where there is no input.
    """
    schemas = spec["components"]["schemas"]
    for schema, field in (("Registration", "password"), ("PasswordChange", "new_password")):
        schemas[schema]["properties"][field].update(minLength=settings.password_min, maxLength=settings.password_max)
    for item in spec["paths"].values():
        for operation in item.values():
            if "application/json" in operation["responses"]["422"]["content"]:
                del operation["responses"]["422"]


def _problem(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _PROBLEMS[status], "content": {PROBLEM_JSON: _PROBLEM}}
    if status in _HEADERS:
        described["headers"] = {
            name: {"description": about, "required": True, "schema": {"type": "string"}}
            for name, about in _HEADERS[status].items()
        }
    return described
