"""Key rotation: keys come and go while the broker runs."""

import resource
import time
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.broker.conftest import RealmFactory
from tests.support.broker import Realm
from tests.support.peer import connects
from tests.support.stack import wait_for
from tests.support.tokens import KeyPair, mint, mqtt_claims
from wire.tokens import user_acl


def _accepts(realm: Realm, key: KeyPair, user: str = "alice") -> bool:
    token = mint(key, user, f"{user}.x", user_acl(user))
    return connects(lambda: realm.connect(user, f"{user}.x", token=token))


def _under(key: KeyPair, kid: str, client_id: str = "alice.x") -> str:
    """Sign a good token of alice's, and name the key as the file is called."""
    claims = mqtt_claims("alice", client_id, user_acl("alice"))
    return jwt.encode(claims, key.private, "ES256", headers={"kid": kid})


def _pem(key: PrivateKeyTypes) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_two_keys_are_good_at_the_same_time(new_realm: RealmFactory) -> None:
    """A second public key appears: tokens by both work at once, and nobody is disconnected."""
    realm = new_realm().start()
    stays, second = realm.connect("bob"), KeyPair.new()
    assert not _accepts(realm, second)
    second.write_public(realm.broker.keys)
    wait_for(lambda: _accepts(realm, second), "the new key is found", timeout=NOTICED_SECONDS)
    assert _accepts(realm, realm.key)
    assert stays.connected


def test_a_new_key_is_found_by_the_first_token_that_names_it(new_realm: RealmFactory) -> None:
    """Who gets the very first token of a new key need not wait until the broker looks again."""
    realm = new_realm().start()
    second = KeyPair.new()
    second.write_public(realm.broker.keys)
    assert _accepts(realm, second)


def test_a_removed_key_stops_working(new_realm: RealmFactory) -> None:
    """For new connections, and for those that were let in by it: a key is removed when it is not to be trusted."""
    realm = new_realm().start()
    second = KeyPair.new()
    path = second.write_public(realm.broker.keys)
    stays = realm.connect("bob")
    token = mint(second, "alice", "alice.x", user_acl("alice"))
    leaves = realm.connect("alice", "alice.x", token=token)

    path.unlink()

    leaves.wait_closed(timeout=NOTICED_SECONDS)
    assert not _accepts(realm, second)
    assert stays.connected


def test_sighup_reads_the_keys_again_and_disconnects_nobody(new_realm: RealmFactory) -> None:
    """As for any other configuration."""
    realm = new_realm().start()
    stays, second = realm.connect("bob"), KeyPair.new()
    second.write_public(realm.broker.keys)
    realm.broker.reload()
    wait_for(lambda: _accepts(realm, second), "the new key is found", timeout=NOTICED_SECONDS)
    assert _accepts(realm, realm.key)
    assert stays.subscribe("users/bob/#") == 1


def test_a_directory_that_cannot_be_read_changes_nothing(new_realm: RealmFactory) -> None:
    """A volume that is away for a moment must not disconnect everybody."""
    realm = new_realm().start()
    stays = realm.connect("bob")
    away = realm.broker.keys.with_name("away")
    realm.broker.keys.rename(away)
    realm.broker.reload()
    wait_for(lambda: "cannot be read, the old ones stay" in realm.broker.log, "the error in the log")
    assert _accepts(realm, realm.key)
    assert stays.connected
    away.rename(realm.broker.keys)


def test_a_broker_out_of_file_descriptors_keeps_the_keys_it_has(new_realm: RealmFactory) -> None:
    """Whoever holds enough sockets open makes files unreadable; that must not disconnect everybody."""
    realm = new_realm().start()
    stays = realm.connect("bob")
    pid = realm.broker.pid
    in_use = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use + 1, before[1]))
    (realm.broker.keys / "notes.txt").touch()  # the directory can be listed, with the last descriptor, but no key read
    wait_for(lambda: "the old ones stay: Too many open files" in realm.broker.log, "the error in the log")
    assert stays.subscribe("users/bob/#") == 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert _accepts(realm, realm.key)
    assert stays.connected


@pytest.mark.parametrize("name", ["notes.txt", ".hidden.pem.new", "a b.pem", "x" * 70 + ".pem", ".pem"])
def test_other_files_beside_the_keys_are_no_keys(new_realm: RealmFactory, name: str) -> None:
    """Only `{kid}.pem` counts."""
    realm = new_realm()
    realm.broker.keys.mkdir(parents=True)
    (realm.broker.keys / name).write_bytes(KeyPair.new().public_pem)
    realm.start()
    assert "nightjar: 1 keys in ./keys" in realm.broker.log


def test_files_that_hold_no_public_key_are_no_keys(new_realm: RealmFactory) -> None:
    """Nor is a private key one, or an empty file, or a huge one, or a directory."""
    realm, key = new_realm(), KeyPair.new()
    keys = realm.broker.keys
    (keys / "directory.pem").mkdir(parents=True)
    (keys / "empty.pem").touch()
    (keys / "huge.pem").write_bytes(key.public_pem + b"x" * 100_000)
    (keys / f"{key.kid}.pem").write_bytes(key.private_pem)
    realm.start()
    assert "nightjar: 1 keys in ./keys" in realm.broker.log
    assert not _accepts(realm, key)


def test_a_file_that_only_looks_like_a_key_does_no_harm(new_realm: RealmFactory, tmp_path: Path) -> None:
    """A broken key verifies nothing; the others go on."""
    del tmp_path
    realm, key = new_realm(), KeyPair.new()
    realm.broker.keys.mkdir(parents=True)
    (realm.broker.keys / f"{key.kid}.pem").write_bytes(key.public_pem[:60] + b"\n-----END PUBLIC KEY-----\n")
    realm.start()
    assert not _accepts(realm, key)
    assert _accepts(realm, realm.key)


def test_a_file_replaced_by_another_key(new_realm: RealmFactory) -> None:
    """The name stays, the key does not: tokens by the old one are refused, whoever came in by one has to go."""
    realm, old, new = new_realm().start(), KeyPair.new(), KeyPair.new()
    path = realm.broker.keys / "shared.pem"
    path.write_bytes(old.public_pem)
    stays = realm.connect("bob")
    leaves = realm.connect("alice", "alice.x", token=_under(old, "shared"))
    partial = path.with_name(".new")
    partial.write_bytes(new.public_pem)

    partial.replace(path)

    leaves.wait_closed(timeout=NOTICED_SECONDS)
    assert not connects(lambda: realm.connect("alice", "alice.x", token=_under(old, "shared")))
    assert connects(lambda: realm.connect("alice", "alice.x", token=_under(new, "shared")))
    assert stays.connected


def test_a_file_written_over_in_place(new_realm: RealmFactory) -> None:
    """The directory does not change by it, so that SIGHUP is what makes the broker look."""
    realm, old, new = new_realm().start(), KeyPair.new(), KeyPair.new()
    path = realm.broker.keys / "shared.pem"
    path.write_bytes(old.public_pem)
    leaves = realm.connect("alice", "alice.x", token=_under(old, "shared"))

    path.write_bytes(new.public_pem)
    realm.broker.reload()

    leaves.wait_closed(timeout=NOTICED_SECONDS)
    assert not connects(lambda: realm.connect("alice", "alice.x", token=_under(old, "shared")))
    assert connects(lambda: realm.connect("alice", "alice.x", token=_under(new, "shared")))


def test_a_key_under_two_names(new_realm: RealmFactory) -> None:
    """Each name is a key of its own: when one goes, those who came in by the other stay."""
    realm, key = new_realm().start(), KeyPair.new()
    first, second = realm.broker.keys / "first.pem", realm.broker.keys / "second.pem"
    first.write_bytes(key.public_pem)
    second.write_bytes(key.public_pem)
    leaves = realm.connect("alice", "alice.x", token=_under(key, "first"))
    stays = realm.connect("alice", "alice.y", token=_under(key, "second", "alice.y"))

    first.unlink()

    leaves.wait_closed(timeout=NOTICED_SECONDS)
    assert stays.subscribe("users/alice/#") == 1
    assert not connects(lambda: realm.connect("alice", "alice.x", token=_under(key, "first")))


NOTICED_SECONDS = 25.0
"""Less than the 30 s after which the plugin reads all keys anyway, or nothing else need have noticed."""
UNUSABLE: dict[str, bytes] = {
    "a broken one": KeyPair.new().public_pem[:60] + b"\n-----END PUBLIC KEY-----\n",
    "a P-384 key": _pem(ec.generate_private_key(ec.SECP384R1())),
    "a key of another curve of 256 bits": _pem(ec.generate_private_key(ec.SECP256K1())),
    "an RSA key": _pem(rsa.generate_private_key(65537, 2048)),
    "an Ed25519 key": _pem(ed25519.Ed25519PrivateKey.generate()),
    "a key that wants a password": KeyPair.new().public_pem.replace(
        b"KEY-----\n",
        b"KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n",
        1,
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_an_unusable_key_appears_beside_a_good_one(new_realm: RealmFactory, kind: str) -> None:
    """It verifies nothing and the log says that it is there; the good one goes on, with those who came in by it."""
    realm = new_realm().start()
    stays = realm.connect("bob")
    (realm.broker.keys / "unusable.pem").write_bytes(UNUSABLE[kind])
    wait_for(
        lambda: "1 files in ./keys are no public keys of P-256" in realm.broker.log,
        "a line in the log",
        timeout=NOTICED_SECONDS,
    )
    assert _accepts(realm, realm.key)
    assert not connects(lambda: realm.connect("alice", "alice.x", token=_under(KeyPair.new(), "unusable")))
    assert stays.connected
    (realm.broker.keys / "unusable.pem").write_bytes(realm.key.public_pem)
    realm.broker.reload()
    token = _under(realm.key, "unusable")
    wait_for(lambda: connects(lambda: realm.connect("alice", "alice.x", token=token)), "the mended key is found")


def test_unknown_key_ids_do_not_keep_the_broker_reading(new_realm: RealmFactory) -> None:
    """Somebody who invents key ids makes it look at the directory at most once a second."""
    realm = new_realm().start()
    started = time.monotonic()
    for _ in range(50):
        assert not _accepts(realm, KeyPair.new())
    assert time.monotonic() - started < 20
    assert _accepts(realm, realm.key)
