"""Groups, as tests make and look at them."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from tests.integration.api.people import Person


def create(
    owner: Person,
    *,
    members: Sequence[str] = (),
    visibility: str = "private",
    history: str = "since_joining",
    title: str = "a group",
) -> str:
    """Make a group; return its id."""
    wanted = {"title": title, "visibility": visibility, "history": history, "members": list(members)}
    made = owner.ask("POST", "/v1/groups", json=wanted)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def roles(person: Person, group: str) -> dict[str, str]:
    """Ask for everybody's role."""
    found: dict[str, str] = {}
    query: dict[str, str | int] = {"limit": 200}
    while True:
        answer = person.ask("GET", f"/v1/groups/{group}/members", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found |= {each["username"]: each["role"] for each in page["members"]}
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def members(person: Person, group: str) -> list[str]:
    """Ask for the names of all members."""
    return list(roles(person, group))


def role_of(person: Person, group: str, member: Person) -> str | None:
    """Ask for a member's role."""
    return roles(person, group).get(member.username)


def claims_of(block: dict[str, str]) -> dict[str, Any]:
    """Read the claims of MQTT credentials."""
    payload = block["password"].split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def groups_in(block: dict[str, str]) -> set[str]:
    """Name the groups that MQTT credentials know of."""
    topics = [rule["topic"].split("/") for rule in claims_of(block)["acl"]]
    return {levels[1] for levels in topics if levels[0] == "groups"}
