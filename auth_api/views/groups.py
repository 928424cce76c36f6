"""`/v1/groups`: groups and their members."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from auth_api.cursors import decode_text_cursor, encode_text_cursor
from auth_api.openapi import answers, resource
from auth_api.queries.groups import Group
from auth_api.queries.members import Member
from auth_api.requests import caller, require_session
from auth_api.schemas import groups as schemas
from auth_api.services import services
from auth_api.views.answers import Json, done, ended
from wire.times import format_time

_LATER = "Done here; the broker has not confirmed it in time and is told again."
_DELETED = {204: "Deleted, and the broker has cut the members off.", 202: _LATER}
_REMOVED = {204: "No member any more, and the broker has cut them off.", 202: _LATER}


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = require_session(resource("groups", "Groups and their members."))
    api.get("/groups", responses=answers({200: schemas.GroupList}, 401, 422))(list_groups)
    api.post("/groups", responses=answers({201: schemas.Group}, 401, 409, 415, 422))(create)
    api.get("/groups/<group>", responses=answers({200: schemas.Group}, 401, 404, 422))(show)
    api.patch("/groups/<group>", responses=answers({200: schemas.Group}, 401, 403, 404, 415, 422))(change)
    api.delete("/groups/<group>", responses=answers(dict(_DELETED), 401, 403, 404, 422))(delete)
    api.post("/groups/<group>/join", responses=answers({200: schemas.Group}, 401, 404, 409, 422))(join)
    api.get("/groups/<group>/members", responses=answers({200: schemas.MemberList}, 401, 403, 404, 422))(list_members)
    member = "/groups/<group>/members/<username>"
    api.put(member, responses=answers({204: "A member in that role."}, 401, 403, 404, 409, 415, 422))(put_member)
    api.delete(member, responses=answers(dict(_REMOVED), 401, 403, 404, 409, 422))(remove_member)
    return [api]


def list_groups(query: schemas.GroupsQuery) -> Json:
    """List the caller's groups, or a page of the open ones."""
    if query.visibility is None:
        return {"groups": [group_json(group) for group in services().groups.own(caller())], "next_cursor": None}
    found, following = services().groups.open_page(caller(), decode_text_cursor(query.cursor), query.limit)
    return {"groups": [group_json(group) for group in found], "next_cursor": encode_text_cursor(following)}


def create(body: schemas.NewGroup) -> tuple[Json, int]:
    """Make a group, which the caller owns."""
    group = services().groups.create(caller(), body.title, body.visibility, body.history, body.members)
    return group_json(group), 201


def show(path: schemas.GroupPath) -> Json:
    """Show a group: one of the caller's, or an open one."""
    return group_json(services().groups.find(caller(), path.group))


def change(path: schemas.GroupPath, body: schemas.GroupChange) -> Json:
    """Change a group. Owners may; admins the title alone."""
    return group_json(services().groups.change(caller(), path.group, body.title, body.visibility, body.history))


def delete(path: schemas.GroupPath) -> Response:
    """Delete a group. Owners may. What members could read, they still can."""
    return ended(services().groups.delete(caller(), path.group))


def join(path: schemas.GroupPath) -> Json:
    """Join an open group. Who is a member stays what they are."""
    return group_json(services().groups.join(caller(), path.group))


def list_members(path: schemas.GroupPath, query: schemas.MembersQuery) -> Json:
    """List a group's members, for members."""
    after = decode_text_cursor(query.cursor)
    found, following = services().groups.members_page(caller(), path.group, after, query.limit)
    return {"members": [_member_json(member) for member in found], "next_cursor": encode_text_cursor(following)}


def put_member(path: schemas.MemberPath, body: schemas.Membership) -> Response:
    """Add a member, or change their role. Owners may; admins add members."""
    services().groups.put_member(caller(), path.group, path.username, body.role)
    return done()


def remove_member(path: schemas.MemberPath) -> Response:
    """Remove a member, or leave. Owners may remove anyone, admins members."""
    return ended(services().groups.remove_member(caller(), path.group, path.username))


def group_json(group: Group) -> Json:
    """Write a group as the caller sees it."""
    return {
        "id": group.id,
        "title": group.title,
        "visibility": group.visibility,
        "history": group.history,
        "created_at": format_time(group.created_at),
        "role": group.role,
        "members": group.members,
    }


def _member_json(member: Member) -> Json:
    return {"username": member.username, "role": member.role, "joined_at": format_time(member.joined_at)}
