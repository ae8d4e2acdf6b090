"""Asks the drivers on time, keeps the live image, feeds the store."""
