"""Ports of the embedded stack: the wanted one if it is free, else the next that is."""

from __future__ import annotations

import socket

TRIES = 50


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def choose_port(wanted: int, *, taken: set[int]) -> int:
    """The wanted port, or the next free one; adds it to `taken`. Raises OSError if none of 50 is.

    taken: ports promised to others of this stack that may not be listening yet.
    """
    for port in range(wanted, wanted + TRIES):
        if port not in taken and is_free(port):
            taken.add(port)
            return port
    raise OSError(f"no free port from {wanted} to {wanted + TRIES - 1}")
