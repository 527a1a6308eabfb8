"""What the running interface listens on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

LISTENING = "0A"


def listening(port: int) -> set[str]:
    """Addresses that a socket on this port listens on, as the system's own tables write them."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, number = local.rpartition(":")
            if state == LISTENING and int(number, 16) == port:
                found.add(address)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's table of sockets")
def test_only_this_machine_can_reach_the_interface(start, monkeypatch):
    # A setting of the user's must not open it either.
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    (address,) = listening(start(None).port)
    order = sys.byteorder
    assert int(address, 16).to_bytes(4, order) == bytes([127, 0, 0, 1])
