"""What the terminal is written through, when the terminal goes away."""

import os
import pty
import signal
import threading

from textual.drivers._writer_thread import WriterThread

from mqtt_client.app.terminal import Output


def test_a_terminal_that_has_gone_takes_all_and_the_app_is_told_once() -> None:
    """However much is still written: whoever waits for the writer waits no longer than it takes."""
    told: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: told.append(number))
    try:
        terminal, end = pty.openpty()
        with os.fdopen(end, "w") as file:
            os.close(terminal)
            writer = WriterThread(Output(file))  # type: ignore[arg-type]  # it needs no more of a file
            writer.start()
            done = threading.Event()

            def write() -> None:
                for _ in range(100):
                    writer.write("\x1b[2J" * 1000)
                writer.stop()
                done.set()

            threading.Thread(target=write, daemon=True).start()
            assert done.wait(60)
            os.dup2(os.open(os.devnull, os.O_WRONLY), end)  # what it could not write would be an error at its end
    finally:
        signal.signal(signal.SIGHUP, before)
    assert told == [signal.SIGHUP]
