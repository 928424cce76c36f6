"""What both processes of an archiver do first."""

import gc
import logging


def prepare(log_level: str) -> None:
    """Log to standard error from this level on, and look for cycles of objects seldom.

    A message makes many objects and no cycles: looking as often as usual costs a fifth of the throughput.
    """
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
