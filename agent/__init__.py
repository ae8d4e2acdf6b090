"""hushwatt: an edge agent that stops machines from burning energy for nobody, and proves it."""

__version__ = "0.1.0"
