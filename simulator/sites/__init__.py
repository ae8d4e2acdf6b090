"""Whole sites, composed of parts."""
