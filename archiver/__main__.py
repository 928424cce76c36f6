"""`python -m archiver` runs the archiver; `python -m archiver health` says whether it is ready."""

import asyncio
import gc
import logging
import sys
import time

from archiver import health
from archiver.app import App
from archiver.errors import ArchiverError, SettingsError
from archiver.settings import load_health_settings, load_settings, read_credentials


def main(arguments: list[str]) -> int:
    """Run one command. 0 done or ready, 1 failed or not ready, 2 usage or a bad setting."""
    if arguments not in ([], ["health"]):
        print("usage: python -m archiver [health]", file=sys.stderr)
        return 2
    try:
        return _health() if arguments else _run()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except ArchiverError as error:
        print(f"the archiver ends: {error}", file=sys.stderr)
        return 1


def _run() -> int:
    settings = load_settings()
    credentials = read_credentials(settings.archiver_token_file, settings.client_id)
    health.prepare(settings.archiver_health_file)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.ERROR)

    async def run() -> None:
        await App(settings, credentials).run()

    # A message makes many objects and no cycles: looking for cycles as often as usual costs a fifth of the throughput.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    asyncio.run(run())
    return 0


def _health() -> int:
    ready, said = health.read(load_health_settings().archiver_health_file, time.time())
    print(said)
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
