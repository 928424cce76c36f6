"""Commands around groups: groups create, list, show, join, leave, add, remove, role, rename, delete."""

import click

from mqtt_client import groups as calls
from mqtt_client.account import safe_username
from mqtt_client.api import Api
from mqtt_client.commands.opened import opened
from mqtt_client.commands.options import Options, common, notice, run, say
from mqtt_client.groups import Listed, find_group
from mqtt_client.models import Group
from mqtt_client.render import as_json
from mqtt_client.text import visible

_group = click.argument("group", metavar="GROUP")
_user = click.argument("username", metavar="USER")
_ROLES = click.Choice(["owner", "admin", "member"])


@click.group(no_args_is_help=True, subcommand_metavar="COMMAND")
@common
def groups(options: Options) -> None:
    """Make groups, join and leave them, and say who is in them.

    GROUP is a group's id, or the #title of one of your groups.
    """
    del options  # taken by the commands below


@groups.command()
@click.argument("title", metavar="TITLE")
@click.option("--open", "is_open", is_flag=True, help="Anybody may find it and join; otherwise one has to be added.")
@click.option("--member", "members", metavar="USER", multiple=True, help="Somebody to be in it; may be repeated.")
@click.option(
    "--history",
    metavar="all|since_joining",
    type=click.Choice(["all", "since_joining"]),
    help="What a new member may read of the past; since_joining unless all is said.",
)
@common
def create(options: Options, title: str, members: tuple[str, ...], history: str | None, *, is_open: bool) -> None:
    """Make a group, with you as its owner."""
    for name in members:
        safe_username(name)

    async def work() -> None:
        async with opened(options) as account:
            made = await calls.create_group(account.api, title, is_open=is_open, history=history, members=members)
            say(as_json(made.rest) if options.json else made.group.id)

    run(work())


@groups.command("list")
@click.option("--open", "is_open", is_flag=True, help="All open groups, instead of those that you are in.")
@common
def list_(options: Options, *, is_open: bool) -> None:
    """List your groups, or the open ones."""

    async def work() -> None:
        async with opened(options) as account:
            for listed in await calls.list_groups(account.api, visibility="open" if is_open else None):
                say(as_json(listed.rest) if options.json else _line(listed.group))

    run(work())


@groups.command()
@_group
@common
def show(options: Options, group: str) -> None:
    """Show a group and who is in it.

    With --json the group is the first object, and each member one more.
    """

    async def work() -> None:
        async with opened(options) as account:
            found = await calls.show_group(account.api, await find_group(account.api, group, among_open=True))
            _say(options, found)
            if found.group.role is None:
                return
            for member, raw in await calls.members_of(account.api, found.group.id):
                say(as_json(raw) if options.json else f"  {member.username}  {member.role}")

    run(work())


@groups.command()
@_group
@common
def join(options: Options, group: str) -> None:
    """Join an open group; GROUP may be the #title of any open one."""

    async def work() -> None:
        async with opened(options) as account:
            _say(options, await calls.join_group(account.api, await find_group(account.api, group, among_open=True)))

    run(work())


@groups.command()
@_group
@common
def leave(options: Options, group: str) -> None:
    """Leave a group. What you could read, you can still read; its only owner cannot leave."""
    _remove(options, group, None)


@groups.command()
@_group
@_user
@click.option("--role", metavar="ROLE", type=_ROLES, default="member", show_default=True, help="What they may do.")
@common
def add(options: Options, group: str, username: str, role: str) -> None:
    """Add somebody to a group."""
    _set_role(options, group, username, role)


@groups.command()
@_group
@_user
@common
def remove(options: Options, group: str, username: str) -> None:
    """Take somebody out of a group; they are cut off at once."""
    _remove(options, group, username)


@groups.command()
@_group
@_user
@click.argument("role", metavar="owner|admin|member", type=_ROLES)
@common
def role(options: Options, group: str, username: str, role: str) -> None:
    """Change what a member of a group may do."""
    _set_role(options, group, username, role)


@groups.command()
@_group
@click.argument("title", metavar="TITLE")
@common
def rename(options: Options, group: str, title: str) -> None:
    """Give a group another title."""

    async def work() -> None:
        async with opened(options) as account:
            _say(options, await calls.rename_group(account.api, await find_group(account.api, group), title))

    run(work())


@groups.command()
@_group
@click.option("--yes", is_flag=True, help="Do not ask again.")
@common
def delete(options: Options, group: str, *, yes: bool) -> None:
    """Delete a group, for all who are in it."""
    options.open_profile().load()
    if not yes:
        click.confirm(f"Delete {visible(group)} for all its members", abort=True, err=True)

    async def work() -> None:
        async with opened(options) as account:
            group_id = await find_group(account.api, group)
            is_done = await calls.delete_group(account.api, group_id)
            say(as_json({"id": group_id, "status": "deleted"}) if options.json else f"deleted {group_id}")
            _warn(is_done=is_done)

    run(work())


def _set_role(options: Options, group: str, username: str, role: str) -> None:
    safe_username(username)

    async def work() -> None:
        async with opened(options) as account:
            group_id = await find_group(account.api, group)
            await calls.set_member(account.api, group_id, username, role)
            said = {"group": group_id, "username": username, "role": role}
            say(as_json(said) if options.json else f"{username} is {role} of {group_id}")

    run(work())


def _remove(options: Options, group: str, username: str | None) -> None:
    if username is not None:
        safe_username(username)

    async def work() -> None:
        async with opened(options) as account:
            await _take_out(options, account.api, group, username or account.username)

    run(work())


async def _take_out(options: Options, api: Api, group: str, username: str) -> None:
    group_id = await find_group(api, group)
    is_done = await calls.remove_member(api, group_id, username)
    said = {"group": group_id, "username": username, "role": None}
    say(as_json(said) if options.json else f"{username} is not in {group_id} any more")
    _warn(is_done=is_done)


def _say(options: Options, listed: Listed) -> None:
    say(as_json(listed.rest) if options.json else _line(listed.group))


def _line(group: Group) -> str:
    members = "1 member" if group.members == 1 else f"{group.members} members"
    mine = f", you are {group.role}" if group.role else ""
    return f"{group.id}  #{visible(group.title)}  {group.visibility}, {members}{mine}"


def _warn(*, is_done: bool) -> None:
    if not is_done:
        notice("the broker has not confirmed it yet: who was cut off may still be connected for a moment")
