"""Key files: the private signing key and the refresh key of the service, the public keys that all may read.

`NIGHTJAR_KEYS_DIR` holds `signing/{kid}.pem` and `refresh.key`, for the service alone (0600).
`NIGHTJAR_PUBLIC_KEYS_DIR` holds `{kid}.pem`; the broker reads the same directory.
A kid is the first 16 hex digits of the SHA-256 of the public key's DER.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from auth_api.errors import KeyFilesError

_REFRESH_KEY_BYTES = 32
_SETTLED_NS = 1_000_000_000
"""A directory that changed this recently may change again within the same tick of its clock."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key that signs, and its name."""

    kid: str
    private: ec.EllipticCurvePrivateKey


def load_signing_key(keys_dir: Path) -> SigningKey:
    """Load the newest signing key. Raises KeyFilesError."""
    with _readable(keys_dir):
        found = sorted((keys_dir / "signing").glob("*.pem"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        if not found:
            raise KeyFilesError(f"no signing key in {keys_dir}; run `python -m auth_api keys init`")
        key = serialization.load_pem_private_key(found[-1].read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyFilesError(f"{found[-1]} is no P-256 private key")
    return SigningKey(kid_of(key.public_key()), key)


def load_refresh_key(keys_dir: Path) -> bytes:
    """Load the key that refresh tokens are derived with. Raises KeyFilesError."""
    with _readable(keys_dir):
        key = (keys_dir / "refresh.key").read_bytes()
    if len(key) != _REFRESH_KEY_BYTES:
        raise KeyFilesError(f"{keys_dir / 'refresh.key'} does not hold {_REFRESH_KEY_BYTES} bytes")
    return key


def kid_of(key: ec.EllipticCurvePublicKey) -> str:
    """Name a public key."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:16]


class PublicKeys:
    """The public keys of a directory, read again whenever the directory changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._keys: Mapping[str, ec.EllipticCurvePublicKey] = {}

    def all(self) -> Mapping[str, ec.EllipticCurvePublicKey]:
        """Return the keys by kid. Raises KeyFilesError."""
        with self._lock, _readable(self._folder):
            changed = self._folder.stat().st_mtime_ns
            if changed != self._seen:
                self._keys = dict(_read_public(self._folder))
                settled = time.time_ns() - changed > _SETTLED_NS
                self._seen = changed if settled else None
            return self._keys

    def jwks(self) -> dict[str, object]:
        """Write the keys as a JSON Web Key Set."""
        about = {"use": "sig", "alg": "ES256"}
        return {
            "keys": [
                {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": kid, **about}
                for kid, key in sorted(self.all().items())
            ]
        }


def init_keys(keys_dir: Path, public_dir: Path) -> str:
    """Make what is missing, leave what is there; return the kid that signs. Raises KeyFilesError."""
    with _locked(keys_dir):
        if not (keys_dir / "refresh.key").exists():
            _write(keys_dir / "refresh.key", secrets.token_bytes(_REFRESH_KEY_BYTES), 0o600)
        if not any((keys_dir / "signing").glob("*.pem")):
            return _make_pair(keys_dir, public_dir)
        current = load_signing_key(keys_dir)
        _write_public(public_dir, current.kid, current.private.public_key())
        return current.kid


def rotate_keys(keys_dir: Path, public_dir: Path) -> tuple[str, list[str]]:
    """Make a new pair; return its kid and the kids whose public keys stay. Raises KeyFilesError.

    The new public key is there before the new private one, so nobody meets a token it cannot verify. The old
    private keys go: nothing new is signed with them once the workers have been told (SIGHUP to gunicorn).
    """
    with _locked(keys_dir):
        old = list((keys_dir / "signing").glob("*.pem"))
        new = _make_pair(keys_dir, public_dir)
        for path in old:
            path.unlink()
    return new, sorted(path.stem for path in public_dir.glob("*.pem") if path.stem != new)


def _make_pair(keys_dir: Path, public_dir: Path) -> str:
    private = ec.generate_private_key(ec.SECP256R1())
    kid = kid_of(private.public_key())
    _write_public(public_dir, kid, private.public_key())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(keys_dir / "signing" / f"{kid}.pem", pem, 0o600)
    return kid


def _write_public(public_dir: Path, kid: str, key: ec.EllipticCurvePublicKey) -> None:
    path = public_dir / f"{kid}.pem"
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    if not path.exists() or path.read_bytes() != pem:
        public_dir.mkdir(parents=True, exist_ok=True)
        _write(path, pem, 0o644)


def _read_public(folder: Path) -> Iterator[tuple[str, ec.EllipticCurvePublicKey]]:
    for path in sorted(folder.glob("*.pem")):
        try:
            key = serialization.load_pem_public_key(path.read_bytes())
        except ValueError:
            key = None
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            yield kid_of(key), key
        else:
            _LOG.warning("%s is no P-256 public key and is left out", path)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is either whole or not there, never readable by more than `mode` says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)


@contextlib.contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise KeyFilesError(f"cannot use the keys in {folder}: {' '.join(str(error).split())}") from error


@contextlib.contextmanager
def _locked(keys_dir: Path) -> Iterator[None]:
    with _readable(keys_dir):
        (keys_dir / "signing").mkdir(mode=0o700, parents=True, exist_ok=True)
        keys_dir.chmod(0o700)
        with (keys_dir / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
