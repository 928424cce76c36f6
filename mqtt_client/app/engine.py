"""The thread behind the screen. What the screen wants done goes in as coroutines, what happens comes out as changes."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from mqtt_client.app.changes import Change, Crashed
from mqtt_client.app.storage import Chats
from mqtt_client.errors import NotLoggedInError
from mqtt_client.profile import Profile

if TYPE_CHECKING:
    from mqtt_client.app.backend import Backend

Result = TypeVar("Result")
_STOP_SECONDS = 5.0
_SWITCH_SECONDS = 0.0005


class Engine:
    """Runs a backend in a thread with an event loop of its own, so that no disk and no network holds up the screen."""

    def __init__(
        self,
        profile: Profile,
        emit: Callable[[tuple[Change, ...]], None],
        chats: Chats | None,
        on_loaded: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the profile, whom to tell (called in the thread), and the local copy when it is open already.

        `on_loaded` is called, in the thread too, when all that the app consists of has been loaded.
        """
        self._profile = profile
        self._emit = emit
        self._chats = chats
        self._on_loaded = on_loaded
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopping = threading.Event()
        self._backend: Future[Backend] = Future()
        self._thread = threading.Thread(target=self._run, name="nightjar-backend", daemon=True)
        self._main: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        # The screen's thread waits no longer than that for the interpreter while this one works.
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._thread.start()

    def stop(self) -> None:
        """End; waits for a moment until what is under way is written."""
        self._is_stopping.set()
        if self._thread.is_alive():
            if self._loop is not None:
                with suppress(RuntimeError):  # it has just ended by itself
                    self._loop.call_soon_threadsafe(self._cancel)
            self._thread.join(_STOP_SECONDS)
        elif self._chats is not None:
            # It has never begun, or has closed them itself.
            self._chats.close()

    async def do(self, work: "Callable[[Backend], Awaitable[Result]]", *, logged_in: bool = False) -> Result:
        """Have the backend do something and return what came of it. Raises ClientError.

        Cancelling it cancels the work. What needs a login waits for a moment until it is open.
        """
        backend = await asyncio.shield(asyncio.wrap_future(self._backend))

        async def done() -> Result:
            if logged_in:
                await backend.ready()
            return await work(backend)

        if self._loop is None or self._is_stopping.is_set():
            raise NotLoggedInError("the app is ending")
        coming = done()
        try:
            result = asyncio.run_coroutine_threadsafe(coming, self._loop)
        except RuntimeError as error:  # the thread has just ended by itself, and has said why
            coming.close()
            raise NotLoggedInError("the app is ending") from error
        return await asyncio.wrap_future(result)

    def _cancel(self) -> None:
        if self._main:
            self._main.cancel()

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001  # it is raised again on the screen's side, and ends the app
            self._emit((Crashed(error),))

    async def _work(self) -> None:
        self._main = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self._is_stopping.is_set():
            return
        # Loaded here, after the first screen: what talks to the network takes longer to load than to show a screen.
        from mqtt_client.app.backend import Backend  # noqa: PLC0415  # see above

        self._on_loaded()
        backend = Backend(self._profile, self._emit, self._chats)
        self._backend.set_result(backend)
        await backend.run()
