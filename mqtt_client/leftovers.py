"""What an earlier command left in the outbox, killed or out of time: any command that runs later delivers it."""

import asyncio
from dataclasses import dataclass

from mqtt_client.account import Account
from mqtt_client.errors import ClientError
from mqtt_client.session import Session, alongside
from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What became of them: how many are stored by now, were rejected, and still wait, and what stood in the way."""

    stored: int = 0
    rejected: int = 0
    waiting: int = 0
    obstacle: str = ""

    def __str__(self) -> str:
        """Say it in one line; empty when nothing had been left."""
        counts = ((self.stored, "sent late"), (self.rejected, "rejected"), (self.waiting, "still waiting"))
        said = ", ".join(f"{count} {what}" for count, what in counts if count)
        return (
            f"left in the outbox by earlier commands: {said}{self.obstacle and f' ({self.obstacle})'}" if said else ""
        )


async def deliver_leftovers(account: Account, seconds: float = _SECONDS) -> Leftovers:
    """Deliver what waits in the outbox, for at most so long; no longer when the server is out of reach.

    A process that has the profile's connection does it without us, and nothing is said of it. Raises StorageError
    when the store cannot be read; whatever else goes wrong is the obstacle.
    """
    if not account.profile.store_file(account.credentials.server, account.username).exists():
        return Leftovers()
    with account.store() as store:
        ids = [id_ for id_, _ in store.outbox()]
        if not ids:
            return Leftovers()
        is_ours, obstacle = await _delivered(account, store, seconds)
        if not is_ours:
            return Leftovers()
        left = {id_ for id_, _ in store.outbox()}
        gone = [id_ for id_ in ids if id_ not in left]
        rejected = sum(1 for id_ in gone if (result := store.result(id_)) and result.seq is None)
        return Leftovers(len(gone) - rejected, rejected, len(ids) - len(gone), obstacle)


async def _delivered(account: Account, store: Store, seconds: float) -> tuple[bool, str]:
    """Say whether it was ours to deliver, and what stood in the way."""
    is_ours, obstacle = True, ""
    async with WakeUps(account.profile.wakeups) as wakeups:
        session = Session(account.api, store, wakeups, account.profile)
        try:
            async with asyncio.timeout(seconds):
                await session.begin()
                is_ours = session.is_owner
                if is_ours:
                    await alongside(session, _emptied(store, wakeups), patient=False)
        except TimeoutError:
            pass
        except ClientError as error:
            obstacle = str(error)
        except asyncio.CancelledError:
            # The command has done its work; an impatient Ctrl-C ends the wait.
            obstacle = "interrupted"
        finally:
            session.release()
    return is_ours, obstacle


async def _emptied(store: Store, wakeups: WakeUps) -> None:
    while True:
        count = wakeups.count
        if not store.outbox():
            return
        await wakeups.changed_since(count)
