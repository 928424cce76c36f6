"""What there is while somebody is logged in."""

from dataclasses import dataclass

from mqtt_client.account import Account
from mqtt_client.app.pages import Pages
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync
from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps


@dataclass(frozen=True)
class Opened:
    """What there is while somebody is logged in, with or without the server."""

    account: Account
    store: Store
    wakeups: WakeUps
    chats: Chats
    sync: Sync
    pages: Pages
