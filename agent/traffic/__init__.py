"""All that came in, in order, in one file; and the same decisions from it again, bit for bit."""
