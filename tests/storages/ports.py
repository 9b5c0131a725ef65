"""Ports for servers of the tests."""

from __future__ import annotations

import os
import random
import socket

# Below those that systems hand out by themselves, so that nobody is given one before its server
# is there, or while that is away; each only once, and others in each process.
_ports = iter(random.Random(os.getpid()).sample(range(10_000, 32_768), 10_000))


def free_port() -> int:
    """A port at which nobody listens."""
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("all were used")
