"""Keeps tasks alive, moves simulated time, tells systemd, writes logs. Knows nothing of the domain."""
