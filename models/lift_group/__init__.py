"""The planner's graph for a lift group: build, twin, golden vectors, promises."""
