"""What the REST interface promises to a program that has only an HTTP library."""

from uuid import uuid4

import httpx

from tests.e2e.mqtt_peer import Peer
from tests.e2e.people import Login, Person


def test_health_readiness_keys_specification_and_docs_are_served(server: str) -> None:
    """Without a login; the keys are public ones."""
    with httpx.Client(base_url=server, timeout=60, follow_redirects=True) as client:
        for path in ("/healthz", "/readyz", "/metrics", "/docs"):
            assert client.get(path).status_code == 200, path
        specification = client.get("/openapi.json").json()
        keys = client.get("/.well-known/jwks.json").json()["keys"]
    assert specification["openapi"].startswith("3.")
    assert "/v1/conversations/direct/{username}/messages" in specification["paths"]
    assert {key["alg"] for key in keys} == {"ES256"}
    assert not any("d" in key for key in keys), "a private key is published"


def test_the_sync_feed_has_everything_in_order_and_skips_nothing(alice: Person, bob: Person) -> None:
    """Page by page from a cursor."""
    reader, writer = alice.login(), bob.login()
    start = _newest_seq(reader)
    bodies = [f"{number} {uuid4()}" for number in range(5)]
    with Peer(writer.mqtt) as peer:
        for body in bodies:
            peer.publish(f"users/{alice.username}/inbox/{bob.username}", body.encode())
    reader.wait_for_message(bob.username, bodies[-1])
    read: list[object] = []
    cursor, more, seqs = start, True, []
    while more:
        page = reader.get("/v1/messages", after_seq=cursor, limit=2)
        read += [message["body"] for message in page["messages"]]
        seqs += [message["seq"] for message in page["messages"]]
        cursor, more = page["next_after_seq"], page["has_more"]
    assert read == bodies
    assert seqs == sorted(set(seqs))
    assert reader.get("/v1/messages", after_seq=cursor)["messages"] == []


def test_nobody_reads_the_conversation_of_two_others(alice: Person, bob: Person, server: str) -> None:
    """A message one may not read is not there."""
    reader, writer = alice.login(), bob.login()
    secret = f"between us {uuid4()}"
    with Peer(writer.mqtt) as peer:
        peer.publish(f"users/{bob.username}/inbox/{bob.username}", secret.encode())
    seq = writer.wait_for_message(bob.username, secret)["seq"]
    assert reader.request("GET", f"/v1/messages/{seq}").status_code == 404
    assert httpx.get(f"{server}/v1/messages/{seq}", timeout=60).status_code == 401


def test_errors_are_problem_documents_that_name_the_field(server: str, alice: Person) -> None:
    """As RFC 9457 says."""
    bad_name = httpx.post(
        f"{server}/v1/users", json={"username": "Alice", "password": "long enough, surely"}, timeout=30
    )
    assert bad_name.status_code == 422
    assert bad_name.headers["content-type"].startswith("application/problem+json")
    assert [error["field"] for error in bad_name.json()["errors"]] == ["username"]
    taken = httpx.post(
        f"{server}/v1/users", json={"username": alice.username, "password": "long enough, surely"}, timeout=30
    )
    assert taken.status_code == 409
    assert taken.json()["status"] == 409
    assert alice.login().request("GET", "/v1/messages", params={"limit": 201}).status_code == 422


def test_a_refresh_token_is_good_for_one_successor(alice: Person) -> None:
    """The device stays the same one."""
    login = alice.login()
    renewed = httpx.post(
        f"{alice.server}/v1/sessions/refresh", json={"refresh_token": login.answer["refresh_token"]}, timeout=30
    )
    assert renewed.status_code == 200
    assert renewed.json()["device"]["id"] == login.device_id
    assert renewed.json()["refresh_token"] != login.answer["refresh_token"]
    unknown = httpx.post(f"{alice.server}/v1/sessions/refresh", json={"refresh_token": "x" * 43}, timeout=60)
    assert unknown.status_code == 401


def _newest_seq(reader: Login) -> int:
    conversations = reader.get("/v1/conversations", limit=1)["conversations"]
    return max((conversation["last_message"]["seq"] for conversation in conversations), default=0)
