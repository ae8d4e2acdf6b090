"""The other end of the uplink on existing engines: a JetStream stream, and a consumer that keeps it in PostgreSQL."""
