"""Tokens: ES256 JWTs for the API and the broker, opaque ones for refreshing (contract, section 5)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from auth_api.errors import UnauthenticatedError
from auth_api.keys import PublicKeys, SigningKey
from wire.names import client_id, is_device_id, is_username
from wire.tokens import ALGORITHM, API_AUDIENCE, ISSUER, MQTT_AUDIENCE, AclRule, user_acl

_REFUSED: Final = 'Bearer error="invalid_token"'
_CLAIMS: Final = ["iss", "aud", "sub", "sid", "iat", "exp"]
_REMEMBERED: Final = 1000
"""Access tokens, of half a kilobyte each."""
GROUPS_MOST: Final = 110
"""Memberships that a user's MQTT token can hold: with the longest names it then has 62 kB, of at most 65,535 bytes."""

Keys = Mapping[str, EllipticCurvePublicKey]
"""Public keys by their kid."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Whose access token it is; that the device still exists is for the database to say."""

    username: str
    device_id: str


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was found sound by these keys, and until when it is (Unix seconds)."""

    claims: AccessClaims
    keys: Keys
    expires: int


@dataclass(frozen=True, slots=True)
class MqttToken:
    """An MQTT password: the token, who may use it, and when it ends (Unix seconds)."""

    token: str
    username: str
    client_id: str
    expires_at: int


class TokenMaker:
    """Signs tokens. `now_ms` gives Unix milliseconds; lifetimes are in seconds."""

    def __init__(self, key: SigningKey, now_ms: Callable[[], int], access_seconds: int, mqtt_seconds: int) -> None:
        self._key = key
        self._now_ms = now_ms
        self.access_seconds = access_seconds
        self.mqtt_seconds = mqtt_seconds

    def access(self, username: str, device_id: str) -> str:
        """Sign an access token."""
        now = self._now_ms() // 1000
        claims = {"sub": username, "sid": device_id, "iat": now, "exp": now + self.access_seconds}
        return self._sign({"aud": API_AUDIENCE, **claims})

    def mqtt(self, username: str, device_id: str, issued_ms: int, groups: Sequence[str] = ()) -> MqttToken:
        """Sign a user's MQTT token, good for `groups` too.

        `issued_ms` must lie before the check that the device is alive, and before the groups were read.
        """
        acl = user_acl(username, groups[:GROUPS_MOST])
        return self.broker_token(username, client_id(username, device_id), acl, self.mqtt_seconds, issued_ms)

    def broker_token(
        self, username: str, client: str, acl: list[AclRule], seconds: int, issued_ms: int | None = None
    ) -> MqttToken:
        """Sign any MQTT token, a service's too."""
        issued = self._now_ms() if issued_ms is None else issued_ms
        expires = issued // 1000 + seconds
        claims: dict[str, object] = {
            "aud": MQTT_AUDIENCE,
            "sub": username,
            "client_id": client,
            "iat": issued // 1000,
            "iat_ms": issued,
            "exp": expires,
            "acl": [rule.as_claim() for rule in acl],
        }
        return MqttToken(self._sign(claims), username, client, expires)

    def _sign(self, claims: dict[str, object]) -> str:
        return jwt.encode(
            {"iss": ISSUER, **claims}, self._key.private, algorithm=ALGORITHM, headers={"kid": self._key.kid}
        )


class AccessTokens:
    """Reads access tokens. `now_ms` gives Unix milliseconds.

    Those that were sound are remembered, for a program sends the same one for minutes; each is looked at again when
    the keys have changed or its time is over.
    """

    def __init__(self, keys: PublicKeys, now_ms: Callable[[], int]) -> None:
        self._keys = keys
        self._now_ms = now_ms
        self._remembered: dict[str, _Verified] = {}

    def read(self, token: str) -> AccessClaims:
        """Verify an access token: signature, key, issuer, audience, expiry. Raises UnauthenticatedError."""
        keys = self._keys.all()
        known = self._remembered.get(token)
        if known is None or known.keys is not keys or self._now_ms() >= known.expires * 1000:
            known = _verify(token, keys)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[token] = known
        return known.claims


def _verify(token: str, keys: Keys) -> _Verified:
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise UnauthenticatedError("The access token is not valid.", challenge=_REFUSED)
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=API_AUDIENCE,
            issuer=ISSUER,
            options={"require": _CLAIMS, "strict_aud": True},
        )
    except jwt.ExpiredSignatureError as error:
        raise UnauthenticatedError("The access token has expired.", challenge=_REFUSED) from error
    except (jwt.InvalidTokenError, ValueError) as error:
        raise UnauthenticatedError("The access token is not valid.", challenge=_REFUSED) from error
    return _Verified(_claims(claims), keys, int(claims["exp"]))


def _claims(claims: dict[str, object]) -> AccessClaims:
    username, device = claims["sub"], claims["sid"]
    if isinstance(username, str) and isinstance(device, str) and is_username(username) and is_device_id(device):
        return AccessClaims(username, device)
    raise UnauthenticatedError("The access token is not valid.", challenge=_REFUSED)


def session_ended() -> UnauthenticatedError:
    """Say that a token is sound but its session is over."""
    return UnauthenticatedError("The session has ended.", challenge=_REFUSED)


def new_refresh_token() -> str:
    """Make the first refresh token of a session: 256 random bits."""
    return secrets.token_urlsafe(32)


def next_refresh_token(key: bytes, token: str) -> str:
    """Derive the one successor of a refresh token, so that it can be said again without being stored."""
    return base64.urlsafe_b64encode(hmac.digest(key, token.encode(), "sha256")).rstrip(b"=").decode()


def refresh_digest(token: str) -> bytes:
    """Return what is stored of a refresh token."""
    return hashlib.sha256(token.encode()).digest()
