"""`python -m mqtt_client`, installed as `nightjar`."""

import sys


def main() -> int:
    """Run the command that the arguments name; return the exit status."""
    try:
        from mqtt_client.commands.main import run_command_line  # noqa: PLC0415  # Ctrl-C while loading is quiet too
    except KeyboardInterrupt:
        return 1
    return run_command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
