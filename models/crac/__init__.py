"""The planner's graph for a CRAC and its racks: build, twin, golden vectors, promises."""
