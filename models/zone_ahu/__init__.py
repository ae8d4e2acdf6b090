"""The planner's graph for zones behind one air handler: build, twin, golden vectors, promises."""
