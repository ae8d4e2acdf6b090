"""What every small-packet connection of ours asks of its socket."""

from __future__ import annotations

import socket

NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
"""Two small packets in a row else wait some 40 ms for the other side's delayed TCP acknowledgement (measured)."""
