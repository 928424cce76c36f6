"""MQTT tokens as tests need them: good ones, and each way in which one can be wrong."""

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from wire.tokens import ALGORITHM, ISSUER, MQTT_AUDIENCE, AclRule

REMOVE = object()
"""As the value of an override in `claims`: leave that claim out."""


@dataclass(frozen=True)
class KeyPair:
    """A signing key; `KeyPair.new()` makes one."""

    private: ec.EllipticCurvePrivateKey

    @staticmethod
    def new() -> "KeyPair":
        """Make a key for ES256."""
        return KeyPair(ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def public_pem(self) -> bytes:
        """The public key, as it stands in the broker's directory."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def private_pem(self) -> bytes:
        """The private key, unencrypted."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @cached_property
    def kid(self) -> str:
        """The key id: the first 16 hex digits of the SHA-256 of the public key's DER."""
        der = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()[:16]

    def write_public(self, directory: Path) -> Path:
        """Put the public key into the broker's directory, as a whole; returns the file."""
        partial, path = directory / f".{self.kid}.new", directory / f"{self.kid}.pem"
        partial.write_bytes(self.public_pem)
        partial.replace(path)
        return path


def mqtt_claims(
    sub: str, client_id: str, acl: Iterable[AclRule], ttl: float = 3600, overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write the claims of a good MQTT token; `overrides` replace single ones, or take them out (`REMOVE`)."""
    now = time.time()
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": MQTT_AUDIENCE,
        "sub": sub,
        "client_id": client_id,
        "iat": int(now),
        "iat_ms": int(now * 1000),
        "exp": int(now + ttl),
        "acl": [rule.as_claim() for rule in acl],
    }
    changed = {**claims, **(overrides or {})}
    return {name: value for name, value in changed.items() if value is not REMOVE}


def mint(key: KeyPair, sub: str, client_id: str, acl: Iterable[AclRule], ttl: float = 3600, **overrides: Any) -> str:
    """Sign a good MQTT token, valid for `ttl` seconds; keywords override single claims."""
    claims = mqtt_claims(sub, client_id, acl, ttl, overrides)
    return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})
