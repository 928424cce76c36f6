"""`python -m archiver` runs an archiver; `… health` says whether it is ready; `… drain NUMBER` empties a queue."""

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Callable
from functools import partial

from archiver import health
from archiver.app import App
from archiver.errors import ArchiverError, SettingsError
from archiver.instance import choose
from archiver.settings import load_health_settings, load_settings

SWITCH_SECONDS = 0.0005
"""How long one of the two threads may have the interpreter while the other waits for it."""


def main(arguments: list[str]) -> int:
    """Run one command. 0 done or ready, 1 failed or not ready, 2 usage or a bad setting."""
    command: Callable[[], int]
    match arguments:
        case []:
            command = _run
        case ["health"]:
            command = _health
        case ["drain", number]:
            command = partial(_run, drain=True, number=number)
        case _:
            print("usage: python -m archiver [health | drain NUMBER]", file=sys.stderr)
            return 2
    try:
        return command()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except ArchiverError as error:
        print(f"the archiver ends: {error}", file=sys.stderr)
        return 1


def _run(*, drain: bool = False, number: str | None = None) -> int:
    settings = load_settings()
    instance = choose(settings, number)
    if drain and instance.stays_subscribed:
        raise SettingsError(f"{instance.client_id} is not drained: the broker gathers for it while no archiver runs")
    app = App(settings, instance, drain=drain)
    health.prepare(settings.archiver_health_file)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    # A message makes many objects and no cycles: looking for cycles as often as usual costs a fifth of the throughput.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    # Each answer of the database is to be taken while messages are read: the usual 5 ms cost a seventh of the speed.
    sys.setswitchinterval(SWITCH_SECONDS)
    while following := asyncio.run(app.run()):
        instance.release()
        instance = following
        app = App(settings, instance)
    return 0


def _health() -> int:
    ready, said = health.read(load_health_settings().archiver_health_file, time.time())
    print(said)
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
