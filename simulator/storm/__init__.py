"""The storm: agent, plant and faults in virtual time, day after seeded day, laws checked at every step."""
