"""The system users of servers that must not run as root."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.faults.isolation import why_not_isolated
from scripts.stack.config import ROOT

_NAME = "nightjar-tested"
_MAKE = f"""\
import pwd
from scripts.stack.users import ensure_user
ensure_user({_NAME!r})
print(f"{{pwd.getpwnam({_NAME!r}).pw_uid}}\\n", end="")  # as one write: four print at once
"""
_FILES = "passwd group shadow gshadow login.defs nsswitch.conf"


def test_several_at_once_make_one_user(tmp_path: Path) -> None:
    """On a new machine all processes of a test run make it at the same time, and each goes on with it at once."""
    if why := why_not_isolated():
        pytest.skip(why)
    # Nobody outside sees this /etc, and it goes with the last process that is in it.
    inside = f"""\
cd /etc && for name in {_FILES}; do [ ! -e $name ] || cp -p $name {shlex.quote(str(tmp_path))}; done
mount --bind {shlex.quote(str(tmp_path))} /etc && cd "$OLDPWD" || exit
for _ in 1 2 3 4; do "$0" -c "$1" & done
wait
"""
    argv = ["unshare", "--mount", "sh", "-c", inside, sys.executable, _MAKE]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    numbers = done.stdout.split()
    assert len(numbers) == 4
    assert len(set(numbers)) == 1
