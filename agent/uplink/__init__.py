"""Outbox to upstream: at least once, in order, and only what the owner shares."""
