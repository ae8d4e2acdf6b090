"""What a site needs besides the agent: how to set it up, and the other end of its uplink."""
