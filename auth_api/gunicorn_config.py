"""How gunicorn runs the service: `python -m auth_api serve` points at this file."""

import encodings.idna  # noqa: F401  # see below: the name of each host is encoded with it
import gc
import os
import shutil
from typing import TYPE_CHECKING

import cryptography.hazmat.backends.openssl.backend  # noqa: F401  # see below: the first signature needs it
from prometheus_client import multiprocess

from auth_api.app import create_app
from auth_api.errors import KeyFilesError
from auth_api.logs import configure_logging
from auth_api.services import EXTENSION, SHARED_DIR
from auth_api.settings import load_all

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.gthread import ThreadWorker

_SETTINGS = load_all()

wsgi_app = "auth_api.app:create_app()"
preload_app = True  # made once, before the fork: its memory is then shared by all workers
# So are modules that are else loaded when they are first used, in each worker: 2 MiB of each.
proc_name = "nightjar-api"
bind = _SETTINGS.api_bind
workers = _SETTINGS.api_workers
worker_class = "auth_api.worker.ProblemWorker"
threads = _SETTINGS.api_threads
timeout = 60
graceful_timeout = 10
keepalive = 30
loglevel = "warning" if _SETTINGS.log_level == "info" else _SETTINGS.log_level
accesslog = None
errorlog = "-"
forwarded_allow_ips = ""
limit_request_line = 8190
worker_tmp_dir = None
control_socket_disable = True


def on_reload(server: "Arbiter") -> None:
    """Make the application again, for the keys may be others; the workers are then replaced."""
    try:
        server.app.callable = create_app(_SETTINGS)
    except KeyFilesError as error:
        server.log.error("going on with the keys of before: %s", error)  # noqa: TRY400  # one line, for people
    gc.unfreeze()


def pre_fork(_server: "Arbiter", _worker: "ThreadWorker") -> None:
    """Keep the garbage collector of the workers from writing to, and so copying, the memory that they share."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: "ThreadWorker") -> None:
    """Begin, in the worker's own process, what runs beside the requests."""
    configure_logging(_SETTINGS.log_level)
    worker.wsgi.extensions[EXTENSION].start()


def worker_exit(_server: "Arbiter", worker: "ThreadWorker") -> None:
    """End what runs beside the requests."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions[EXTENSION].stop()


def child_exit(_server: "Arbiter", worker: "ThreadWorker") -> None:
    """Forget the gauges of a worker that has ended."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library types it not


def on_exit(_server: "Arbiter") -> None:
    """Take away the directory that the workers shared."""
    if SHARED_DIR in os.environ:
        shutil.rmtree(os.environ[SHARED_DIR], ignore_errors=True)
