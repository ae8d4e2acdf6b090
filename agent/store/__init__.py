"""SQLite on the gateway: samples, journal, outbox and learned parameters, kept through power cuts and outages."""
