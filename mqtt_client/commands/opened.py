"""The login as commands open it that are not about sending: they deliver what was left in the outbox, afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mqtt_client.account import Account, open_account
from mqtt_client.commands.options import Options, notice
from mqtt_client.errors import ApiError, StorageError
from mqtt_client.leftovers import deliver_leftovers


@asynccontextmanager
async def opened(options: Options) -> AsyncIterator[Account]:
    """Open the profile's login for a block that does and prints the command's work. Raises NotLoggedInError."""
    async with open_account(options.open_profile(), options.asked_server) as account:
        try:
            yield account
        except ApiError:
            # The server is there. An error stays one line, so nothing is said of the outbox.
            await deliver(account, quietly=True)
            raise
        await deliver(account)


async def deliver(account: Account, *, quietly: bool = False) -> None:
    """Deliver what was left in the outbox, and say so in a line. It changes nothing about how the command ends."""
    try:
        said = str(await deliver_leftovers(account))
    except StorageError as error:
        said = str(error)
    if said and not quietly:
        notice(said)
