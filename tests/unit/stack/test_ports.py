"""Ports for servers that tests and benchmarks start."""

import socket
import subprocess
import sys
from pathlib import Path

from scripts.stack.ports import free_port

ROOT = Path(__file__).parents[3]


def test_no_outgoing_connection_is_given_a_free_port() -> None:
    """A server's port may be unused for a moment; the kernel must not give it away in the meantime."""
    lowest, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert all(1024 < free_port() < int(lowest) for _ in range(200))


def test_a_port_does_not_come_twice_before_a_server_listens_there() -> None:
    """The two ports of a stack are chosen before either of its servers starts."""
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == len(ports)


def test_a_port_in_use_is_passed_over() -> None:
    """Something else may listen on one of this process's ports."""
    taken = free_port()
    with socket.create_server(("127.0.0.1", taken)):
        assert taken not in {free_port() for _ in range(64)}


def test_two_processes_are_given_different_ports() -> None:
    """Tests run in several processes, each with servers of its own."""
    program = "from scripts.stack.ports import free_port; print([free_port() for _ in range(64)])"
    mine = {free_port() for _ in range(64)}
    theirs = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True)
    assert mine.isdisjoint(map(int, theirs.stdout.strip(" \n[]").split(",")))
