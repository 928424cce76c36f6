"""Sessions: logging in, refreshing, listing, ending; and what their tokens are."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import jwt
import pytest
from jwt import PyJWKSet
from psycopg2.extensions import connection

from tests.integration.api.people import PASSWORD, Person, assert_problem, log_in
from tests.support.stack import RunningStack
from wire.names import is_device_id
from wire.tokens import user_acl


def refresh(http: httpx.Client, token: str) -> httpx.Response:
    return http.post("/v1/sessions/refresh", json={"refresh_token": token})


def age_spent_tokens(db: connection, device: str, seconds: int) -> None:
    with db.cursor() as cur:
        cur.execute(
            "UPDATE refresh_tokens SET spent_at = spent_at - %s * interval '1 second' WHERE device_id = %s",
            (seconds, device),
        )


def test_a_login_gives_everything_a_client_needs(http: httpx.Client, alice: Person, api_stack: RunningStack) -> None:
    session = log_in(http, alice.username, PASSWORD, "Kitchen tablet")
    assert session["token_type"] == "Bearer"
    assert session["expires_in"] == 900
    assert session["device"]["name"] == "Kitchen tablet"
    assert is_device_id(session["device"]["id"])
    mqtt = session["mqtt"]
    assert (mqtt["host"], mqtt["port"], mqtt["tls"]) == ("127.0.0.1", api_stack.mqtt_port, False)
    assert (mqtt["username"], mqtt["client_id"]) == (alice.username, f"{alice.username}.{session['device']['id']}")


def test_tokens_are_verified_by_the_published_keys_alone(http: httpx.Client, alice: Person) -> None:
    keys = {key.key_id: key for key in PyJWKSet.from_dict(http.get("/.well-known/jwks.json").json()).keys}
    mqtt = alice.session["mqtt"]["password"]
    key = keys[jwt.get_unverified_header(mqtt)["kid"]]
    claims = jwt.decode(mqtt, key, algorithms=["ES256"], audience="mqtt", issuer="nightjar")
    assert claims["sub"] == alice.username
    assert claims["client_id"] == alice.session["mqtt"]["client_id"]
    assert claims["acl"] == [rule.as_claim() for rule in user_acl(alice.username)]
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat_ms"] - 1000 * time.time()) < 60_000
    access = jwt.decode(alice.session["access_token"], key, algorithms=["ES256"], audience="api", issuer="nightjar")
    assert (access["sub"], access["sid"]) == (alice.username, alice.device)


def test_an_mqtt_token_is_no_access_token(http: httpx.Client, alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.session['mqtt']['password']}"}
    assert_problem(http.get("/v1/me", headers=headers), 401)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Basic YTpi", "Bearer x.y.z", "Bearer é", "Bearer " + "a" * 4000]
)
def test_a_request_without_a_sound_token_is_refused(http: httpx.Client, header: str | None) -> None:
    headers = [] if header is None else [(b"Authorization", header.encode())]
    answer = http.get("/v1/me", headers=headers)
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_signed_otherwise_is_refused(http: httpx.Client, alice: Person) -> None:
    token = alice.session["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    forged = [
        jwt.encode(claims, "", algorithm="none", headers={"kid": kid}),
        jwt.encode(claims, "k" * 64, algorithm="HS256", headers={"kid": kid}),
        token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB"),
    ]
    for each in forged:
        assert_problem(http.get("/v1/me", headers={"Authorization": f"Bearer {each}"}), 401)


def test_fresh_mqtt_credentials_are_for_the_same_device(alice: Person) -> None:
    block = alice.ask("POST", "/v1/sessions/current/mqtt").json()
    assert block.keys() == alice.session["mqtt"].keys()
    assert block["client_id"] == alice.session["mqtt"]["client_id"]
    assert block["password"] != alice.session["mqtt"]["password"]


def test_sessions_are_listed_and_end_one_by_one(alice: Person) -> None:
    other = alice.again("Phone")
    listed = alice.ask("GET", "/v1/sessions").json()["sessions"]
    assert {(entry["id"], entry["name"], entry["current"]) for entry in listed} == {
        (alice.device, None, True),
        (other.device, "Phone", False),
    }
    assert alice.ask("DELETE", f"/v1/sessions/{other.device}").status_code == 204
    assert_problem(other.ask("GET", "/v1/me"), 401)
    assert_problem(alice.ask("DELETE", f"/v1/sessions/{other.device}"), 404)
    assert alice.ask("DELETE", "/v1/sessions/current").status_code == 204
    assert_problem(alice.ask("GET", "/v1/me"), 401)


@pytest.mark.parametrize("how", ["ended", "deleted"])
@pytest.mark.parametrize("path", ["me", "conversations", "messages", "messages/1", "conversations/direct/{}/messages"])
def test_a_session_that_is_over_is_refused_at_once_by_every_worker(
    api_stack: RunningStack, alice: Person, path: str, how: str
) -> None:
    url = f"{api_stack.server}/v1/{path.format(alice.username)}"
    with ExitStack() as opened:
        clients = [
            opened.enter_context(httpx.Client(trust_env=False, timeout=60, headers=alice.auth)) for _ in range(6)
        ]
        assert {each.get(url).status_code for each in clients} <= {200, 404}
        if how == "ended":
            assert alice.again().ask("DELETE", f"/v1/sessions/{alice.device}").status_code == 204
        else:
            assert alice.ask("DELETE", "/v1/me", json={"password": alice.password}).status_code == 204
        for each in clients:
            assert_problem(each.get(url), 401)


def test_all_sessions_end_together(alice: Person) -> None:
    other = alice.again()
    assert alice.ask("DELETE", "/v1/sessions").status_code == 204
    for person in (alice, other):
        assert_problem(person.ask("GET", "/v1/me"), 401)
        assert_problem(refresh(person.http, person.session["refresh_token"]), 401)


def test_nobody_ends_anothers_session(alice: Person, bob: Person) -> None:
    assert_problem(bob.ask("DELETE", f"/v1/sessions/{alice.device}"), 404)
    assert alice.ask("GET", "/v1/me").status_code == 200


def test_a_refresh_rotates_the_token_and_keeps_the_device(http: httpx.Client, alice: Person) -> None:
    answer = refresh(http, alice.session["refresh_token"])
    assert answer.status_code == 200
    session = answer.json()
    assert session.keys() == alice.session.keys()
    assert session["device"] == alice.session["device"]
    assert session["refresh_token"] != alice.session["refresh_token"]
    assert refresh(http, session["refresh_token"]).status_code == 200


def test_a_refresh_whose_answer_was_lost_gives_the_same_successor(http: httpx.Client, alice: Person) -> None:
    first = refresh(http, alice.session["refresh_token"]).json()
    second = refresh(http, alice.session["refresh_token"]).json()
    assert first["refresh_token"] == second["refresh_token"]
    assert http.get("/v1/me", headers={"Authorization": f"Bearer {second['access_token']}"}).status_code == 200


def test_many_refreshes_at_once_give_one_successor(api_stack: RunningStack, alice: Person) -> None:
    def one(_: int) -> httpx.Response:
        with httpx.Client(base_url=api_stack.server, trust_env=False, timeout=60) as client:
            return refresh(client, alice.session["refresh_token"])

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(one, range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_the_reuse_of_a_spent_token_ends_the_session(http: httpx.Client, alice: Person, db: connection) -> None:
    session = refresh(http, alice.session["refresh_token"]).json()
    age_spent_tokens(db, alice.device, 11)
    assert_problem(refresh(http, alice.session["refresh_token"]), 401)
    assert_problem(refresh(http, session["refresh_token"]), 401)
    assert_problem(http.get("/v1/me", headers={"Authorization": f"Bearer {session['access_token']}"}), 401)
    with db.cursor() as cur:
        cur.execute("SELECT count(*) FROM devices WHERE id = %s", (alice.device,))
        assert cur.fetchone() == (0,)
        client = f"{alice.username}.{alice.device}"
        cur.execute("SELECT confirmed_at IS NOT NULL FROM revocations WHERE client_id = %s", (client,))
        assert cur.fetchone() == (True,)


def test_an_expired_or_unknown_refresh_token_is_refused(http: httpx.Client, alice: Person, db: connection) -> None:
    with db.cursor() as cur:
        cur.execute("UPDATE refresh_tokens SET expires_at = now() WHERE device_id = %s", (alice.device,))
    assert_problem(refresh(http, alice.session["refresh_token"]), 401)
    assert_problem(refresh(http, "nonsense"), 401)


def test_no_refresh_token_is_stored_in_the_clear(alice: Person, db: connection) -> None:
    with db.cursor() as cur:
        cur.execute("SELECT count(*) FROM refresh_tokens WHERE token_sha256 = %s", (alice.session["refresh_token"],))
        assert cur.fetchone() == (0,)


@pytest.mark.parametrize("path", ["/v1/me", "/v1/messages"])
def test_last_seen_moves_at_most_once_a_minute(alice: Person, db: connection, path: str) -> None:
    def last_seen() -> float:
        with db.cursor() as cur:
            cur.execute("SELECT extract(epoch FROM last_seen_at)::float8 FROM devices WHERE id = %s", (alice.device,))
            row = cur.fetchone()
        assert row is not None
        seen: float = row[0]
        return seen

    before = last_seen()
    alice.ask("GET", path)
    assert last_seen() == before
    with db.cursor() as cur:
        cur.execute("UPDATE devices SET last_seen_at = now() - interval '61 seconds' WHERE id = %s", (alice.device,))
    alice.ask("GET", path)
    assert last_seen() > before


def test_a_wrong_password_and_an_unknown_user_are_answered_alike(http: httpx.Client, alice: Person) -> None:
    wrong = http.post("/v1/sessions", json={"username": alice.username, "password": "wrong wrong"})
    unknown = http.post("/v1/sessions", json={"username": "nobody-at-all", "password": "wrong wrong"})
    assert_problem(wrong, 401)
    assert wrong.content == unknown.content
    assert {**wrong.headers, "date": ""} == {**unknown.headers, "date": ""}
