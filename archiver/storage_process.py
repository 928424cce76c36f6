"""The process that stores: it plans batches and writes them, while the archiver proper talks to the broker.

Both cost about the same, and within one Python process they would take turns. `remote` starts it, and nobody else. It
ends when the other end of its socket is closed, however that came about; the batch in hand is seen through.
"""

import signal
import sys
from multiprocessing.connection import Connection

from archiver.errors import OutageError, UnstorableError
from archiver.exchange import CHECK, decode_request, encode_answer, encode_error
from archiver.process import prepare
from archiver.storage import Storage


def main(descriptor: str, log_level: str) -> int:
    """Answer the requests that come over a socket; the first message on it is the URL of the database."""
    # A terminal interrupts all of its processes: when this one is to end, its parent will say so.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    prepare(log_level)
    with Connection(int(descriptor)) as parent:
        try:
            storage = Storage(parent.recv_bytes().decode())
            while True:
                parent.send_bytes(_answer(storage, parent.recv_bytes()))
        except (EOFError, ConnectionError):
            return 0


def _answer(storage: Storage, request: bytes) -> bytes:
    try:
        if request == CHECK:
            storage.check()
            return encode_answer([], [])
        origin, items = decode_request(request)
        return encode_answer(items, storage.store(origin, items))
    except (OutageError, UnstorableError) as error:
        return encode_error(error)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
