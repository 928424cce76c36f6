"""`python -m mqtt_client`, installed as `nightjar`."""

import os
import sys


def main() -> int:
    """Run the command that the arguments name; return the exit status."""
    _open_closed_streams()
    try:
        from mqtt_client.commands.main import run_command_line  # noqa: PLC0415  # Ctrl-C while loading is quiet too
    except KeyboardInterrupt:
        return 1
    return run_command_line(sys.argv[1:])


def _open_closed_streams() -> None:
    """Give a standard stream that we were started without (`>&-`) nothing to read or write.

    Otherwise the next file to be opened, the store say, would get its number, and our output.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115  # of a descriptor, for good


if __name__ == "__main__":
    sys.exit(main())
