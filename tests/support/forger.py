"""Tokens put together by hand, as forgers do it."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from tests.support.tokens import REMOVE, KeyPair


@dataclass(frozen=True)
class Forger:
    """What somebody has who makes tokens: the claims that would be good, and everything public."""

    claims: dict[str, Any]
    key: KeyPair

    @property
    def header(self) -> dict[str, Any]:
        """The header of a good token."""
        return {"alg": "ES256", "typ": "JWT", "kid": self.key.kid}

    def sign(self, header: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
        """Put a token together by hand."""
        message = b".".join(encode(json.dumps(part).encode()) for part in (header, self.claims))
        return (message + b"." + encode(sign(message))).decode()

    def good(self, **claims: Any) -> str:
        """Sign with the real key, with other claims: what only a broken issuer would do."""
        changed = {name: value for name, value in {**self.claims, **claims}.items() if value is not REMOVE}
        return self.raw_claims(json.dumps(changed).encode())

    def raw_claims(self, text: bytes) -> str:
        """Sign any bytes with the real key."""
        return jwt.api_jws.encode(text, self.key.private, "ES256", headers={"kid": self.key.kid})


def encode(content: bytes) -> bytes:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=")
