"""schemathesis reads /openapi.json and attacks what it finds: every answer as specified, and none a 5xx."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from tests.integration.api.archive import Archive
from tests.integration.api.people import Person, register
from tests.support.stack import RunningStack

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
ENDS_THE_SESSION = "^(sessions|me)_.*_(delete|put)$"
"""Operation ids of what may end the session of whoever asks, so these have a run of their own."""


def attack(api_stack: RunningStack, person: Person, folder: Path, seconds: int, *operations: str) -> str:
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        str(program), "run", f"{api_stack.server}/openapi.json",
        "--header", f"Authorization: {person.auth['Authorization']}",
        "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-time", str(seconds),
        "--seed", "20260131", "--suppress-health-check", "all", "--no-shrink", "--warnings", "off",
        "--report", "junit", "--report-junit-path", str(folder / "report.xml"), *operations,
    ]  # fmt: skip
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, "NO_COLOR": "1"}, check=False, capture_output=True, text=True,
        timeout=4 * seconds + 60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    return ran.stdout


def operations_but_those_that_end_the_session(api_stack: RunningStack) -> int:
    spec = httpx.get(f"{api_stack.server}/openapi.json", trust_env=False, timeout=60).json()
    ids = [operation["operationId"] for path in spec["paths"].values() for operation in path.values()]
    return len([each for each in ids if not re.search(ENDS_THE_SESSION, each)])


def test_every_answer_is_as_specified(
    api_stack: RunningStack, alice: Person, bob: Person, archive: Archive, tmp_path: Path
) -> None:
    for number in range(3):
        archive.store(alice.username, bob.username, f"{number}".encode())
        archive.store(bob.username, alice.username, bytes([number, 255]), "image/png")
    said = attack(api_stack, alice, tmp_path, 45, "--exclude-operation-id-regex", ENDS_THE_SESSION)
    assert " 500 " not in api_stack.api.log
    assert "Traceback" not in api_stack.api.log
    assert f"{operations_but_those_that_end_the_session(api_stack)} passed" in said
    assert "GET /v1/messages 200" in api_stack.api.log


def test_what_ends_a_session_answers_as_specified(api_stack: RunningStack, http: httpx.Client, tmp_path: Path) -> None:
    person = register(http, "schemathesis-ends")
    attack(api_stack, person, tmp_path, 15, "--include-operation-id-regex", ENDS_THE_SESSION)
