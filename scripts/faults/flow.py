"""Whether messages flow, from what the clients tell."""

from scripts.faults.control import Standing
from scripts.faults.world import World


def flows(world: World, since: float) -> bool:
    """Whether each sender knows a message stored that it has put into its outbox after `since`, or has none left."""
    standings = world.standings()
    return all(person.name in standings and _goes_on(standings[person.name], since) for person in world.people)


def who_waits(world: World, since: float) -> str:
    """Name some of those for whom nothing flows."""
    standings = world.standings()
    waiting = [p for p in world.people if p.name not in standings or not _goes_on(standings[p.name], since)]
    return f" (waiting: {', '.join(f'{person.name} of {person.client}' for person in waiting[:4])} …)"


def put(world: World) -> int:
    """Count what was put into the outboxes so far."""
    return sum(standing.put for standing in world.standings().values())


def left(world: World) -> int:
    """Count what was never put into an outbox."""
    return sum(person.quota for person in world.people) - put(world)


def waiting(world: World) -> int:
    """Count what is in the outboxes."""
    return sum(standing.waiting for standing in world.standings().values())


def _goes_on(standing: Standing, since: float) -> bool:
    done = standing.put >= standing.quota and standing.waiting == 0
    return standing.at > since and (done or standing.confirmed_put_at > since)
