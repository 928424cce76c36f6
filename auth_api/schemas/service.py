"""Health, keys and problems."""

from typing import Literal

from pydantic import BaseModel, Field

from auth_api.schemas.types import Model


class FieldProblem(Model):
    """One field that is refused."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    errors: list[FieldProblem] | None = None


class Alive(Model):
    """The process answers."""

    status: Literal["alive"]


class Ready(Model):
    """Database and broker are within reach; `degraded` with a reason while messages pile up at the broker."""

    status: Literal["ready", "degraded"]
    reason: str | None = None


class Jwk(BaseModel):
    """A public key."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str
    use: Literal["sig"]
    alg: Literal["ES256"]


class Jwks(Model):
    """The public keys that verify tokens."""

    keys: list[Jwk]
