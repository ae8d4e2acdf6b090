"""One protocol each: from bytes on a wire to columns, and from a command to bytes."""
