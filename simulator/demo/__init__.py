"""`make demo`: one simulated day twice on the real wire, and what came of it."""
