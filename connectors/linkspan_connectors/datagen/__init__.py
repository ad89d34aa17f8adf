"""Invented records for demonstrations, tests and measurements: repeatable from a seed, at a chosen rate."""
