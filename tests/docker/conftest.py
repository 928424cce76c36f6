"""The containers that the tests look at; without a Docker engine the tests are skipped, and the summary says so."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.stack.ports import free_port
from tests.docker.compose import Compose, compose_command, engine_problem

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="package")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """Build and start everything from a copy of the tree, under a project name of its own; remove it afterwards."""
    problem = engine_problem()
    if problem:
        pytest.skip(problem)
    tree = tmp_path_factory.mktemp("tree")
    _copy_tree(tree)
    settings = {
        "NIGHTJAR_API_BIND": f"127.0.0.1:{free_port()}",
        "NIGHTJAR_MQTT_BIND": f"127.0.0.1:{free_port()}",
        "NIGHTJAR_IMAGE_TAG": "test",
        "NIGHTJAR_ACCESS_TOKEN_SECONDS": "600",
        "NIGHTJAR_API_WORKERS": "2",
    }
    (tree / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTJAR_", "COMPOSE_"))}
    project = f"nightjar-test-{secrets.token_hex(4)}"
    composed = Compose(tree, project, compose_command(), environment, settings)
    try:
        composed.up("--build")
        yield composed
    finally:
        composed.run("down", "--volumes", "--timeout", "20")


def _copy_tree(target: Path) -> None:
    """Copy what git knows or would add: what a clone of this state has."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
