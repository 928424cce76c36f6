"""Letting the faults of a round strike, each when its time comes, also while others last."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from scripts.faults.injuries import Injury, make_injury
from scripts.faults.schedule import Round, Step
from scripts.faults.world import World


def strike_all(world: World, each: Round, before: Callable[[Step], None]) -> Sequence[Callable[[], None]]:
    """Strike, and return when all is repaired; `before` is called right before each strike.

    Returns what is left to be done of a fault of several phases, each when all has recovered from the one before.
    Raises what a fault raised; when interrupted, the others are over at once.
    """
    injuries = [make_injury(world, step) for step in each.steps]
    began = time.monotonic()

    def strike(step: Step, injury: Injury) -> None:
        world.halted.wait(max(0.0, began + step.delay - time.monotonic()))
        if not world.halted.is_set():
            before(step)
            injury.phases()[0]()

    with ThreadPoolExecutor(len(injuries)) as pool:
        strikes = [pool.submit(strike, step, injury) for step, injury in zip(each.steps, injuries, strict=True)]
        try:
            done, _ = wait(strikes, return_when=FIRST_EXCEPTION)
            for one in done:
                one.result()
        except BaseException:
            world.halted.set()
            raise
    return [phase for injury in injuries for phase in injury.phases()[1:]]
